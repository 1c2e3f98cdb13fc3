"""Where trials run: local processes. They fulfil the protocol `rnnsweep.trial.Launcher`."""

from typing import TYPE_CHECKING

from rnnsweep.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.launchers.fused.launcher import FusedLauncher as FusedLauncher
    from rnnsweep.launchers.local.launcher import LocalLauncher as LocalLauncher

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".fused.launcher": "FusedLauncher",
        ".local.launcher": "LocalLauncher",
    },
)
