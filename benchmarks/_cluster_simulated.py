"""A cluster that is simulated, under the real controller and the real launcher of agents.

Nodes, agents and trials are played: they send what real ones send, when the clock says so. The clock moves by
what the controller computes, by its waits for the disk, and to the next letter where it has nothing to do. So
a controller that cannot keep up lets trials wait, as it would on a real cluster.
"""

import heapq
import os
import pickle
import random
import shutil
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks._simulated_time import Clock, Moment
from benchmarks._simulated_world import PlayedAgent, PlayedTrial, World
from benchmarks._trial_record import RecordedTrial
from rnnsweep.launchers.agents import messages as say
from rnnsweep.launchers.agents.line import RESEND_S, Letter, Line
from rnnsweep.launchers.agents.node.agent import TICK_S
from rnnsweep.launchers.agents.node.scratch import CARRY_S
from rnnsweep.launchers.agents.transport import Arrived, Room
from rnnsweep.launchers.agents.versions import versions_here
from rnnsweep.launchers.local.child import ANSWER_S
from rnnsweep.launchers.ray.driver import POLL_S
from rnnsweep.tracking.spool.spool import spool_folder
from rnnsweep.trial import Outcome, Report, Reported, Started

NODE = 8  # slots of a node
SHIPPED_S = 60.0  # from a trial's end until its spool is sent and removed, as by the process that sends
MONITOR_S = 10.0  # between two samples of the machine that a trial records


