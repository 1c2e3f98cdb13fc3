"""Pruners by name. A sweep file counts in epochs, Optuna in rungs: the validations of a run."""

import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner

from rnnsweep.sweepfile import Method

STARTUP = 4  # complete trials of a study before the quantile pruners judge
WARMUP = 0.5  # epochs: after half of one the rank correlates .78 with the final rank


def make_pruner(method: Method, *, validate_every: float, max_epochs: int) -> BasePruner:
    """Make a pruner for runs of `max_epochs` epochs, validated every `validate_every` epochs."""

    def rungs(epochs: float) -> int:
        return max(1, round(epochs / validate_every))

    options = dict(method.options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _MAKERS[method.name](options, rungs, rungs(max_epochs))


Rungs = Callable[[float], int]


def _none(options: dict[str, Any], rungs: Rungs, last: int) -> BasePruner:
    return optuna.pruners.NopPruner()


def _quantile(percentile: float) -> Callable[[dict[str, Any], Rungs, int], BasePruner]:
    def make(options: dict[str, Any], rungs: Rungs, last: int) -> BasePruner:
        interval = options.get("interval")
        return optuna.pruners.PercentilePruner(
            options.get("percentile", percentile),  # the share of trials, the best, that is kept
            n_startup_trials=options.get("startup", STARTUP),
            n_warmup_steps=rungs(options.get("warmup", WARMUP)),
            interval_steps=1 if interval is None else rungs(interval),
        )

    return make


def _asha(options: dict[str, Any], rungs: Rungs, last: int) -> BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=rungs(options.get("minimum", WARMUP)), reduction_factor=options.get("factor", 3)
    )


def _hyperband(options: dict[str, Any], rungs: Rungs, last: int) -> BasePruner:
    return optuna.pruners.HyperbandPruner(
        min_resource=rungs(options.get("minimum", WARMUP)),
        max_resource=last,
        reduction_factor=options.get("factor", 3),
    )


def _patient(options: dict[str, Any], rungs: Rungs, last: int) -> BasePruner:
    inside = options.get("inside", "median")
    return optuna.pruners.PatientPruner(
        _MAKERS[inside](options, rungs, last),
        patience=rungs(options.get("patience", 1.0)),
        min_delta=options.get("delta", 0.0),
    )


_MAKERS: dict[str, Callable[[dict[str, Any], Rungs, int], BasePruner]] = {
    "asha": _asha,
    "hyperband": _hyperband,
    "median": _quantile(50.0),
    "none": _none,
    "patient": _patient,
    "percentile": _quantile(25.0),
}
