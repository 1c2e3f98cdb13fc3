"""What lies in a sweep's folder: its start, ledger, lock and status."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.state.watching.progress import Failure as Failure
    from rnnsweep.state.watching.progress import Listener as Listener
    from rnnsweep.state.watching.progress import Running as Running
    from rnnsweep.state.watching.progress import Silence as Silence
    from rnnsweep.state.watching.progress import Snapshot as Snapshot
    from rnnsweep.state.watching.progress import Standing as Standing
    from rnnsweep.state.watching.progress import SweepStatus as SweepStatus
    from rnnsweep.state.watching.progress import SweepSummary as SweepSummary
    from rnnsweep.state.watching.status import read_status as read_status

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".watching.status": "read_status",
        ".watching.progress": "Failure Listener Running Silence Snapshot Standing SweepStatus SweepSummary",
    },
)
