"""The engine of a sweep: one controller starts tasks in slots and records how they end."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.engine.copy_table import check_answers as check_answers
    from rnnsweep.engine.run import run_sweep as run_sweep
    from rnnsweep.engine.state_copy import copied_state as copied_state
    from rnnsweep.engine.steering import (
        enqueue as enqueue,
        export as export,
        retry as retry,
        stop as stop,
    )

lazy_names(__name__)
