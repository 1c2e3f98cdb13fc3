"""Empty trials, which say where they run: what `rnnsweep machines` tries each slot of a machine with."""

from rnnsweep.launchers.registry import LauncherSpec
from rnnsweep.trial import Launcher


def _make(slots: str | int | None) -> Launcher:
    from rnnsweep.launchers.local.launcher import LocalLauncher
    from rnnsweep.launchers.probe import empty_trial

    return LocalLauncher(slots, entry=empty_trial.main)


SPEC = LauncherSpec(_make, is_listed=False)
