"""Where trials run: local processes. The seam is `rnnsweep.trial.Launcher`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.launchers.fused import FusedLauncher
    from rnnsweep.launchers.local import LocalLauncher

_HOMES = {"FusedLauncher": "rnnsweep.launchers.fused", "LocalLauncher": "rnnsweep.launchers.local"}
__all__ = ["FusedLauncher", "LocalLauncher"]


def __getattr__(name: str) -> Any:
    """Import a launcher when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
