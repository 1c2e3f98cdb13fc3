"""What a sweep tells while it runs and when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rnnsweep.state.watching.agents import AgentRow


@dataclass(frozen=True)
class ArchitectureProgress:
    """How far one architecture is."""

    architecture: str
    budget: int | None  # trials asked for; None where seconds or epochs are the budget
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    best: float | None = None  # natural validation score
    share: float = 0.0  # of the budget that is used up
    replicates: int = 0  # ended
    replicates_wanted: int = 0
    replicates_most: int = 0  # that planned looks may ask for in all; 0 where none follows
    infeasible: int = 0  # complete, but above a constraint
    rejected: int = 0  # proposals known to be infeasible before they were trained; outside the budget
    stopped: str | None = None  # why its search ended before its budget was spent

    @property
    def ended(self) -> int:
        """Trials that are over."""
        return self.complete + self.pruned + self.failed + self.infeasible

    @property
    def waiting(self) -> int:
        """Trials that the budget still asks for and that do not run yet."""
        if self.stopped:
            return 0
        return max(0, (self.budget or 0) - self.ended - self.running)


@dataclass(frozen=True)
class Running:
    """One task that is in a slot now."""

    key: str
    role: str  # trial | replicate | baseline
    architecture: str
    number: int | None  # of the trial, or of the replicate among its trial's
    slot: str
    seconds: float
    epoch: float | None = None
    validation: float | None = None
    started: bool = True  # False: it waits for its process, on a cluster for a node


@dataclass(frozen=True)
class Failure:
    """One task that failed, why, and where it printed."""

    name: str
    cause: str
    reason: str
    log: Path


STOPPING = "stopping: the running trials write checkpoints; a second Ctrl-C ends them at once"


@dataclass(frozen=True)
class Snapshot:
    """The sweep at one moment."""

    sweep: str
    question: str
    standings: tuple[ArchitectureProgress, ...]
    running: Sequence[Running]
    slots: int
    elapsed: float  # seconds of this controller
    eta: float | None  # seconds still to go without further looks; None before anything ended
    failures: tuple[Failure, ...] = ()
    paused: bool = False  # the disk is full: nothing new starts
    stopping: bool = False  # somebody asked the sweep to stop
    over: bool = False  # nothing runs any more, and nothing will
    eta_most: float | None = None  # with all replicates that planned looks may ask for
    unsent: int | None = None  # runs that the store does not have whole yet; None before only sending is left
    compared: bool = True  # a comparison follows once all runs are in the store
    starting: int = 0  # of the running tasks, those that have no process yet

    @property
    def busy(self) -> str:
        """How many slots have a process at work, and how many wait for one."""
        waiting = f", {self.starting} starting" if self.starting else ""
        word = "slot" if self.slots == 1 else "slots"
        return f"{len(self.running) - self.starting} of {self.slots} {word} busy{waiting}"


class Listener(Protocol):
    """Whoever shows the sweep to a person."""

    def update(self, snapshot: Snapshot) -> None:
        """Show the progress; called at every event and a few times a second."""

    def message(self, text: str) -> None:
        """Tell one line, as that a trial failed."""


class Silence:
    """A listener that shows nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class SweepSummary:
    """How `run_sweep` ended."""

    sweep: str
    state: str  # finished | interrupted
    folder: Path
    standings: tuple[ArchitectureProgress, ...]
    failures: tuple[Failure, ...]
    ran: int  # tasks that ended in this call; 0 where the sweep was finished before
    seconds: float
    slots_busy: float  # share of slot time in tasks

    @property
    def trials(self) -> dict[str, int]:
        """Trials of all architectures by how they ended, running and waiting ones included."""
        return count_trials(self.standings)


@dataclass(frozen=True)
class SweepStatus:
    """A sweep as its ledger shows it, from any process."""

    sweep: str
    state: str  # running | paused (the disk is full) | interrupted | finished
    trials: dict[str, int]  # complete, pruned, failed, running, waiting
    slots_busy: float
    standings: tuple[ArchitectureProgress, ...]
    failures: tuple[Failure, ...]
    folder: Path
    controller: dict[str, object] = field(default_factory=dict)  # pid and host, where one runs
    agents: tuple[AgentRow, ...] = ()  # where it runs on several nodes now
    next: str | None = None  # the command that comes next; None: it runs, or its question is settled
    aim: str = ""  # which question that settles, where a comparison named it
    eta: float | None = None  # seconds still to go; None where it does not run, or nothing ended yet
    eta_most: float | None = None  # with all replicates that planned looks may ask for
    lost: str = ""  # which of its runs are not in the local store any more, and what to do


def count_trials(standings: tuple[ArchitectureProgress, ...]) -> dict[str, int]:
    """Add up the trials of all architectures by state; infeasible ones are named where there are any."""
    words = ("complete", "pruned", "failed", "running", "waiting", "infeasible", "rejected")
    counted = {word: sum(getattr(standing, word) for standing in standings) for word in words}
    return {word: number for word, number in counted.items() if number or word not in words[-2:]}
