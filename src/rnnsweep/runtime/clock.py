"""Time as the engine sees it, passed in, so that tests can run years of it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """Return the time."""


class SystemClock:
    """This machine's time."""

    def now(self) -> float:
        """Return the time."""
        return time.time()
