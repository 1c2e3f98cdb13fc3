"""Samplers and pruners: one file each, found by being there.

A file of sampler/ has a `SamplerSpec` called ``SAMPLER``, one of pruner/ a `PrunerSpec` called ``PRUNER``.
Its name is the method's. Optuna is imported by what makes them alone.
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from rnnsweep.methods.spec import PrunerSpec, Requirements, Rungs, SamplerSpec

__all__ = ["Requirements", "PrunerSpec", "Rungs", "SamplerSpec", "pruners", "samplers"]


@cache
def samplers() -> dict[str, SamplerSpec]:
    """Return all samplers by name."""
    return {name: import_module(f"{__name__}.sampler.{name}").SAMPLER for name in names("sampler")}


@cache
def pruners() -> dict[str, PrunerSpec]:
    """Return all pruners by name."""
    return {name: import_module(f"{__name__}.pruner.{name}").PRUNER for name in names("pruner")}


def names(kind: str) -> list[str]:
    """Return the names of the files of a folder, without importing them."""
    return sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent / kind)]))
