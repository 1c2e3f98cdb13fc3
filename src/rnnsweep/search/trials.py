"""The studies of a sweep and their trials: asked for, trained here, able to win."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class SpentBudget:
    """What a study's ended trials used up."""

    seconds: float = 0.0
    epochs: float = 0.0

    def add(self, scores: Mapping[str, Any]) -> None:
        """Count one trial with its scores."""
        self.seconds += float(scores.get("seconds") or 0.0)
        self.epochs += float(scores.get("epochs") or 0.0)


@dataclass(frozen=True)
class Candidate:
    """One trial of the study, asked for and not told."""

    number: int
    overrides: tuple[str, ...]
    attempts: int  # processes that this trial has already lost
    begun: bool  # a process may have worked on it
    shrunk: bool = False  # it ran out of memory once, and continues in smaller pieces
    tags: Mapping[str, str] = field(default_factory=dict)  # of its run, beside the usual ones
