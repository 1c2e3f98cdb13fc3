"""Ends a trial that is below the median of the others."""

from rnnsweep.methods.quantile import OPTIONS, keeps
from rnnsweep.methods.spec import PrunerSpec

PRUNER = PrunerSpec(keeps(50.0), OPTIONS)
