"""Asynchronous successive halving (Li et al. 2020)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.methods.quantile import HALVING, WARMUP
from rnnsweep.methods.spec import PrunerSpec, Rungs

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def _make(options: Mapping[str, Any], rungs: Rungs, last: int) -> "BasePruner":
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(
        min_resource=rungs(options.get("minimum", WARMUP)), reduction_factor=options.get("factor", 3)
    )


PRUNER = PrunerSpec(_make, HALVING)
