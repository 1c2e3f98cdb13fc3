"""Ends a trial that is not among the best quarter, or another share, of the others."""

from rnnsweep.methods.quantile import OPTIONS, keeps
from rnnsweep.methods.spec import PrunerSpec
from rnnsweep.options import Percentage

PRUNER = PrunerSpec(keeps(25.0), {"percentile": Percentage, **OPTIONS})
