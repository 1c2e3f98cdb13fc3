"""The search: one Optuna study for each architecture, one controller. Everything heavy is imported on use."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.study.clock import Clock, SystemClock
    from rnnsweep.study.progress import (
        Failure,
        Listener,
        Running,
        Silence,
        Snapshot,
        Standing,
        SweepStatus,
        SweepSummary,
    )
    from rnnsweep.study.run import run_sweep
    from rnnsweep.study.status import read_status
    from rnnsweep.study.steering import enqueue, export, retry, stop, storage_url

_HOMES = {
    "run_sweep": "run",
    "read_status": "status",
    **dict.fromkeys(("enqueue", "export", "retry", "stop", "storage_url"), "steering"),
    "Clock": "clock",
    "SystemClock": "clock",
    **dict.fromkeys(
        ("Failure", "Listener", "Running", "Silence", "Snapshot", "Standing", "SweepStatus", "SweepSummary"),
        "progress",
    ),
}
__all__ = [
    "Clock",
    "Failure",
    "Listener",
    "Running",
    "Silence",
    "Snapshot",
    "Standing",
    "SweepStatus",
    "SweepSummary",
    "SystemClock",
    "enqueue",
    "export",
    "read_status",
    "retry",
    "run_sweep",
    "stop",
    "storage_url",
]


def __getattr__(name: str) -> Any:
    """Import a name from its home when it is first used (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
