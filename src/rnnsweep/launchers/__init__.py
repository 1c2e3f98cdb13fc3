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
        reach_engine as reach_engine,
        start_ahead as start_ahead,
    )

lazy_names(__name__)
