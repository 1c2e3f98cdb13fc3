"""Where trials run. A launcher fulfils the protocol `rnnsweep.trial.Launcher`."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.launchers.local.launcher import LocalLauncher as LocalLauncher
    from rnnsweep.launchers.registry import (
        LauncherSpec as LauncherSpec,
        check_engine as check_engine,
        check_launcher as check_launcher,
        engine_names as engine_names,
        make_launcher as make_launcher,
        parse_launcher as parse_launcher,
    )

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".local.launcher": "LocalLauncher",
        ".registry": "LauncherSpec check_engine check_launcher engine_names make_launcher parse_launcher"
        " reach_engine",
    },
)
