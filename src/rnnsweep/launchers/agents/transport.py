"""What carries letters to agents and back: the one thing that Ray, Slurm and others each do in their way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.sweepfile import parse_slots


@dataclass(frozen=True)
class Room:
    """Room for one agent on one node.

    Attributes:
        node: its name, for people; a training of several devices takes slots of one node.
        slots: of the agent, as `parse_slots` reads them.
        seconds: that an agent may run there; its successor is asked for before they are over.
    """

    node: str
    slots: str
    seconds: float | None = field(default=None, kw_only=True)

    @property
    def count(self) -> int:
        """Count its slots."""
        return len(parse_slots(self.slots))


@dataclass(frozen=True)
class Arrived:
    """A letter of an agent."""

    agent: str
    letter: bytes


@dataclass(frozen=True)
class Gone:
    """An agent of which no more letters are expected.

    Attributes:
        agent: its name.
        reason: one line for people.
        ended: its process was seen to end. Otherwise it may work on, as on a node that was cut off.
        preempted: its node was taken away, as announced.
        remedy: what to do where agents end before they say a word.
    """

    agent: str
    reason: str
    ended: bool
    preempted: bool = False
    remedy: str = ""


@dataclass(frozen=True)
class Drained:
    """An agent whose node takes no new work: what it runs may end there, and nothing else begins."""

    agent: str


News: TypeAlias = Arrived | Gone | Drained


class Transport(Protocol):
    """The controller's end. It may lose, double, delay and reorder letters; nothing in it waits for ever.

    Attributes:
        rooms: where agents may be asked for, one at a time in each, or two where one succeeds the other.
    """

    rooms: Sequence[Room]

    def ask(self, room: Room, settings: AgentSettings) -> None:
        """Ask for an agent; it may take hours until there is room for it. Returns at once."""

    def send(self, agent: str, letter: bytes) -> None:
        """Send a letter; returns at once. Any thread may call it."""

    def receive(self, timeout: float) -> Sequence[News]:
        """Wait at most `timeout` seconds for something to arrive, and return all that did.

        Raises:
            UserError: nothing will arrive any more, as where the cluster is gone.
        """

    def release(self, agent: str) -> None:
        """Expect nothing of an agent any more; end its process where it can be reached."""

    def close(self) -> None:
        """End all agents that can be reached, and what connects to them."""
