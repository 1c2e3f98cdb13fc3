"""TPE whose proposal does not read all earlier trials again: the same proposals in a fraction of the time.

Optuna reads each trial of a study before each proposal. Trials that have ended never change, so they are
read once here, into arrays, and the arrays are split and sorted. A test names the private parts of Optuna
that this module uses, and another compares the proposals with Optuna's own.
"""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import (
    _get_infeasible_trial_score,
    _get_pruned_trial_score,
    default_gamma,
)
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

Parameter = tuple[str, BaseDistribution]
Params = Callable[[FrozenTrial], dict[str, Any]]
Numbers = NDArray[np.intp]
_ENDED, _RUNNING = (TrialState.COMPLETE, TrialState.PRUNED), (TrialState.RUNNING,)
_COMPLETE, _PRUNED, _INFEASIBLE = 1, 2, 3  # kinds of trials that have ended; 0: not read


class _Trials:
    """What the trials of one study that have ended hold, in arrays whose index is a trial's number."""

    def __init__(self) -> None:
        self.space = IntersectionSearchSpace(include_pruned=True)
        self._kind: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        self._ranks: NDArray[np.float64] = np.zeros((2, 0))  # what sorts trials of a kind, first row first
        self._values: dict[Parameter, NDArray[np.float64]] = {}  # NaN: not one of the trial's
        self._is_read: dict[Parameter, NDArray[np.bool_]] = {}  # which of `_values`

    def read(self, study: Study, ended: Sequence[FrozenTrial], numbers: Numbers) -> None:
        """Read the kind and rank of each trial, once.

        Args:
            study: whose direction says which are better.
            ended: trials that have ended.
            numbers: theirs.
        """
        room = 1 + int(numbers.max(initial=0))
        if room > self._kind.size:
            self._kind = _longer(self._kind, 2 * room, 0)
            self._ranks = np.stack([_longer(row, 2 * room, 0.0) for row in self._ranks])
        for index in np.flatnonzero(self._kind[numbers] == 0).tolist():
            number = numbers[index]
            self._kind[number], self._ranks[:, number] = _ranked(study, ended[index])

    def split(self, numbers: Numbers, below: int) -> tuple[Numbers, Numbers]:
        """Return the numbers of the `below` best trials and of the others, as Optuna's `_split_trials`."""
        best, others = [], []
        for kind in (_COMPLETE, _PRUNED, _INFEASIBLE):
            alike = numbers[self._kind[numbers] == kind]
            first, second = self._ranks[:, alike]
            alike = alike[np.lexsort((second, first))]
            taken = min(below, alike.size)
            best.append(alike[:taken])
            others.append(alike[taken:])
            below -= taken
        return np.concatenate(best), np.concatenate(others)

    def values(
        self, parameter: Parameter, trials: Sequence[FrozenTrial], numbers: Numbers, params: Params
    ) -> NDArray[np.float64]:
        """Return the internal values of a parameter, NaN where a trial has none.

        Args:
            parameter: its name and distribution.
            trials: those that have ended are read once.
            numbers: theirs.
            params: returns the values of a trial's parameters.

        Returns:
            an array whose index is a trial's number.
        """
        room = 1 + int(numbers.max(initial=0))
        values = self._values.get(parameter, np.zeros(0))
        is_read = self._is_read.get(parameter, np.zeros(0, dtype=np.bool_))
        if room > values.size:
            values = self._values[parameter] = _longer(values, 2 * room, np.nan)
            is_read = self._is_read[parameter] = _longer(is_read, 2 * room, False)
        name, distribution = parameter
        for index in np.flatnonzero(~is_read[numbers]).tolist():
            trial, number = trials[index], numbers[index]
            given = params(trial)
            values[number] = distribution.to_internal_repr(given[name]) if name in given else np.nan
            is_read[number] = trial.state.is_finished()
        return values


def _longer(array: NDArray[Any], size: int, filling: float) -> NDArray[Any]:
    """Return an array with room at its end."""
    return np.append(array, np.full(size - array.size, filling, dtype=array.dtype))


def _ranked(study: Study, trial: FrozenTrial) -> tuple[int, tuple[float, float]]:
    """Return the kind of a trial and what sorts it within its kind, better ones first."""
    infeasible = _get_infeasible_trial_score(trial)
    if infeasible > 0:
        return _INFEASIBLE, (infeasible, 0.0)
    if trial.state == TrialState.PRUNED:
        return _PRUNED, _get_pruned_trial_score(trial, study)
    assert trial.value is not None
    return _COMPLETE, (trial.value if study.direction == StudyDirection.MINIMIZE else -trial.value, 0.0)


_READ: WeakKeyDictionary[BaseStorage, dict[int, _Trials]] = WeakKeyDictionary()


class QuickTPESampler(TPESampler):
    """Optuna's TPESampler: the same proposals for the same seed and trials.

    With several objectives or groups of parameters, a part of the trials is read again each time.
    """

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See `BaseSampler.infer_relative_search_space`."""
        if type(study) is Study:  # else a part of its trials, as that of a bracket of Hyperband
            self._search_space = _trials_of(study).space
        return super().infer_relative_search_space(study, trial)

    def _sample(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if study._is_multi_objective():
            return super()._sample(study, trial, search_space)
        ended = study._get_trials(deepcopy=False, states=_ENDED)
        running = study._get_trials(deepcopy=False, states=_RUNNING) if self._constant_liar else []
        trials = [*ended, *(one for one in running if one.number != trial.number)]
        numbers = np.fromiter((one.number for one in trials), dtype=np.intp, count=len(trials))
        known, count = _trials_of(study), len(ended)
        known.read(study, ended, numbers[:count])
        below, above = known.split(numbers[:count], (self._gamma or default_gamma)(count))
        values = {
            name: known.values((name, kind), trials, numbers, lambda one: self._get_params(one, study))
            for name, kind in search_space.items()
        }
        mixtures = []
        for chosen in (np.sort(below), np.sort(np.append(above, numbers[count:]))):
            has_all = np.all([~np.isnan(each[chosen]) for each in values.values()], axis=0)
            observed = {name: each[chosen[has_all]] for name, each in values.items()}
            mixtures.append(
                self._parzen_estimator_cls(observed, search_space, self._parzen_estimator_parameters)
            )
        samples = mixtures[0].sample(self._rng.rng, self._n_ei_candidates)
        best = TPESampler._compare(samples, self._compute_acquisition_func(samples, *mixtures))
        return {name: kind.to_external_repr(best[name]) for name, kind in search_space.items()}


def _trials_of(study: Study) -> _Trials:
    """Return what was read of a study."""
    return _READ.setdefault(study._storage, {}).setdefault(study._study_id, _Trials())
