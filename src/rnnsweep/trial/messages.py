"""Tasks, reports, outcomes and events: plain values, so that any launcher can carry them anywhere."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rnnsweep.sweepfile import Slot
from rnnsweep.tasks.score import HIGHER, LOWER, turn

OUTCOME = "outcome.json"  # in a task's folder: how it ended, written before anyone is told
LEASE = "lease.json"  # in a task's folder: the process that works there
LOG = "log.txt"  # in a task's folder: what it printed
STATES = ("complete", "pruned", "failed", "interrupted")


@dataclass(frozen=True)
class TrialTask:
    """One training to do, as override strings: all that a process on this or another machine needs."""

    key: str  # unique in the store and the same after every restart
    role: str  # trial | replicate | baseline
    architecture: str
    overrides: tuple[str, ...]
    folder: Path  # its log, lease, checkpoints and outcome
    mlruns: Path
    experiment: str
    name: str
    number: int | None = None  # of the trial in its study
    searched: tuple[str, ...] = ()  # keys of the search space, for the run's name
    log_scaled: tuple[str, ...] = ()  # those on a log scale, whatever the role: plots need log10 of them
    parent_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    conf: Path | None = None  # the configuration files as they were when the sweep started
    uri: str | None = None  # of the store, as the controller resolved it
    origin: Mapping[str, str] = field(default_factory=dict)  # provenance of the controller, without the diff
    resume: bool = False  # go on from the folder's last checkpoint
    time_limit: float | None = None  # seconds
    corpora: Mapping[str, str] = field(default_factory=dict)  # source of rows -> their digest at the start
    devices: int = 1  # processes of the training, each in a slot of its own


@dataclass(frozen=True)
class Report:
    """One validation of a running trial."""

    rung: int  # 1 for the first validation, 2 for the second ...
    step: int  # optimiser steps done
    epoch: float  # epochs done
    validation: float  # natural value of the score that decides, on the validation part
    direction: str = HIGHER  # which values are better: higher | lower

    @property
    def turned(self) -> float:
        """The value so that more is better, as a study takes it."""
        return float(turn(self.validation, self.direction))


@dataclass(frozen=True)
class Outcome:
    """How a task ended. `cause` is one word or two: diverged, out of memory, crash, lost process ..."""

    state: str  # complete | pruned | failed | interrupted
    cause: str | None = None
    reason: str | None = None  # one line for people
    scores: Mapping[str, Any] = field(default_factory=dict)  # validation, direction, epochs, seconds ...
    recorded: bool = False  # its run has this end in the store already

    @property
    def validation(self) -> float | None:
        """The natural value of the best validation, where the task got that far."""
        value = self.scores.get("validation")
        return None if value is None else float(value)

    def write(self, folder: Path) -> None:
        """Write it to the task's folder, all of it or nothing, and see it on the disk."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1)
        part = folder / f"{OUTCOME}.part"
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / OUTCOME)

    @staticmethod
    def read(folder: Path) -> "Outcome | None":
        """Read the outcome of a task that ended, or None where it has none."""
        try:
            return Outcome(**json.loads((folder / OUTCOME).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Started:
    """The task's process is there and begins."""

    key: str


@dataclass(frozen=True)
class Reported:
    """The task validated and waits a while for `Launcher.answer`."""

    key: str
    report: Report


@dataclass(frozen=True)
class Ended:
    """The task's process is gone; its slot is free."""

    key: str
    outcome: Outcome


Event = Started | Reported | Ended


def validation_of(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return the natural validation of a record of scores, and its direction where lower is better."""
    lower = {"direction": LOWER} if scores.get("direction") == LOWER else {}
    return {"validation": scores.get("validation"), **lower}


def turned_validation(scores: Mapping[str, Any]) -> float | None:
    """Return the validation of a record of scores so that more is better; None where there is none."""
    value = scores.get("validation")
    return None if value is None else turn(float(value), scores.get("direction", HIGHER))


class Channel(Protocol):
    """A trial's end of the line to its controller. Nothing here waits for ever."""

    def report(self, report: Report) -> str:
        """Report a validation and wait a while for ``go on`` or ``stop``; silence means go on."""

    def interrupted(self) -> bool:
        """Say whether the controller asked for a checkpoint and an end, or is gone."""


class Launcher(Protocol):
    """Where tasks run. One task at a time in a slot; the controller calls from one thread."""

    slots: Sequence[Slot]

    def start(self, task: TrialTask, slot: Slot) -> None:
        """Start a task in a free slot; returns before the task does anything."""

    def events(self, timeout: float) -> list[Event]:
        """Wait at most `timeout` seconds for something to happen, and give all that did, in order."""

    def answer(self, key: str, word: str) -> None:
        """Answer a report with ``go on`` or ``stop`` (prune)."""

    def stop(self, key: str) -> None:
        """Ask a task to checkpoint and end as interrupted; ended by force after a grace period."""

    def kill(self, key: str) -> None:
        """End a task at once."""

    def close(self) -> None:
        """End what still runs, at once, and give everything back."""
