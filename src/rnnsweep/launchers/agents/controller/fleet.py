"""The agents of one controller: asked for where tasks wait, given up when silent, let go when idle."""

import math
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rnnsweep.launchers.agents.line import WINDOW, Line
from rnnsweep.launchers.agents.messages import AgentSettings, Hello
from rnnsweep.launchers.agents.transport import Room, Transport
from rnnsweep.state.watching.agents import AgentRow
from rnnsweep.sweepfile import Slot, parse_slots

LOST_S = 45.0  # of silence until an agent is given up: longer than it takes to end its trials by itself
IDLE_S = 300.0  # without a task, until an agent is let go, so that its node may be given back
COMING_S = 30.0  # that an agent may take to arrive, until its tasks ask for others too
STILLBORN = 3  # agents in a row that end before they say a word: the next one would, too
RENEW_S = 600.0  # before an agent's time is over, or a quarter of it, until its successor is asked for
FROZEN_S = 10.0  # between two looks at silent agents: the controller was stopped, or its machine slept
AGAIN_S = 1.0  # between two agents of one room that ended so


@dataclass
class RemoteAgent:
    """One agent as the controller knows it.

    Attributes:
        name: no other agent ever has it.
        busy: attempt -> the places that its task takes.
        hello: what it said when it arrived; None until then. Who never spoke waits for room, and is not lost.
        heard_at: when its last letter arrived.
        gone: why no new task is sent to it: it leaves, or its node is said to be gone.
        preempted: whether its node is taken away, as announced.
        is_retired: whether it takes no new task: another agent of its room is there, or its node is drained.
        sending: what makes the messages of corpora that its node lacks.
    """

    name: str
    label: str
    room: "_RoomState"
    line: Line
    asked_at: float = 0.0
    busy: dict[int, tuple[int, ...]] = field(default_factory=dict)
    hello: Hello | None = None
    arrived_at: float = 0.0
    heard_at: float = 0.0
    told_at: float = 0.0
    idle_since: float = 0.0
    gone: str | None = None
    preempted: bool = False
    lost: bool = False
    is_retired: bool = False
    sending: deque[Iterator[Any]] = field(default_factory=deque)

    def put_corpora(self) -> None:
        """Put the next pieces of corpora into its line, as far as there is room."""
        while self.sending and self.line.waiting < WINDOW:
            try:
                message = next(self.sending[0])
            except StopIteration:
                self.sending.popleft()
                continue
            if message is None:  # it is on its way into the locker
                return
            self.line.put(message)

    @property
    def free(self) -> list[int]:
        """The places that no task takes; none where no new task may be sent there."""
        if self.hello is None or self.gone is not None or self.is_retired:
            return []
        taken = {place for places in self.busy.values() for place in places}
        return [place for place in range(self.hello.slots) if place not in taken]

    @property
    def is_nearly_over(self) -> bool:
        """Whether its time is over soon."""
        seconds = self.room.room.seconds
        if seconds is None or self.hello is None:
            return False
        return time.monotonic() - self.arrived_at > seconds - min(RENEW_S, seconds / 4)

    @property
    def row(self) -> AgentRow:
        """What a table of agents shows of it."""
        node = self.hello.node if self.hello else self.room.room.node
        return AgentRow(self.label, node, self.room.size, len(self.busy), self.lost)


@dataclass
class _RoomState:
    """One room of the transport."""

    room: Room
    size: int  # tasks at a time
    agent: RemoteAgent | None = None
    generation: int = 0
    not_before: float = 0.0


