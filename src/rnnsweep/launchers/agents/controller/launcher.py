"""Trials on the nodes of a cluster: a launcher over agents that may be lost, late, or not there yet."""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents import messages as say
from rnnsweep.launchers.agents.controller.elsewhere import Elsewhere
from rnnsweep.launchers.agents.controller.fleet import Fleet, RemoteAgent, slots_of
from rnnsweep.launchers.agents.controller.home import Attempt
from rnnsweep.launchers.agents.line import RESEND_S, Letter
from rnnsweep.launchers.agents.transport import Drained, Gone, News, Transport
from rnnsweep.launchers.agents.versions import check_versions_of
from rnnsweep.launchers.local.child import NOTED
from rnnsweep.launchers.local.launcher import GRACE_S
from rnnsweep.launchers.registry import LOCAL, tasks_per_slot
from rnnsweep.state.watching.agents import AgentRow
from rnnsweep.sweepfile import Method, Slot
from rnnsweep.trial import Ended, Event, Outcome, ReadsTest, TrialTask, causes

BEAT_S = 3.0  # between two letters to an agent to which there is nothing to say
ANSWER_S = 5.0  # until a task that was to end at once is given up, whatever its agent does


class AgentLauncher:
    """Runs tasks in the slots of agents: which agent runs a task, and when, depends on which are there.

    Attributes:
        slots: of all rooms of the transport; a slot's host is the node of its room.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        launcher: Method = LOCAL,
        machine: str = "this machine",
        locker: str | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        """Take over a transport; agents are asked for with the first task.

        Args:
            transport: carries the letters; closed with the launcher.
            launcher: runs the trials on the nodes; the default is `local`.
            machine: the name of all this, for messages.
            locker: where checkpoints of running tasks lie; None has them travel in letters.
            grace_s: seconds that a task has to checkpoint and end.

        Raises:
            UserError: there is no such launcher.
        """
        per_slot = self._per_slot = tasks_per_slot(launcher)
        settings = say.AgentSettings("", "", launcher, project=os.getcwd(), locker=locker)
        self._elsewhere = Elsewhere(locker)
        self._transport, self.machine, self._grace_s = transport, machine, grace_s
        self._fleet = Fleet(transport, settings, per_slot)
        self.slots: Sequence[Slot] = slots_of(transport.rooms, per_slot)
        self._numbers = count(1)
        self._attempts: dict[str, Attempt] = {}  # key -> its newest attempt
        self._by_number: dict[int, Attempt] = {}
        self._waiting: deque[Attempt] = deque()  # for room, in the order of their starts
        self._events: list[Event] = []
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._beat_at = time.monotonic()
        threading.Thread(target=self._beat_on, name="beat", daemon=True).start()

    @property
    def agents(self) -> tuple[AgentRow, ...]:
        """The agents so far."""
        with self._lock:
            return self._fleet.table

    def start(self, task: TrialTask, slot: Slot) -> None:
        """Start a task as soon as an agent has room for it."""
        with self._lock:
            number = next(self._numbers)
            attempt = Attempt(number, task, self._elsewhere.home(task, number), slot.host)
            self._attempts[task.key] = self._by_number[number] = attempt
            self._waiting.append(attempt)
            self._place()

    def answer(self, key: str, word: str) -> None:
        """Answer a report."""
        self._tell(key, say.Answer, word)

    def stop(self, key: str) -> None:
        """Ask a task to checkpoint and end; given up where its agent does not see to it in time."""
        self._end_soon(key, say.StopTask, self._grace_s * self._per_slot + ANSWER_S)

    def kill(self, key: str) -> None:
        """End a task at once."""
        self._end_soon(key, say.Kill, ANSWER_S)

    def events(self, timeout: float) -> list[Event]:
        """Wait for something to happen to a task.

        Raises:
            UserError: the cluster is gone, or a node has other versions of what is installed here.
        """
        until = time.monotonic() + timeout
        while True:
            with self._lock:
                waits = 0.0 if self._events else max(0.0, until - time.monotonic())
            arrived = list(self._transport.receive(waits))
            while more := self._transport.receive(0.0):  # silence counts once all that waits is read
                arrived += more
            with self._lock:
                for each in arrived:  # a slow disk makes this long
                    self._take(each)
                    if time.monotonic() - self._beat_at > BEAT_S:
                        self._beat()
                if self._attempts:
                    self._fleet.renew()
                self._give_up()
                self._place()
                self._send_all()
                if self._events or time.monotonic() >= until:
                    events, self._events = self._events, []
                    return events

    def close(self) -> None:
        """End all that still runs, and every agent."""
        self._closed.set()
        with self._lock:
            for attempt in self._attempts.values():
                self._elsewhere.ended(attempt.home)
            self._attempts.clear()
            self._by_number.clear()
            self._waiting.clear()
        self._transport.close()
        self._elsewhere.close()

    def _tell(self, key: str, kind: type, *values: Any) -> None:
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is not None and attempt.agent is not None:
                attempt.agent.line.put(kind(attempt.number, *values))
                self._send(attempt.agent)

    def _end_soon(self, key: str, kind: type, seconds: float) -> None:
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is None:
                return
            if attempt.agent is None:
                self._waiting.remove(attempt)
                self._end(attempt, Outcome("interrupted"))
                return
            attempt.deadline = time.monotonic() + seconds
            self._tell(key, kind)

    def _place(self) -> None:
        """Hand tasks to agents that have room, in the order of their starts; ask for more agents."""
        while self._waiting:
            attempt = self._waiting[0]
            chosen = self._fleet.choose(attempt.task.devices, node=attempt.node)
            if chosen is None:
                devices = [each.task.devices for each in self._waiting]
                self._fleet.ask(sum(devices), largest=max(devices))
                return
            self._waiting.popleft()
            attempt.agent, places = chosen
            attempt.agent.busy[attempt.number] = places
            line = attempt.agent.line
            for message in attempt.home.prepare():
                line.put(message)
            line.put(say.StartTask(attempt.number, places))
            self._send(attempt.agent)

    def _send_all(self) -> None:
        for agent in self._fleet:
            if agent.hello is not None:
                agent.put_corpora()
                self._send(agent)

    def _send(self, agent: RemoteAgent, *, always: bool = False) -> None:
        letter = agent.line.letter(always=always)
        if letter is not None:
            agent.told_at = time.monotonic()
            self._transport.send(agent.name, letter.pack())

    def _beat_on(self) -> None:
        while not self._closed.wait(min(RESEND_S, BEAT_S)):
            with self._lock:
                self._beat()

    def _beat(self) -> None:
        """Tell agents that the controller lives, and send again what was lost, whatever else it does."""
        now = self._beat_at = time.monotonic()
        for agent in self._fleet:
            if agent.hello is not None:
                self._send(agent, always=now - agent.told_at > BEAT_S)

    def _take(self, each: News) -> None:
        agent = self._fleet.get(each.agent)
        if agent is None:
            return  # it was given up: nothing of it is taken
        if isinstance(each, Drained):
            self._fleet.retire(agent)
        elif isinstance(each, Gone):
            self._take_gone(agent, each)
        else:
            agent.heard_at = time.monotonic()
            for message in agent.line.take(Letter.unpack(each.letter)):
                self._hear(agent, message)

    def _take_gone(self, agent: RemoteAgent, gone: Gone) -> None:
        agent.preempted = agent.preempted or gone.preempted
        if agent.hello is None:
            self._fleet.give_up(agent, lost=True)
            if not gone.preempted and self._fleet.note_stillborn(agent):
                raise UserError(
                    f"machine {self.machine}: node {agent.row.node}: no agent starts there: {gone.reason}",
                    remedy=gone.remedy,
                )
        elif gone.ended:
            self._lose(agent, agent.gone or gone.reason)
        else:  # it may work on: what it runs is started again only once it must have ended by itself
            agent.gone = agent.gone or gone.reason

    def _hear(self, agent: RemoteAgent, message: Any) -> None:
        if isinstance(message, say.Hello):
            check_versions_of(f"machine {self.machine}", message.node, message.versions)
            self._elsewhere.check(self.machine, message)
            self._fleet.arrive(agent, message)
        elif isinstance(message, say.Leaving):
            agent.gone, agent.preempted = message.reason, agent.preempted or message.preempted
        elif isinstance(message, say.Lacks):
            self._elsewhere.send_corpus(agent, message)
        else:
            self._hear_of(agent, message)

    def _hear_of(self, agent: RemoteAgent, message: Any) -> None:
        """Take what an agent says of a task, where it is the newest attempt of it."""
        attempt = self._by_number.get(message.attempt)
        if isinstance(message, say.Over):
            agent.busy.pop(message.attempt, None)
            agent.idle_since = time.monotonic()
        if attempt is None or attempt.agent is not agent:
            return
        key = attempt.task.key
        match message:
            case say.Happened(event=ReadsTest()):
                attempt.task.files.note_test_read()
                self._tell(key, say.Answer, NOTED)
            case say.Happened(event=event):
                self._events.append(event)
            case say.Over(outcome=Outcome(cause=causes.OTHER_CORPUS, reason=reason)):
                raise UserError(f"machine {self.machine}: node {agent.row.node}: {reason}")
            case say.Over(outcome=outcome, files=files):
                self._end(attempt, self._outcome(agent, attempt.home.over(outcome, files)))
            case _:
                self._elsewhere.is_used |= isinstance(message, say.Stored)
                attempt.home.take(message)

    def _outcome(self, agent: RemoteAgent, outcome: Outcome) -> Outcome:
        """Return a task's outcome; one that was interrupted because its node is taken away is no attempt."""
        if outcome.state == "interrupted" and agent.gone and (agent.preempted or self._fleet.froze()):
            return Outcome("failed", causes.PREEMPTED, f"node {agent.row.node}: {agent.gone}", outcome.scores)
        return outcome

    def _give_up(self) -> None:
        now = time.monotonic()
        for agent in self._fleet.silent():
            self._lose(agent, agent.gone or f"nothing was heard of it for {now - agent.heard_at:.0f} s")
        idle = [] if self._waiting else self._fleet.idle()
        for agent in (*self._fleet.retired(), *idle):
            self._fleet.give_up(agent, lost=False)
        for attempt in list(self._attempts.values()):
            if attempt.deadline is not None and now > attempt.deadline:
                self._end(attempt, Outcome("interrupted", None, "its agent did not answer"))

    def _lose(self, agent: RemoteAgent, reason: str) -> None:
        """Give an agent up, with all that it runs."""
        self._fleet.give_up(agent, lost=True)
        cause = causes.PREEMPTED if agent.preempted or self._fleet.froze() else "lost process"
        outcome = Outcome("failed", cause, f"agent {agent.label} on node {agent.row.node}: {reason}")
        for number in agent.busy:
            attempt = self._by_number.get(number)
            if attempt is not None and attempt.agent is agent:
                self._end(attempt, outcome)

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Let the controller know; nothing of this attempt is taken any more."""
        self._elsewhere.ended(attempt.home)
        del self._attempts[attempt.task.key], self._by_number[attempt.number]
        self._events.append(Ended(attempt.task.key, outcome))
