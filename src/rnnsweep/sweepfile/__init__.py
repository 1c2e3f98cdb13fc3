"""Sweep files: read, checked and typed. Nothing here imports the configuration or Optuna."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnnsweep.sweepfile.inheriting import rewritten
from rnnsweep.sweepfile.search_space.derived import Derived
from rnnsweep.sweepfile.search_space.dimensions import Choices, Dimension, FloatRange, IntRange
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
    "read_sweep",
    "rewritten",
    "sweep_schema",
]
_HOMES = {"read_sweep": "file", "sweep_schema": "model"}  # they import pydantic


def __getattr__(name: str) -> Any:
    """Import a name from its home when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
