"""Trials as processes of this machine, one in each slot."""

from rnnsweep.launchers.registry import LauncherSpec
from rnnsweep.trial import Launcher


def _make(slots: str | int | None) -> Launcher:
    from rnnsweep.launchers.local.launcher import LocalLauncher
    from rnnsweep.launchers.local.places import slots_here

    return LocalLauncher(slots_here(slots))


SPEC = LauncherSpec(_make)
