"""Questions: a file of sweeps/, read, checked and typed. Nothing here imports the configuration or Optuna."""

from rnnsweep.sweep.derived import Derived
from rnnsweep.sweep.file import Sweep, read_sweep
from rnnsweep.sweep.fuse import fuse_option
from rnnsweep.sweep.inheriting import rewritten
from rnnsweep.sweep.methods import Method
from rnnsweep.sweep.slots import Slot, parse_slots
from rnnsweep.sweep.space import Choices, Dimension, FloatRange, IntRange

__all__ = [
    "Choices",
    "Derived",
    "Dimension",
    "FloatRange",
    "IntRange",
    "Method",
    "Slot",
    "Sweep",
    "fuse_option",
    "parse_slots",
    "read_sweep",
    "rewritten",
]
