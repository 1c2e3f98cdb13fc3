"""The store through the spool: the controller appends lines; one shipper beside it sends them."""

import errno
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from rnnsweep.config import known_keys
from rnnsweep.engine.scheduling.tasks import searched_keys
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import EndState
from rnnsweep.state.start import FREE
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE
from rnnsweep.tasks import score_named, spec_named
from rnnsweep.tasks.names import SCORE_TAG, TASK_TAG
from rnnsweep.tracking.machine.provenance import provenance
from rnnsweep.tracking.ship.shipper import Shipper
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.tracking.store.store import analyse, destination_of
from rnnsweep.tracking.tags import Tag
from rnnsweep.tracking.ui.views import SweepPicture, description, experiment_tags
from rnnsweep.trial import Outcome, TrialTask

COST = {"epochs": "work/epochs", "seconds": "time/seconds"}
_ENDS = {"finished": EndState.COMPLETE, "interrupted": EndState.INTERRUPTED}


def sweep_picture(sweep: Sweep, task: str, score: str, *, refits_baseline: bool) -> SweepPicture:
    """Return what the views of a sweep draw: its searched settings, each on its scale.

    Args:
        sweep: as it was asked.
        task: what is learnt.
        score: the score of it that decides.
        refits_baseline: the baseline has replicates, as the networks have.
    """
    dimensions = {
        d.key: d for d in (*sweep.space, *(x for some in sweep.per_architecture.values() for x in some))
    }
    return SweepPicture(
        question=sweep.question,
        architectures=sweep.architectures,
        searched=tuple(dict.fromkeys(k for a in sweep.architectures for k in searched_keys(sweep, a))),
        log_scaled=tuple(key for key, d in dimensions.items() if getattr(d, "log", False)),
        replicated=sweep.replicates > 0,
        task=task,
        score=score,
        refit=refits_baseline,
        shared=tuple(d.key for d in sweep.space if d.key in known_keys()),
    )


class Recording:
    """Keeps the sweep's own run, and ends the runs whose processes could not."""

    def __init__(
        self,
        mlruns: Path,
        *,
        uri: str | None = None,
        diff: bool = True,
        task: str | None = None,
        score: str | None = None,
    ) -> None:
        """Resolve the destination.

        Args:
            mlruns: the folder of results.
            uri: the store, as setting `tracking.uri`.
            diff: record what differs from the commit.
            task: what is learnt; None is the default task.
            score: the score of it that decides; None is its first.

        Raises:
            UserError: the store at `uri` does not answer, or an old one is in the way.
        """
        self._mlruns = mlruns
        self._task, self._score = spec_named(task), score_named(task, score)
        self.uri: str | None = destination_of(mlruns, uri)
        self._provenance = provenance(diff=diff)
        self.origin = {k: v for k, v in self._provenance.items() if k != "git.diff"}
        self._shipper: Shipper | None = None
        self._parent: RunRecord | None = None

    def begin(self, sweep: Sweep, key: str, *, refits_baseline: bool) -> None:
        """Open the sweep's own run, or go on with it, and start shipping."""
        folder = SweepFolder.of(self._mlruns, sweep.name)
        picture = sweep_picture(sweep, self._task.name, self._score.name, refits_baseline=refits_baseline)
        self._parent = RunRecord.open(
            self._mlruns,
            experiment=sweep.name,
            name=sweep.name,
            key=key,
            tags={**_tags(sweep, folder), TASK_TAG: self._task.name, SCORE_TAG: self._score.name},
            params=_params(sweep),
            config_yaml=None,
            uri=self.uri,
            description=description(sweep.question),
            experiment_tags=experiment_tags(picture, created_ms=time.time_ns() // 1_000_000),
            provenance=self._provenance,
            resume=True,
        )
        self._parent.artifact(sweep.text, "sweep.yaml")
        self._shipper = Shipper(self._mlruns, self.uri, waits_for=key, shared=True).start()

    def ended(self, task: TrialTask, outcome: Outcome) -> None:
        """End the run of a task whose process was lost before it could, and name an infeasible one."""
        if not outcome.recorded:
            _end(self._run_of(task), outcome)
        elif outcome.cause == INFEASIBLE:  # its process knew its scores, and no constraints
            self._run_of(task).tags({Tag.REASON: outcome.explanation})

    def interrupted(self, task: TrialTask) -> None:
        """End the run of a task that was stopped by force, until it continues."""
        # a process that ended before it could open its run left none; on a full disk the next command does it
        with suppress(ValueError, OSError):
            _end(RunRecord.attach(self._mlruns, task.key), Outcome(EndState.INTERRUPTED))

    def finish(self, state: str, tell: Callable[[int], object], *, wait: bool = True) -> None:
        """End the sweep's own run and wait until the store has all but pictures; tell how many runs wait.

        Args:
            state: how the sweep ended.
            tell: called with the number of runs that the store lacks.
            wait: False leaves the sending to the process that sends.
        """
        if self._parent is not None:
            self._parent.end(_ENDS.get(state, EndState.FAILED))
        if self._shipper is not None:
            patience = {} if wait else {"deadline_s": 0.0}
            self._shipper.close(**patience, tell=tell, pictures=False)
        analyse(self._mlruns)

    def _run_of(self, task: TrialTask) -> RunRecord:
        """Return the run of a task; one whose process ended before it could open it is opened here."""
        try:
            return RunRecord.attach(self._mlruns, task.key)
        except ValueError:
            return RunRecord.open(
                self._mlruns,
                experiment=task.experiment,
                name=task.name,
                key=task.key,
                tags=task.tags,
                parent_key=task.parent_key,
                uri=task.uri,
            )


def _end(record: RunRecord, outcome: Outcome) -> None:
    """End a run.

    Raises:
        OSError: the disk has no room for the line.
    """
    if outcome.state == EndState.FAILED:
        record.summary({COST[key]: v for key, v in outcome.scores.items() if key in COST})
    record.end(outcome.state, outcome.explanation)
    if record.flush():
        raise OSError(errno.ENOSPC, "no room for the end of the run", record.key)


_SETTINGS = ("trials", "seconds", "epochs", "replicates", "vary", "seed", "retries", "time_limit")


def _tags(sweep: Sweep, folder: SweepFolder) -> dict[str, str]:
    return {
        Tag.ROLE: "sweep",
        Tag.SWEEP: sweep.name,
        Tag.QUESTION: sweep.question,
        Tag.STORAGE: f"JournalStorage(JournalFileBackend({str(folder.journal)!r}))",
        # a resumed sweep may have others, and MLflow changes no parameter
        **{
            f"rnnsweep.{name}": str(value)
            for name in _SETTINGS
            if name in FREE and (value := getattr(sweep, name)) is not None
        },
    }


def _params(sweep: Sweep) -> Mapping[str, object]:
    return {
        "architectures": list(sweep.architectures),
        "sampler": sweep.sampler.name,
        "pruner": sweep.pruner.name,
        **{name: getattr(sweep, name) for name in _SETTINGS if name not in FREE},
    }
