"""What lies in a sweep's folder: its start, ledger, lock and status."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.state.watching.progress import (
        Failure as Failure,
        Listener as Listener,
        Running as Running,
        Silence as Silence,
        Snapshot as Snapshot,
        Standing as Standing,
        SweepStatus as SweepStatus,
        SweepSummary as SweepSummary,
    )
    from rnnsweep.state.watching.status import read_status as read_status

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".watching.status": "read_status",
        ".watching.progress": "Failure Listener Running Silence Snapshot Standing SweepStatus SweepSummary",
    },
)
