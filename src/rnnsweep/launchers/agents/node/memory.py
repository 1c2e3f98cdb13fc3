"""The largest trial of a node is ended before the node's memory is full, and the engine ends them all."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from rnnsweep.hardware import memory_in_use
from rnnsweep.runtime.process import ProcessIdentity

LOOK_S = 1.0  # between two looks at the memory


class MemoryGuard:
    """Names the trial to end where a node is short of memory; one at a time.

    Args:
        limit: the share of the node's memory in use above which a trial is to end.
        in_use: returns that share.
        of: whose memory that is, for people.
    """

    def __init__(
        self, limit: float, *, in_use: Callable[[], float] = memory_in_use, of: str = "node"
    ) -> None:
        self._limit, self._in_use, self._of = limit, in_use, of
        self._looked_at = 0.0
        self.ended: dict[int, str] = {}  # attempts that were named and have not ended yet -> why

    def largest(self, workers: Mapping[int, ProcessIdentity | None]) -> int | None:
        """Return the attempt whose processes hold the most memory; None where the node is not short of it.

        Args:
            workers: the process of each attempt that runs; None where it is not known.
        """
        now = time.monotonic()
        if self.ended or now - self._looked_at < LOOK_S:
            return None
        self._looked_at = now
        share = self._in_use()
        if share <= self._limit:
            return None
        sizes = {attempt: size for attempt, worker in workers.items() if (size := bytes_of(worker))}
        if not sizes:
            return None
        attempt = max(sizes, key=lambda each: sizes[each])
        self.ended[attempt] = f"the largest trial of its {self._of}, whose memory was {share:.0%} in use"
        return attempt


def bytes_of(worker: ProcessIdentity | None) -> int:
    """Return the resident bytes of a process and its children; 0 where it is gone."""
    process = None if worker is None else worker.process()
    size = 0
    with suppress(psutil.Error):
        for each in () if process is None else (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                size += each.memory_info().rss
    return size
