"""The engine of a sweep: one controller starts tasks in slots and records how they end."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.engine.run import run_sweep as run_sweep
    from rnnsweep.engine.steering import enqueue as enqueue
    from rnnsweep.engine.steering import export as export
    from rnnsweep.engine.steering import retry as retry
    from rnnsweep.engine.steering import stop as stop
    from rnnsweep.engine.steering import storage_url as storage_url
    from rnnsweep.runtime.clock import Clock as Clock
    from rnnsweep.runtime.clock import SystemClock as SystemClock

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".run": "run_sweep",
        ".steering": "enqueue export retry stop storage_url",
        "rnnsweep.runtime.clock": "Clock SystemClock",
    },
)
