"""What lies in a sweep's folder: its start, ledger, lock and status."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.state.watching.progress import (
        ArchitectureProgress as ArchitectureProgress,
        Failure as Failure,
        Listener as Listener,
        Running as Running,
        Silence as Silence,
        Snapshot as Snapshot,
        SweepStatus as SweepStatus,
        SweepSummary as SweepSummary,
    )
    from rnnsweep.state.watching.status import read_status as read_status

lazy_names(__name__)
