"""Several trials of one shape in one process, their steps as one batched computation."""

from typing import Any

from rnnsweep.launchers.registry import LauncherSpec
from rnnsweep.sweepfile import Sweep
from rnnsweep.trial import Launcher

MOST = 64
DEFAULT = 8


def _make(slots: str | int | None, *, fuse: int = DEFAULT) -> Launcher:
    from rnnsweep.launchers.fused.launcher import FusedLauncher
    from rnnsweep.launchers.local.places import slots_here

    return FusedLauncher(slots_here(slots), fuse=fuse)


def _read_fuse(value: Any) -> int:
    """Read a number, or off, which is 1; YAML reads off as false."""
    text = "off" if value is False else str(value)
    if text == "off":
        return 1
    if not text.isascii() or not text.isdecimal() or not 2 <= int(text) <= MOST:
        raise ValueError(f"a number from 2 to {MOST}, or off")
    return int(text)


def _misfit(sweep: Sweep) -> str | None:
    """Return why a sweep cannot be fused: the memory of a run is measured as that of its process."""
    if "memory" in (*sweep.constraints, *sweep.objectives):
        return "runs that share a process have no memory of their own, which `memory` limits or minimises"
    return None


SPEC = LauncherSpec(
    _make, {"fuse": _read_fuse}, _misfit, per_slot=lambda options: int(options.get("fuse", DEFAULT))
)
