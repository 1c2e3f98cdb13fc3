"""What controller and agent tell each other; `attempt` numbers all attempts of one controller's tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnsweep.data import DataConfig
from rnnsweep.state import task_folder
from rnnsweep.sweepfile import Method
from rnnsweep.trial import Outcome, ReadsTest, Reported, Started, TrialTask

PIECE = 1 << 20  # bytes of a file in one message

LAST, BEST = (f"{task_folder.CHECKPOINTS}/{name}" for name in (task_folder.LAST, task_folder.BEST))
CHECKPOINTS = (LAST, BEST)  # of a running task
FILES = (LAST, BEST, task_folder.PREDICTIONS)  # of a task's folder, that travel


@dataclass(frozen=True)
class AgentSettings:
    """What an agent is started with.

    Attributes:
        name: of the agent; no two ever have the same.
        slots: of the agent, as `parse_slots` reads them; GPUs are counted among those that it may use.
        launcher: what runs the trials there.
        project: the controller's current folder: the agent's too, where the node has it.
        scratch: where the agent works, on its node; None takes the node's folder of temporary files.
        locker: where checkpoints of running tasks lie, as `open_locker` reads it; None sends them in pieces.
    """

    name: str
    slots: str
    launcher: Method = field(default_factory=lambda: Method("local"))
    project: str | None = None
    scratch: str | None = None
    locker: str | None = None


# to the agent


@dataclass(frozen=True)
class Prepare:
    """Make room for an attempt; its files follow, then `StartTask`."""

    attempt: int
    task: TrialTask
    steps: Mapping[str, int]  # metric -> highest step that the controller's machine has
    stored: str | None = None  # where the attempt's files lie in the locker; no other attempt has the same


@dataclass(frozen=True)
class Stored:
    """A file of the task's folder lies in the locker, whole, under the name `where`; in either direction."""

    attempt: int
    name: str
    where: str


@dataclass(frozen=True)
class Piece:
    """A piece of a file, in either direction; `name` is in the task's folder, or of an artifact."""

    attempt: int
    name: str
    data: bytes
    is_last: bool
    is_artifact: bool = False


@dataclass(frozen=True)
class CorpusPiece:
    """A piece of a file of a corpus that the agent's node lacks."""

    digest: str
    name: str
    data: bytes
    is_last: bool  # of the last file


@dataclass(frozen=True)
class CorpusStored:
    """A corpus that the agent's node lacks lies in the locker."""

    digest: str
    places: Mapping[str, str]  # file -> its name in the locker


@dataclass(frozen=True)
class StartTask:
    """Start the task of an attempt in some of the agent's slots."""

    attempt: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """Answer a report, or confirm that a reading of the test part is noted."""

    attempt: int
    word: str


@dataclass(frozen=True)
class StopTask:
    """Let a task checkpoint and end."""

    attempt: int


@dataclass(frozen=True)
class Kill:
    """End a task at once."""

    attempt: int


@dataclass(frozen=True)
class Leave:
    """End what runs, and the agent."""


# from the agent


@dataclass(frozen=True)
class Hello:
    """The agent is there."""

    node: str
    pid: int
    slots: int  # tasks at a time
    versions: Mapping[str, str]
    fault: str | None = None  # why it cannot use the locker


@dataclass(frozen=True)
class Lacks:
    """The agent's node has no corpus, or no word vectors, with the digest, and no files of its own."""

    config: DataConfig
    digest: str
    vectors: bool = False  # it lacks the file of word vectors, not the corpus


@dataclass(frozen=True)
class Happened:
    """What the node's launcher tells of a task that runs on; it may wait for an answer."""

    attempt: int
    event: Started | Reported | ReadsTest


@dataclass(frozen=True)
class Lines:
    """Whole lines of the run's spool."""

    attempt: int
    data: bytes


@dataclass(frozen=True)
class Log:
    """The end of what a task printed."""

    attempt: int
    data: bytes


@dataclass(frozen=True)
class Over:
    """The task's process is gone, and all of it that travels has been sent."""

    attempt: int
    outcome: Outcome
    files: tuple[str, ...]  # of `FILES`, that the task's folder holds now


@dataclass(frozen=True)
class Leaving:
    """The agent ends its tasks and itself: its node is taken away, or it was not heard from."""

    reason: str
    preempted: bool
