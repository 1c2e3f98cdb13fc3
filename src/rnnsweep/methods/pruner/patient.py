"""Lets another pruner end a trial only when it has not improved for a while."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.methods import names, pruners
from rnnsweep.methods.quantile import OPTIONS
from rnnsweep.methods.spec import PrunerSpec, Rungs
from rnnsweep.options import NotNegative, Positive, one_of, option

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

_OTHERS = [name for name in names("pruner") if name != "patient"]


def _make(options: Mapping[str, Any], rungs: Rungs, last: int) -> "BasePruner":
    from optuna.pruners import PatientPruner

    return PatientPruner(
        pruners()[options.get("inside", "median")].make(options, rungs, last),
        patience=rungs(options.get("patience", 1.0)),
        min_delta=options.get("delta", 0.0),
    )


PRUNER = PrunerSpec(
    _make,
    {
        "patience": option(Positive, "epochs without improvement that are allowed", default=1.0, example=2),
        "delta": option(NotNegative, "improvement that is too small to count", default=0.0, example=0.001),
        "inside": option(one_of(*_OTHERS), "pruner that decides then", default="median", example="asha"),
        **OPTIONS,
    },
)
