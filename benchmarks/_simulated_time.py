"""Time of a simulated cluster: what the controller computes and waits for takes some, and so do letters."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Latency:
    """Seconds of which half are shorter than `median`, and 95 % than `most`."""

    median: float
    most: float

    def draw(self, draw: random.Random) -> float:
        """Draw from the log-normal distribution with these two quantiles."""
        return float(self.median * (self.most / self.median) ** (draw.gauss(0.0, 1.0) / 1.645))


@dataclass(frozen=True)
class Moment:
    """What was counted until a moment: seconds, and numbers of events and of trials that ended."""

    time: float  # on the nodes, which catch up with the controller once it waits for them
    clock: float  # of the controller
    computed: float
    waited: float
    events: int
    ended: int


class Clock:
    """Simulated seconds, which move by the processor time of this process where it is not `outside`.

    They move when the next `outside` begins: to ask the system at each look would cost more than what is
    measured.
    """

    def __init__(self, disk_s: float) -> None:
        self.computed = self.waited = 0.0  # by the controller: seconds of the processor, seconds for the disk
        self.syncs = 0
        self._time, self._disk_s = 0.0, disk_s
        self._mark = time.process_time()

    def __call__(self) -> float:
        """Return the seconds since the start."""
        return self._time

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Leave out what the simulation itself computes."""
        spent = time.process_time() - self._mark
        self._time += spent
        self.computed += spent
        try:
            yield
        finally:
            self._mark = time.process_time()

    def move_to(self, when: float) -> None:
        """Let time pass, `outside`."""
        self._time = max(self._time, when)

    def sync(self, file: Any) -> None:
        """Wait for the disk: takes the place of `os.fsync`."""
        self._time += self._disk_s
        self.waited += self._disk_s
        self.syncs += 1
