"""Which of a study's trials were trained here, and which of them may win."""

from optuna.trial import FrozenTrial

from rnnsweep.state.outcome import DIVERGED

REJECTED = "rejected"  # attribute of a trial that was known to be infeasible, and never trained
WARM = "warm"  # attribute of a trial that comes from an earlier sweep: its name there


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