class Fleet:
    """Knows the agents. Whoever calls it holds the launcher's lock."""

    def __init__(self, transport: Transport, settings: AgentSettings, per_slot: int) -> None:
        """Start with no agent.

        Args:
            transport: that has the rooms.
            settings: of every agent, but for its name and slots.
            per_slot: tasks at a time in each slot of an agent.
        """
        self._transport, self._settings = transport, settings
        self._rooms = [_RoomState(room, room.count * per_slot) for room in transport.rooms]
        self._agents: dict[str, RemoteAgent] = {}
        self._lost: list[AgentRow] = []
        self._session = uuid.uuid4().hex[:12]
        self._stillborn = 0
        # by the wall clock, which goes on in a sleep; before the first look the controller does other things
        self._looked_at, self._froze_at = math.inf, 0.0

    def __iter__(self) -> Iterator[RemoteAgent]:
        """Iterate over the agents that were asked for and not given up."""
        return iter(list(self._agents.values()))

    def get(self, name: str) -> RemoteAgent | None:
        """Return an agent; None for one that was given up: nothing of it is taken any more."""
        return self._agents.get(name)

    @property
    def table(self) -> tuple[AgentRow, ...]:
        """Return all agents so far that said a word, lost ones last."""
        return (*(agent.row for agent in self._agents.values() if agent.hello), *self._lost)

    def choose(self, places: int, *, node: str | None) -> tuple[RemoteAgent, tuple[int, ...]] | None:
        """Choose an agent with so many free places, of a node where there is one; None where none has."""
        able = [(agent, free) for agent in self._agents.values() if len(free := agent.free) >= places]
        near = [(agent, free) for agent, free in able if agent.room.room.node == node]
        return next(((agent, tuple(free[:places])) for agent, free in (*near, *able)), None)

    def ask(self, wanted: int, *, largest: int) -> None:
        """Ask for agents until those that have not arrived yet have room for the tasks that wait.

        Args:
            wanted: places that are wanted.
            largest: places of one agent that the largest task takes.
        """
        now = time.monotonic()
        pending = (agent for agent in self._agents.values() if agent.hello is None)
        coming = [agent.room.size for agent in pending if now - agent.asked_at < COMING_S]
        empty = [room for room in self._rooms if room.agent is None and now >= room.not_before]
        for room in sorted(empty, key=lambda room: room.size < largest):
            fits = max(coming, default=0) >= largest
            if sum(coming) >= wanted and fits:
                return
            self._ask(room)
            coming.append(room.size)

    def _ask(self, room: _RoomState) -> None:
        room.generation += 1
        place = self._rooms.index(room)
        label = f"{room.room.node}.{place}.{room.generation}"
        name = f"{label}@{self._session}"
        agent = RemoteAgent(name, label, room, Line(name), asked_at=time.monotonic())
        room.agent = self._agents[name] = agent
        settings = replace(self._settings, name=name, slots=room.room.slots)
        self._transport.ask(room.room, settings)

    def arrive(self, agent: RemoteAgent, hello: Hello) -> None:
        """Take note that an agent said its first word."""
        now = time.monotonic()
        agent.hello, agent.arrived_at, agent.idle_since, self._stillborn = hello, now, now, 0
        for other in self._agents.values():
            if other.room is agent.room and other is not agent and not agent.is_retired:
                other.is_retired = True

    def retire(self, agent: RemoteAgent) -> None:
        """Send no new task to an agent; those to come may ask for another one in its room."""
        agent.is_retired = True
        if agent.room.agent is agent:
            agent.room.agent = None

    def renew(self) -> None:
        """Ask for the successors of agents whose time is nearly over; each takes the tasks to come.

        A successor also takes those that do not end in time. Until then it is not idle.
        """
        for agent in list(self._agents.values()):
            if not agent.is_nearly_over:
                continue
            if agent.room.agent is agent and not agent.gone:
                self._ask(agent.room)
            elif agent.room.agent is not None and agent.busy:
                agent.room.agent.idle_since = time.monotonic()

    def silent(self) -> list[RemoteAgent]:
        """Return the agents that spoke once and have been silent for too long."""
        self.froze()
        now = time.monotonic()
        return [a for a in self._agents.values() if a.hello and now - a.heard_at > LOST_S]

    def froze(self) -> bool:
        """Return whether the controller stood still shortly ago: that an agent left is no fault of a task."""
        now = time.time()
        if now - self._looked_at > FROZEN_S:
            self._froze_at = now
        self._looked_at = now
        return now - self._froze_at < LOST_S

    def idle(self) -> list[RemoteAgent]:
        """Return the agents that have had no task for long."""
        now = time.monotonic()
        able = [a for a in self._agents.values() if a.hello and not a.busy and a.gone is None]
        return [agent for agent in able if now - agent.idle_since > IDLE_S]

    def retired(self) -> list[RemoteAgent]:
        """Return the agents without a task that take no new one."""
        return [a for a in self._agents.values() if a.is_retired and not a.busy]

    def give_up(self, agent: RemoteAgent, *, lost: bool) -> None:
        """Take nothing of an agent any more; its room may be asked for again."""
        if self._agents.pop(agent.name, None) is None:
            return
        agent.lost = lost
        if agent.room.agent is agent:
            agent.room.agent = None
        if lost and agent.hello:
            self._lost.append(agent.row)
        self._transport.release(agent.name)

    def note_stillborn(self, agent: RemoteAgent) -> bool:
        """Take note of an agent that ended before it said a word; return whether several in a row did."""
        self._stillborn += 1
        agent.room.not_before = time.monotonic() + AGAIN_S
        return self._stillborn >= STILLBORN


def slots_of(rooms: Sequence[Room], per_slot: int) -> tuple[Slot, ...]:
    """Return the slots of all rooms, each with the node of its room."""
    slots = [(slot, room.node) for room in rooms for slot in parse_slots(room.slots) for _ in range(per_slot)]
    return tuple(Slot(index, slot.threads, slot.gpu, node) for index, (slot, node) in enumerate(slots))
