"""Checkpoints of trials that lost, removed while a large sweep runs: 100,000 trials would keep 200 GB."""

import shutil
from collections.abc import Mapping
from contextlib import suppress

from rnnsweep.errors import UserError
from rnnsweep.search.objectives import objective_values
from rnnsweep.search.study import Search
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.task_folder import TaskFolder
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE
from rnnsweep.trial import Outcome, TrialTask

LARGE = 1000  # trials of all architectures, above which only the best of each keeps its checkpoints


class Losers:
    """Keeps the checkpoints of the best trial of each architecture so far, and removes those of others.

    A sweep of up to `LARGE` trials keeps all of them, and so does one with several objectives, where any
    point of the front may be wanted. A failed trial keeps its own: it may be tried again.
    """

    def __init__(self, sweep: Sweep, folder: SweepFolder, searches: Mapping[str, Search]) -> None:
        self._sweep = sweep
        self._is_large = (sweep.trials or 0) * len(sweep.architectures) > LARGE and len(sweep.objectives) == 1
        self._best: dict[str, tuple[float, TaskFolder]] = {}
        for name, search in searches.items() if self._is_large else ():
            best = search.best_trial()
            if best is not None and search.best is not None:
                self._best[name] = (search.best, folder.task(f"{name}-{best.number}"))

    def ended(self, task: TrialTask, outcome: Outcome) -> None:
        """Remove what a trial that ended, or the best one before it, needs no more."""
        if not self._is_large or outcome.state not in ("complete", "pruned"):
            return
        competes = outcome.state == "complete" and outcome.cause != INFEASIBLE
        values = objective_values(self._sweep, outcome.scores) if competes else None
        before = self._best.get(task.architecture)
        if not values or (before is not None and values[0] <= before[0]):
            _remove(task.files)
            return
        self._best[task.architecture] = (values[0], task.files)
        if before is not None:
            _remove(before[1])


def _remove(task: TaskFolder) -> None:
    with suppress(OSError, UserError):  # they cost room and nothing else
        shutil.rmtree(task.checkpoints)
