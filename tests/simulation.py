"""A launcher and a clock that run a sweep's hours in milliseconds: tasks are scripts of their fate."""

import functools
import heapq
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from benchmarks._no_records import NoRecords

from rnnsweep.config import compose
from rnnsweep.engine import run_sweep
from rnnsweep.search import sizing, space
from rnnsweep.search.requests import warm_start as warm
from rnnsweep.state import SweepSummary
from rnnsweep.sweepfile import Slot, Sweep, read_sweep
from rnnsweep.trial import Ended, Event, Outcome, Report, Reported, Started, TrialTask

QUESTION = "# Which is better?\n"
PLAIN = """\
name: toy
architectures: [rnn, lstm]
trials: 4
replicates: 2
pruner: none
baseline: false
space:
  optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}
  model.hidden_size: {type: int, low: 4, high: 64, log: true}
"""


def write_sweep(folder: Path, text: str = PLAIN, **changes: object) -> Sweep:
    """Write a sweep file, with top-level keys replaced or added, and read it."""
    lines = [line for line in text.splitlines() if line.split(":")[0] not in changes]
    lines += [f"{key}: {value}" for key, value in changes.items()]
    path = folder / "toy.yaml"
    path.write_text(QUESTION + "\n".join(lines) + "\n", encoding="utf-8")
    return read_sweep(path)


def run_simulated(sweep: Sweep, folder: Path, launcher: "FakeLauncher", **more: Any) -> SweepSummary:
    """Run a sweep with scripts in place of trainings, without a store, on a corpus that is never read."""
    given = {"records": NoRecords(), "prepare": lambda run: "corpus", **more}
    return run_sweep(sweep, mlruns=folder / "mlruns", launcher=launcher, clock=launcher.clock, **given)


@contextmanager
def without_waiting() -> Iterator[None]:
    """Run hundreds of sweeps that ask for the same few configurations, on a disk that needs no waiting for.

    Each configuration is composed once. Files are not forced to the disk: these tests kill processes, and
    what a process wrote survives it.
    """
    once = functools.cache(lambda overrides, conf: compose(overrides, conf=conf))
    with pytest.MonkeyPatch.context() as patch:
        for module in (space, sizing, warm):
            quick = lambda overrides, conf=None, where="": once(tuple(overrides), conf)  # noqa: E731
            patch.setattr(module, "compose", quick)
        patch.setattr(os, "fsync", lambda file: None)
        yield


@dataclass
class FakeClock:
    """Time that passes when someone says so."""

    time: float = 1000.0

    def __call__(self) -> float:
        return self.time


class PowerCut(BaseException):
    """The controller dies here: nothing after it runs."""


@dataclass
class Script:
    """What happens in one process of a task: validations, then an end."""

    scores: tuple[float, ...] = (0.5,)
    seconds: float = 10.0  # in all
    end: str = "complete"  # complete | failed
    cause: str | None = None


@dataclass
class FakeLauncher:
    """Runs scripts in slots, in the order of their times; keeps an account of everything."""

    clock: FakeClock
    script: Callable[[TrialTask, int], Script]
    slots: tuple[Slot, ...] = (Slot(0), Slot(1))
    power: Callable[[str], bool] = lambda moment: False  # True: the controller dies at this moment
    started: list[TrialTask] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    idle: float = 0.0
    running: dict[str, TrialTask] = field(default_factory=dict)
    on_event: Callable[[Event], None] = lambda event: None
    batch: Callable[[], int] = lambda: 1  # events that arrive at once, at most
    echoes: bool = False  # messages come twice, and again after their task has ended
    waits: float = 0.0  # seconds until the process of a task is there

    def __post_init__(self) -> None:
        self._queue: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._lives: dict[str, int] = {}
        self._past: list[Event] = []

    def start(self, task: TrialTask, slot: Slot) -> None:
        assert task.key not in self.running, "doubled"
        assert self._has_room(task, slot), "no free slot"
        self._cut("start")
        life = self._lives[task.key] = self._lives.get(task.key, -1) + 1
        self.started.append(task)
        self.running[task.key] = task
        script = self.script(task, life)
        self._plan(self.waits, Started(task.key))
        for rung, score in enumerate(script.scores, start=1):
            at = script.seconds * rung / (len(script.scores) + 1)
            self._plan(at, Reported(task.key, Report(rung, rung * 10, float(rung), score)))
        self._plan(script.seconds, Ended(task.key, _outcome(script)))

    def _has_room(self, task: TrialTask, slot: Slot) -> bool:
        return len(self.running) < len(self.slots)

    def events(self, timeout: float) -> list[Event]:
        self._cut("events")
        first, *_ = found = self._next(timeout) or [None]
        while first is not None and len(found) < self.batch() and (more := self._next(0.0)):
            found += more
        if first is None:
            return []
        said = [event for event in found if not isinstance(event, Ended)]
        return [*self._past[-2:], *said, *found] if self.echoes else found

    def _next(self, timeout: float) -> list[Event]:
        while self._queue:
            at, _, event = heapq.heappop(self._queue)
            if event.key not in self.running:
                continue
            if at - self.clock.time > timeout:
                heapq.heappush(self._queue, (at, next(self._order), event))
                self.clock.time += timeout
                return []
            self.clock.time = max(self.clock.time, at)
            if isinstance(event, Ended):
                self._end(event.key)
            self.on_event(event)
            self._past += [] if isinstance(event, Ended) else [event]
            return [event]
        self.clock.time += timeout
        return []

    def answer(self, key: str, word: str) -> None:
        self._cut("answer")
        self.answers.append((key, word))
        if word == "stop":
            self._plan(0.1, Ended(key, Outcome("pruned", "pruned", None, {"epochs": 1.0, "seconds": 1.0})))

    def stop(self, key: str) -> None:
        self._plan(0.1, Ended(key, Outcome("interrupted")))

    def kill(self, key: str) -> None:
        self._plan(0.0, Ended(key, Outcome("failed", "lost process", "killed")))

    def close(self) -> None:
        self.running.clear()

    def _end(self, key: str) -> None:
        del self.running[key]

    def _plan(self, after: float, event: Event) -> None:
        heapq.heappush(self._queue, (self.clock.time + after, next(self._order), event))

    def _cut(self, moment: str) -> None:
        if self.power(moment):
            raise PowerCut


def _outcome(script: Script) -> Outcome:
    scores = {"validation": max(script.scores, default=None), "epochs": float(len(script.scores))}
    scores["seconds"] = script.seconds
    if script.end == "complete":
        return Outcome("complete", scores=scores)
    return Outcome("failed", script.cause or "crash", "it broke", scores)
