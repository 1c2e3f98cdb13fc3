"""What the pruners that compare a trial with the others at the same rung have in common."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rnnsweep.methods.spec import Rungs
from rnnsweep.options import AtLeastTwo, Natural, NotNegative, Positive, option

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

STARTUP = 4  # complete trials of a study before these pruners judge
WARMUP = 0.5  # epochs: after half of one the rank correlates .78 with the final rank
OPTIONS: Mapping[str, Any] = {
    "startup": option(Natural, "complete trials before any is pruned", default=STARTUP, example=8),
    "warmup": option(NotNegative, "epochs of a trial before it can be pruned", default=WARMUP, example=1),
    "interval": option(Positive, "epochs between two decisions", default="each validation", example=1),
}
HALVING: Mapping[str, Any] = {
    "minimum": option(Positive, "epochs of a trial before the first decision", default=WARMUP, example=1),
    "factor": option(AtLeastTwo, "of so many trials one is kept at each decision", default=3, example=4),
}


def keeps(percentile: float) -> "Callable[[Mapping[str, Any], Rungs, int], BasePruner]":
    """Return what makes a pruner that keeps this share of the trials, the best, in percent."""

    def make(options: Mapping[str, Any], rungs: Rungs, last: int) -> "BasePruner":
        from rnnsweep.methods.percentile import SortedPercentilePruner

        interval = options.get("interval")
        return SortedPercentilePruner(
            options.get("percentile", percentile),
            startup=options.get("startup", STARTUP),
            warmup=rungs(options.get("warmup", WARMUP)),
            interval=1 if interval is None else rungs(interval),
        )

    return make
