"""A launcher and a clock that run a sweep's hours in seconds: trials report and end when their time comes."""

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Any

from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Ended, Event, Outcome, Report, Reported, Started

SECONDS = (60.0, 120.0)  # of a trial


@dataclass
class SimulatedClock:
    """Time that the launcher moves on."""

    time: float = 0.0

    def __call__(self) -> float:
        """Return the seconds since the start."""
        return self.time


class SimulatedLauncher:
    """Slots whose trials take one to two simulated minutes, report `reports` times, and heed a stop."""

    def __init__(self, clock: SimulatedClock, slots: int, *, reports: int) -> None:
        self.slots = tuple(Slot(index) for index in range(slots))
        self.events_sent = 0
        self._clock, self._reports = clock, reports
        self._draw, self._order = random.Random(0), itertools.count()
        self._queue: list[tuple[float, int, Event]] = []
        self._lives: set[str] = set()

    def start(self, task: Any, slot: Slot) -> None:
        """Plan what a trial sends, and when."""
        self._lives.add(task.key)
        seconds, score = self._draw.uniform(*SECONDS), self._draw.random()
        self._plan(0.0, Started(task.key))
        for rung in range(1, self._reports + 1):
            share = rung / (self._reports + 1)
            report = Report(rung, 10 * rung, float(rung), score * share)
            self._plan(seconds * share, Reported(task.key, report))
        scores = {"validation": score, "seconds": seconds, "epochs": float(self._reports)}
        self._plan(seconds, Ended(task.key, Outcome("complete", scores=scores)))

    def events(self, timeout: float) -> list[Event]:
        """Return what happens next, all of one millisecond."""
        found: list[Event] = []
        until = self._clock.time + timeout
        while self._queue and self._queue[0][0] <= until:
            at, _, event = heapq.heappop(self._queue)
            if event.key not in self._lives:
                continue
            if not found:
                self._clock.time, until = max(self._clock.time, at), at + 1e-3
            if isinstance(event, Ended):
                self._lives.remove(event.key)
            found.append(event)
        if not found:
            self._clock.time = until
        self.events_sent += len(found)
        return found

    def answer(self, key: str, word: str) -> None:
        """Let a trial that is to stop end a second later."""
        if word == "stop":
            scores = {"validation": 0.1, "seconds": 30.0, "epochs": 1.0}
            self._plan(1.0, Ended(key, Outcome("pruned", "pruned", None, scores)))

    def stop(self, key: str) -> None:
        """End a trial a second later."""
        self._plan(1.0, Ended(key, Outcome("interrupted")))

    def kill(self, key: str) -> None:
        """End a trial at once."""
        self._plan(0.0, Ended(key, Outcome("interrupted")))

    def close(self) -> None:
        """End all trials."""
        self._lives.clear()

    def _plan(self, after: float, event: Event) -> None:
        heapq.heappush(self._queue, (self._clock.time + after, next(self._order), event))
