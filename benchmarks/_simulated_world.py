"""What a simulated cluster is made of: its size and times, its agents and their trials."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks._simulated_time import Latency
from rnnsweep.launchers.agents.line import Line


@dataclass(frozen=True)
class World:
    """What is simulated.

    Attributes:
        slots: of all nodes.
        start: from the start of a trial to its Started.
        answer: from a report to its answer, where the controller has nothing else to do.
        disk_s: one wait for the disk.
        seconds: of a trial that is not pruned: drawn evenly from these two.
        reports: of such a trial.
        weights: bytes of the best weights that a trial sends home at its end.
    """

    slots: int
    start: Latency
    answer: Latency
    disk_s: float
    seconds: tuple[float, float]
    reports: int
    weights: int


@dataclass
class PlayedTrial:
    """One attempt that runs on a node."""

    key: str
    attempt: int
    piece_s: float  # of training between two reports
    score: float
    rung: int = 0
    since: float = 0.0  # of this piece
    waits: bool = False  # for an answer
    over: bool = False
    unsaid: list[Any] = field(default_factory=list)  # what it wrote since the agent's last look


@dataclass
class PlayedAgent:
    """The agent of one node: its end of the line, and the trials that it runs."""

    name: str
    node: str
    line: Line
    trials: dict[int, PlayedTrial] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)  # attempts that are prepared
    free_at: float = 0.0  # when the controller's side asks for the next letter
    sent_at: float = 0.0
    collects: bool = False
    is_unheard: bool = False  # its last letter is on its way, or waits for the controller
    way: dict[str, float] = field(default_factory=dict)  # when the last letter of each direction arrives
