"""Tasks, reports, outcomes and events: plain values, so that any launcher can carry them anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rnnsweep.state.folder import TaskFolder
from rnnsweep.state.outcome import Outcome as Outcome
from rnnsweep.sweepfile import Slot
from rnnsweep.tasks.score import HIGHER, turn

if TYPE_CHECKING:
    from rnnsweep.config import RunConfig


@dataclass(frozen=True)
class TrialTask:
    """One training to do: all that a process on this or another machine needs."""

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
    corpora: Mapping[str, str] = field(default_factory=dict)  # rows, word vectors -> digest at the start
    reads_test: bool = True  # whether a baseline is scored on the test part, as a replicate always is
    devices: int = 1  # processes of the training, each in a slot of its own
    run: "RunConfig | None" = None  # what the overrides come to, composed by the controller
    attempt: int | None = None  # number of this attempt where an agent runs it; its folders are scratch then

    @property
    def scores_test(self) -> bool:
        """Whether it reads the test part."""
        return self.role == "replicate" or (self.role == "baseline" and self.reads_test)

    @property
    def files(self) -> TaskFolder:
        """What lies in its folder."""
        return TaskFolder(self.folder)


def task_name(key: str, sweep: str) -> str:
    """Return the name of the task whose key a run of a sweep has; both names may have dots."""
    return key.removeprefix(f"{sweep}.").partition(".")[2]


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


@dataclass(frozen=True)
class ReadsTest:
    """The task of an agent is about to read the test part and waits until the controller has noted it."""

    key: str


Event = Started | Reported | Ended | ReadsTest


class Channel(Protocol):
    """A trial's end of the line to its controller. Nothing here waits for ever."""

    def report(self, report: Report) -> str:
        """Report a validation and wait a while for ``go on`` or ``stop``; silence means go on."""

    def interrupted(self) -> bool:
        """Return whether the controller asked for a checkpoint and an end, or is gone."""

    def note_test_read(self) -> None:
        """Wait until the controller has noted that the task is about to read the test part.

        Raises:
            ControllerSilent: it did not answer in time.
        """


class ControllerSilent(Exception):
    """The controller did not answer where the trial must not go on without an answer."""


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
