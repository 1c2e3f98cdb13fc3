"""The studies of a sweep; which of a study's trials were trained here, and which of them may win."""

from collections.abc import Iterable

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from rnnsweep.state.outcome import DIVERGED

REJECTED = "rejected"  # attribute of a trial that was known to be infeasible, and never trained
WARM = "warm"  # attribute of a trial that comes from an earlier sweep: its name there


def load_studies(storage: BaseStorage, sweep: str, architectures: Iterable[str]) -> dict[str, optuna.Study]:
    """Return the studies of a sweep that a storage has, to be read, by architecture."""
    known = set(optuna.get_all_study_names(storage))
    names = {architecture: f"{sweep}/{architecture}" for architecture in architectures}
    sampler = optuna.samplers.RandomSampler(seed=0)
    return {
        architecture: optuna.load_study(study_name=name, storage=storage, sampler=sampler)
        for architecture, name in names.items()
        if name in known
    }


def is_feasible(trial: FrozenTrial) -> bool:
    """Return whether a trial keeps every constraint that is known of it."""
    return all(value <= 0 for value in trial.constraints.values())


def is_own(trial: FrozenTrial) -> bool:
    """Return whether a trial was trained here."""
    return WARM not in trial.user_attrs and REJECTED not in trial.user_attrs


def may_win(trial: FrozenTrial) -> bool:
    """Return whether a trial has a score, was trained here to some end, and keeps the constraints."""
    diverged = trial.user_attrs.get("cause") == DIVERGED
    return bool(trial.values) and is_own(trial) and is_feasible(trial) and not diverged
