"""Hyperband (Li et al. 2018): successive halving from several starts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.methods.quantile import HALVING, WARMUP
from rnnsweep.methods.spec import PrunerSpec, Rungs

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def _make(options: Mapping[str, Any], rungs: Rungs, last: int) -> "BasePruner":
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(
        min_resource=rungs(options.get("minimum", WARMUP)),
        max_resource=last,
        reduction_factor=options.get("factor", 3),
    )


PRUNER = PrunerSpec(_make, HALVING)