class SimulatedCluster:
    """Fulfils `Transport` with nodes that are played."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world, self.clock = world, clock
        sizes = [min(NODE, world.slots - first) for first in range(0, world.slots, NODE)]
        self.rooms = tuple(Room(f"node-{number}", str(size)) for number, size in enumerate(sizes))
        self.letters = self.events = self.reported = 0
        self._time = 0.0  # of nodes: what happens there while the controller computes has times of its own
        self.on_end: Callable[[int], None] = lambda trials: None  # called with the trials that have ended
        self.started: list[str] = []  # keys, one for each start
        self.ended: list[str] = []
        self.first: Moment | None = None  # at the first start
        self.last: Moment | None = None  # at the last start
        self.spooled = 0  # bytes
        self.pieces = (array("d"), array("d"))  # begin and end of each piece of training
        self._draw = random.Random(0)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._inbox: list[tuple[PlayedAgent, bytes]] = []
        self._agents: dict[str, PlayedAgent] = {}
        self._record: RecordedTrial | None = None
        self._mlruns: Path | None = None
        weights = os.urandom(world.weights)  # cut once: all trials send the same pieces
        self._weights = [weights[first : first + say.PIECE] for first in range(0, len(weights), say.PIECE)]

    # what the launcher calls

    def ask(self, room: Room, settings: say.AgentSettings) -> None:
        """Start an agent; its first letter comes a second later."""
        with self._outside():
            agent = PlayedAgent(settings.name, room.node, Line(settings.name, clock=lambda: self._time))
            self._agents[settings.name] = agent
            self._at(1.0, lambda: self._say(agent, say.Hello(room.node, 1, room.count, versions_here())))
            self._at(1.0, lambda: self._live(agent))

    def send(self, agent: str, letter: bytes) -> None:
        """Send a letter; what the process that talks to Ray is sent is packed once more, as there."""
        packed = pickle.dumps(("send", agent, letter))
        with self._outside():
            self.letters += 1
            to = self._agents[agent]
            self._deliver(to, "there", lambda: self._take(to, pickle.loads(packed)[2]))

    def receive(self, timeout: float) -> list[Any]:
        """Let time pass until a letter arrives, at most so long."""
        with self.clock.outside():
            until = self.clock() + timeout
            while self._queue and self._queue[0][0] <= (self.clock() if self._inbox else until):
                self._time, _, happens = heapq.heappop(self._queue)
                self.clock.move_to(self._time)
                happens()
            if not self._inbox:
                self.clock.move_to(until)
            arrived, self._inbox = self._inbox, []
            self.letters += len(arrived)
            self._time = self.clock()
            for agent, _ in arrived:
                agent.is_unheard, agent.free_at = False, self._time + self._half()
                self._wake(agent)
        return [pickle.loads(packed) for _, packed in arrived]

    @contextmanager
    def _outside(self) -> Iterator[None]:
        with self.clock.outside():
            self._time = self.clock()
            yield

    def release(self, agent: str) -> None:
        """Expect nothing of an agent any more."""
        self._agents.pop(agent, None)

    def close(self) -> None:
        """End all."""
        self._queue.clear()

    def trained(self) -> float:
        """Return the share of slot time that was spent in training, from the first start to the last."""
        if self.first is None or self.last is None or self.first.time == self.last.time:
            return 0.0
        until = self.last.time
        pieces = zip(*self.pieces, strict=True)
        seconds = sum(min(end, until) - begin for begin, end in pieces if begin < until)
        return seconds / (self.world.slots * (until - self.first.time))

    def now(self) -> Moment:
        """Return what was counted so far."""
        clock = self.clock
        return Moment(self._time, clock(), clock.computed, clock.waited, self.events, len(self.ended))

    @property
    def over_at(self) -> float:
        """The time at which the last trial ended on its node."""
        return max(self.pieces[1], default=0.0)

    # what agents do

    def _at(self, after: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self._time + after, next(self._order), happens))

    def _deliver(self, agent: PlayedAgent, direction: str, arrives: Callable[[], None]) -> None:
        """Let a letter arrive, none before an earlier one."""
        at = agent.way[direction] = max(agent.way.get(direction, 0.0), self._time + self._half())
        heapq.heappush(self._queue, (at, next(self._order), arrives))

    def _half(self) -> float:
        return self.world.answer.draw(self._draw) / 2

    def _say(self, agent: PlayedAgent, *messages: Any) -> None:
        for message in messages:
            agent.line.put(message)
        self._wake(agent)

    def _say_later(self, agent: PlayedAgent, trial: PlayedTrial, *messages: Any) -> None:
        """Say what a trial wrote at the agent's next look, as for all of its trials."""
        if not trial.unsaid:
            self._at(TICK_S - self._time % TICK_S, lambda: self._look(agent, trial))
        trial.unsaid += messages

    def _look(self, agent: PlayedAgent, trial: PlayedTrial) -> None:
        if trial.unsaid:  # else it went with the trial's end
            said, trial.unsaid = trial.unsaid, []
            self._say(agent, *said)

    def _wake(self, agent: PlayedAgent) -> None:
        if not agent.collects:
            agent.collects = True
            self._at(max(0.0, agent.free_at - self._time), lambda: self._collect(agent))

    def _collect(self, agent: PlayedAgent) -> None:
        agent.collects = False
        if agent.is_unheard:  # the next letter waits until the controller has read this one
            return
        now = self._time
        letter = agent.line.letter(always=now - agent.sent_at >= POLL_S)
        if letter is None:
            return
        agent.sent_at, agent.is_unheard = now, True
        packed = pickle.dumps(Arrived(agent.name, letter.pack()))
        self._deliver(agent, "home", lambda: self._inbox.append((agent, packed)))

    def _live(self, agent: PlayedAgent) -> None:
        """Say that an agent lives, and send again what was not confirmed."""
        self._wake(agent)
        self._at(RESEND_S if agent.line.waiting else POLL_S, lambda: self._live(agent))

    def _take(self, agent: PlayedAgent, data: bytes) -> None:
        for message in agent.line.take(Letter.unpack(data)):
            self._obey(agent, message)
        self._wake(agent)

    def _obey(self, agent: PlayedAgent, message: Any) -> None:
        if isinstance(message, say.Prepare):
            agent.keys[message.attempt] = message.task.key
            if self._record is None:
                self._mlruns = message.task.mlruns
                self._record = RecordedTrial.of(message.task)
        elif isinstance(message, say.StartTask):
            self._start(agent, message.attempt)
        elif message.attempt in agent.trials:
            trial = agent.trials[message.attempt]
            if isinstance(message, say.Answer):
                self._answer(agent, trial, message.word)
            else:
                self._end(agent, trial, Outcome("interrupted"))

    # what trials do

    def _start(self, agent: PlayedAgent, attempt: int) -> None:
        piece_s = self._draw.uniform(*self.world.seconds) / (self.world.reports + 1)
        trial = PlayedTrial(agent.keys.pop(attempt), attempt, piece_s, self._draw.random())
        agent.trials[attempt] = trial
        self.last = self.now()
        self.first = self.first or self.last
        self.started.append(trial.key)

        def begins() -> None:
            self.events += 1
            assert self._record is not None
            artifact, lines = self._record.begin(trial.key)
            name = self._record.artifact_name
            self._say(agent, say.Happened(attempt, Started(trial.key)))
            self._say_later(
                agent, trial, say.Piece(attempt, name, artifact, True, True), say.Lines(attempt, lines)
            )
            self._at(2.0, lambda: self._sample(agent, trial))
            self._at(CARRY_S, lambda: self._store(agent, trial))
            self._train(agent, trial)

        # half an answer was the way here, the other half is the way back
        self._at(max(0.0, self.world.start.draw(self._draw) - 2 * self._half()), begins)

    def _train(self, agent: PlayedAgent, trial: PlayedTrial) -> None:
        trial.since = self._time
        self._at(trial.piece_s, lambda: self._validated(agent, trial))

    def _validated(self, agent: PlayedAgent, trial: PlayedTrial) -> None:
        if trial.over:
            return
        self.pieces[0].append(trial.since)
        self.pieces[1].append(self._time)
        trial.rung += 1
        rung, share = trial.rung, trial.rung / (self.world.reports + 1)
        if rung > self.world.reports:
            self._end(agent, trial, self._outcome("complete", trial, trial.score))
            return
        assert self._record is not None
        self.events += 1
        self.reported += 1
        trial.waits = True
        report = Report(rung, 10 * rung, float(rung), trial.score * share)
        self._say(agent, say.Happened(trial.attempt, Reported(trial.key, report)))
        self._say_later(agent, trial, say.Lines(trial.attempt, self._record.validation))
        self._at(ANSWER_S, lambda: self._answer(agent, trial, "go on", rung))

    def _answer(self, agent: PlayedAgent, trial: PlayedTrial, word: str, rung: int | None = None) -> None:
        if trial.over or not trial.waits or rung not in (None, trial.rung):
            return
        trial.waits = False
        if word == "stop":
            self._end(
                agent,
                trial,
                self._outcome("pruned", trial, trial.score * trial.rung / (self.world.reports + 1)),
            )
        else:
            self._train(agent, trial)

    def _outcome(self, state: str, trial: PlayedTrial, score: float) -> Outcome:
        scores = {"validation": score, "seconds": trial.piece_s * trial.rung, "epochs": float(trial.rung)}
        return Outcome(state, "pruned" if state == "pruned" else None, None, scores, recorded=True)

    def _end(self, agent: PlayedAgent, trial: PlayedTrial, outcome: Outcome) -> None:
        """Send what an agent sends of a trial whose process is gone: its best weights go home in pieces."""
        if trial.over:
            return
        assert self._record is not None
        trial.over = True
        del agent.trials[trial.attempt]
        self.events += 1
        self.ended.append(trial.key)
        self.on_end(len(self.ended))
        attempt, most = trial.attempt, len(self._weights) - 1
        pieces = [say.Piece(attempt, say.BEST, data, n == most) for n, data in enumerate(self._weights)]
        last = say.Lines(attempt, self._record.end), say.Log(attempt, self._record.log)
        unsaid, trial.unsaid = trial.unsaid, []
        self._say(agent, *unsaid, *pieces, *last, say.Over(attempt, outcome, (say.BEST,)))
        self._at(SHIPPED_S, lambda: self._ship(trial.key))

    def _ship(self, key: str) -> None:
        """Count what a spool holds and remove it: sending is another process's work."""
        assert self._mlruns is not None
        spool = spool_folder(self._mlruns) / f"{key}.jsonl"
        if spool.exists():
            self.spooled += spool.stat().st_size
            spool.unlink()
            shutil.rmtree(spool.with_suffix(".files"), ignore_errors=True)

    def _sample(self, agent: PlayedAgent, trial: PlayedTrial) -> None:
        if not trial.over and self._record is not None:
            self._say_later(agent, trial, say.Lines(trial.attempt, self._record.sample))
            self._at(MONITOR_S, lambda: self._sample(agent, trial))

    def _store(self, agent: PlayedAgent, trial: PlayedTrial) -> None:
        """Say that the checkpoint is in the locker, once a minute."""
        if not trial.over:
            place = f"k-{trial.key}/{trial.attempt}/{trial.rung}"
            stored = (
                say.Stored(trial.attempt, name, f"{place}/{Path(name).name}") for name in say.CHECKPOINTS
            )
            self._say(agent, *stored)
            self._at(CARRY_S, lambda: self._store(agent, trial))
