"""Optuna's percentile pruner at a cost that does not grow with the trials of a study."""

import math
from bisect import insort
from typing import TYPE_CHECKING

import numpy as np
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial


class SortedPercentilePruner(BasePruner):
    """Decides as Optuna's `PercentilePruner`, from values that it keeps sorted.

    Optuna's reads and sorts the values of all complete trials at each report. A complete trial never changes,
    so this one takes each into account once, when it first meets it.

    Args:
        percentile: of the complete trials, the best, to keep.
        startup: complete trials before any is pruned.
        warmup: steps of a trial before it can be pruned.
        interval: steps between two decisions.
    """

    def __init__(self, percentile: float, *, startup: int, warmup: int, interval: int) -> None:
        self._percentile, self._startup = percentile, startup
        self._warmup, self._interval = warmup, interval
        self._forget(None)

    def _forget(self, study: "Study | None") -> None:
        self._study = study
        self._taken: set[int] = set()  # numbers of the complete trials whose values are below
        self._sorted: dict[int, list[float]] = {}  # step -> their values there, NaN left out

    def prune(self, study: "Study", trial: "FrozenTrial") -> bool:
        """See `BasePruner.prune`."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        step = trial.last_step
        if not complete or len(complete) < self._startup or step is None or not self._is_due(step, trial):
            return False
        more_is_better = study.direction == StudyDirection.MAXIMIZE
        own = [value for value in trial.intermediate_values.values() if not math.isnan(value)]
        if not own:
            return True
        self._take(study, complete)
        values = self._sorted.get(step)
        if not values:
            return False
        if more_is_better:
            return max(own) < percentile_of(values, 100 - self._percentile)
        return min(own) > percentile_of(values, self._percentile)

    def _is_due(self, step: int, trial: "FrozenTrial") -> bool:
        """Return whether a step is past the warm-up and the first of its interval that was reported."""
        if step < self._warmup:
            return False
        first = (step - self._warmup) // self._interval * self._interval + self._warmup
        return max((one for one in trial.intermediate_values if one != step), default=-1) < first

    def _take(self, study: "Study", complete: "Sequence[FrozenTrial]") -> None:
        """Take the values of the trials that completed since the last call; most are near the end."""
        if study is not self._study or len(complete) < len(self._taken):
            self._forget(study)
        left = len(complete) - len(self._taken)
        for trial in reversed(complete):
            if not left:
                return
            if trial.number not in self._taken:
                self._taken.add(trial.number)
                left -= 1
                for step, value in trial.intermediate_values.items():
                    if not math.isnan(value):
                        insort(self._sorted.setdefault(step, []), value)


def percentile_of(values: "Sequence[float]", percent: float) -> float:
    """Return what `numpy.percentile` returns, for values that are sorted already and none of them NaN."""
    place = (len(values) - 1) * (percent / 100)
    below = math.floor(place)
    low, high = values[below], values[min(below + 1, len(values) - 1)]
    if not (math.isfinite(low) and math.isfinite(high)):
        with np.errstate(all="ignore"):
            return float(np.percentile(values, percent))
    share = place - below  # as NumPy weighs two neighbours, to the last digit
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
