"""Time as the engine sees it, passed in, so that tests can run years of it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """Give the time."""


class SystemClock:
    """This machine's time."""

    def now(self) -> float:
        """Give the time."""
        return time.time()
