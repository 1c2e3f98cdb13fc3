"""What lies in a sweep's folder: its start, ledger, lock and status."""

from typing import TYPE_CHECKING

from rnnsweep.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.state.progress import Failure as Failure
    from rnnsweep.state.progress import Listener as Listener
    from rnnsweep.state.progress import Running as Running
    from rnnsweep.state.progress import Silence as Silence
    from rnnsweep.state.progress import Snapshot as Snapshot
    from rnnsweep.state.progress import Standing as Standing
    from rnnsweep.state.progress import SweepStatus as SweepStatus
    from rnnsweep.state.progress import SweepSummary as SweepSummary
    from rnnsweep.state.status import read_status as read_status

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".status": "read_status",
        ".progress": "Failure Listener Running Silence Snapshot Standing SweepStatus SweepSummary",
    },
)
