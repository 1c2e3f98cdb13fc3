"""Where trials run: local processes. The seam is `rnnsweep.trial.Launcher`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.launchers.local import LocalLauncher

__all__ = ["LocalLauncher"]


def __getattr__(name: str) -> Any:
    """Import the launcher when it is first used (PEP 562)."""
    if name != "LocalLauncher":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rnnsweep.launchers.local import LocalLauncher

    return LocalLauncher
