"""Sweep files: read, checked and typed. Nothing here imports the configuration or Optuna."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names
from rnnsweep.sweepfile.inheriting import question_of, rewritten
from rnnsweep.sweepfile.search_space.dimensions import Choices, Derived, Dimension, FloatRange, IntRange
from rnnsweep.sweepfile.slots import Slot, parse_slots
from rnnsweep.sweepfile.sweep import Method, Sweep

if TYPE_CHECKING:
    from rnnsweep.sweepfile.file import read_sweep
    from rnnsweep.sweepfile.model import sweep_schema

__all__ = [
    "Choices",
    "Derived",
    "Dimension",
    "FloatRange",
    "IntRange",
    "Method",
    "Slot",
    "Sweep",
    "parse_slots",
    "question_of",
    "read_sweep",
    "rewritten",
    "sweep_schema",
]
lazy_names(__name__)
