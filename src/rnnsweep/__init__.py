"""Hyperparameter sweeps, experiment tracking and honest comparisons for recurrent networks.

The command line's commands as functions::

    import rnnsweep

    result = rnnsweep.train(["model=lstm", "optimizer.lr=0.01"])
    rnnsweep.sweep("sweeps/quickstart.yaml")
    rnnsweep.compare("quickstart").frame()
    rnnsweep.runs("quickstart")

Importing this package is quick: torch, Lightning, MLflow and Optuna are imported by the first call.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.api import (
        best,
        compare,
        curves,
        evaluate,
        load_model,
        predict,
        replicate,
        runs,
        status,
        train,
    )
    from rnnsweep.config import compose
    from rnnsweep.errors import UserError

_DOORS = {
    "train": "rnnsweep.api",
    "evaluate": "rnnsweep.api",
    "compare": "rnnsweep.api",
    "best": "rnnsweep.api",
    "load_model": "rnnsweep.api",
    "predict": "rnnsweep.api",
    "replicate": "rnnsweep.api",
    "status": "rnnsweep.api",
    "runs": "rnnsweep.api",
    "curves": "rnnsweep.api",
    "compose": "rnnsweep.config",
    "UserError": "rnnsweep.errors",
}

__all__ = [  # noqa: F822  # `sweep` and the version are found by __getattr__
    "UserError",
    "__version__",
    "best",
    "compare",
    "compose",
    "curves",
    "evaluate",
    "load_model",
    "predict",
    "replicate",
    "runs",
    "status",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("rnnsweep")
    if name == "sweep":
        return import_module("rnnsweep.sweep")
    if name in _DOORS:
        return getattr(import_module(_DOORS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _SweepModule(ModuleType):
    """`rnnsweep.sweep` is the package that reads files of sweeps/, and the call that runs one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return import_module("rnnsweep.api").sweep(*args, **kwargs)


class _Package(ModuleType):
    """The import system sets `sweep` on us once that package is imported: here it gets its call."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "sweep" and type(value) is ModuleType:
            value.__class__ = _SweepModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
