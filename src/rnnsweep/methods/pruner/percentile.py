"""Ends a trial that is not among the best quarter, or another share, of the others."""

from rnnsweep.methods.quantile import OPTIONS, keeps
from rnnsweep.methods.spec import PrunerSpec
from rnnsweep.options import Percentage, option

PRUNER = PrunerSpec(
    keeps(25.0),
    {
        "percentile": option(
            Percentage, "percentage of the trials, the best, that are kept", default=25.0, example=33
        ),
        **OPTIONS,
    },
)
