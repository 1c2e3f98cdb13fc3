"""Makes the pruner of a sweep."""

import warnings

import optuna
from optuna.pruners import BasePruner

from rnnsweep.methods import pruners
from rnnsweep.sweepfile import Method


def make_pruner(method: Method, *, validate_every: float, max_epochs: int) -> BasePruner:
    """Make a pruner for runs of `max_epochs` epochs, validated every `validate_every` epochs."""

    def rungs(epochs: float) -> int:
        return max(1, round(epochs / validate_every))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return pruners()[method.name].make(method.options, rungs, rungs(max_epochs))
