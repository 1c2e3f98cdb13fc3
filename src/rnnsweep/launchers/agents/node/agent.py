"""The agent: a launcher of one node that a controller far away uses; it carries home what trials write."""

import os
import shutil
import socket
import threading
import time
from collections import deque
from typing import Any

from rnnsweep.launchers.agents import messages as say
from rnnsweep.launchers.agents.corpora import NodeCorpora
from rnnsweep.launchers.agents.line import RESEND_S, Letter, Line
from rnnsweep.launchers.agents.node.launcher import NodeLauncher, launcher_of
from rnnsweep.launchers.agents.node.memory import MemoryGuard
from rnnsweep.launchers.agents.node.scratch import Scratch, make_root
from rnnsweep.launchers.agents.store import open_store
from rnnsweep.launchers.agents.versions import versions_here
from rnnsweep.sweepfile.slots import join_slots
from rnnsweep.trial import Ended, Event, Outcome
from rnnsweep.trial.causes import explain, print_trace

TICK_S = 0.25  # between two looks at what trials wrote
SILENT_S = 20.0  # without a word of the controller, until the agent ends its trials and itself
LINGER_S = 5.0  # that an agent which leaves waits for the controller to confirm what it sent

_ForTask = say.Prepare | say.Piece | say.Stored | say.StartTask | say.Answer | say.StopTask | say.Kill


class Agent:
    """Runs tasks on its node with a launcher of that node.

    Whoever drives it passes letters on: those of the controller to `post`, and to the controller what
    `collect` returns, until the agent is `over`. Each is for any thread.

    Attributes:
        settings: what it was started with.
        over: whether it has ended all it ran, and there is nothing left to send.
    """

    def __init__(
        self,
        settings: say.AgentSettings,
        launcher: NodeLauncher | None = None,
        *,
        node: str | None = None,
        silent_s: float = SILENT_S,
        memory_guard: MemoryGuard | None = None,
    ) -> None:
        """Start to work, beside the caller.

        Args:
            settings: what the controller asked for.
            launcher: runs the trials; the default is the one that the settings name.
            node: its name for people; the default is that of the host.
            silent_s: seconds without a letter after which the agent ends its trials and itself.
            memory_guard: names the trial to end where the node is short of memory.

        Raises:
            UserError: there is no such launcher, or the node lacks what its slots name.
        """
        self.settings, self.over = settings, False
        self._launcher = launcher or launcher_of(settings)
        self._silent_s, self._guard = silent_s, memory_guard
        self._root = make_root(settings.scratch)
        self._line = Line(settings.name)
        self._changed = threading.Condition()  # guards the line
        self._letters: deque[bytes] = deque()  # as they arrived
        self._commands: deque[Any] = deque()
        self._arrived_at = time.monotonic()
        self._leaving: say.Leaving | None = None
        self._left_at = 0.0
        self._scratches: dict[int, Scratch] = {}
        self._held: dict[int, say.StartTask] = {}  # attempt -> its start, which waits for a corpus
        self._corpora = NodeCorpora(self._root, self._send, self._launcher.wake)
        self._attempts: dict[str, int] = {}  # key of a task -> its attempt
        self._looked_at = 0.0
        self._store, fault = open_store(settings.locker)
        slots = len(self._launcher.slots)
        self._send(say.Hello(node or socket.gethostname(), os.getpid(), slots, versions_here(), fault))
        self._thread = threading.Thread(target=self._work, name="agent", daemon=True)
        self._thread.start()

    def post(self, letter: bytes) -> None:
        """Take a letter of the controller; returns at once, as reading one may import half of the package."""
        self._arrived_at = time.monotonic()
        self._letters.append(letter)
        self._launcher.wake()

    def collect(self, timeout: float) -> bytes:
        """Wait for something to send, at most `timeout` seconds; the letter tells that the agent is alive."""
        until = time.monotonic() + timeout
        with self._changed:
            while True:
                left = until - time.monotonic()
                letter = self._line.letter(always=left <= 0)
                if letter is not None:
                    return letter.pack()
                self._changed.wait(min(left, RESEND_S))

    def leave(self, reason: str = "its node is taken away", *, preempted: bool = True) -> None:
        """Let all tasks checkpoint and end, then be over: as when the node is about to be taken away."""
        self._commands.append(say.Leaving(reason, preempted))
        self._launcher.wake()

    def close(self) -> None:
        """End all that still runs, at once, and remove the agent's folder."""
        self.over = True
        self._launcher.wake()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        try:
            while not self.over:
                self._obey()
                self._start_held()
                for event in self._launcher.events(TICK_S):
                    self._hear(event)
                self._look()
                self._end_where_due()
        except Exception as error:
            print_trace()
            self._send(say.Leaving(f"its agent failed: {explain(error).reason}", preempted=False))
        finally:
            self._launcher.close()
            self._corpora.close()
            if self._store is not None:
                self._store.close()
            shutil.rmtree(self._root, ignore_errors=True)
            self.over = True

    def _send(self, *messages: Any) -> None:
        with self._changed:
            for message in messages:
                self._line.put(message)
            self._changed.notify_all()

    def _obey(self) -> None:
        """Do what the controller asked for; where that fails for one task, the task has failed."""
        self._read_letters()
        while self._commands:
            command = self._commands.popleft()
            if isinstance(command, say.Leave):
                self._leave(say.Leaving("it was told to", preempted=False))
            elif isinstance(command, say.Leaving):
                self._leave(command)
            elif isinstance(command, say.CorpusPiece | say.CorpusStored):
                self._corpora.take(command, self._store)
            else:
                self._obey_for(command)

    def _read_letters(self) -> None:
        while self._letters:
            letter = Letter.unpack(self._letters.popleft())
            with self._changed:
                self._commands += self._line.take(letter)
                self._changed.notify_all()

    def _obey_for(self, command: _ForTask) -> None:
        try:
            self._do(command)
        except Exception as error:  # a full disk here, a fork server that is gone, slots that are not there
            print_trace()
            self._end(command.attempt, explain(error, of_user="lost process"))

    def _do(self, command: _ForTask) -> None:
        if isinstance(command, say.Prepare):
            self._scratches[command.attempt] = Scratch(self._root, command, self._store)
            return
        if command.attempt not in self._scratches:  # it has ended, and its end is on the way
            return
        match command:
            case say.Piece() | say.Stored():
                self._scratches[command.attempt].receive(command)
            case say.StartTask():
                self._held[command.attempt] = command
                self._start_held()
            case _:
                self._tell(self._scratches[command.attempt].task.key, command)

    def _tell(self, key: str, command: say.Answer | say.StopTask | say.Kill) -> None:
        match command:
            case say.StopTask() | say.Kill() if command.attempt in self._held:
                self._end(command.attempt, Outcome("interrupted"))
            case say.Answer():
                self._launcher.answer(key, command.word)
            case say.StopTask():
                self._launcher.stop(key)
            case say.Kill():
                self._launcher.kill(key)

    def _start_held(self) -> None:
        """Start the tasks whose corpus is there."""
        for attempt, start in list(self._held.items()):
            scratch = self._scratches[attempt]
            try:
                if not self._corpora.is_ready(scratch.task):
                    continue
                del self._held[attempt]
                self._attempts[scratch.task.key] = attempt
                slots = [self._launcher.slots[place] for place in start.places]
                self._launcher.start(scratch.task, join_slots(slots))
            except Exception as error:
                print_trace()
                self._end(attempt, explain(error, of_user="lost process"))

    def _hear(self, event: Event) -> None:
        attempt = self._attempts.get(event.key)
        if attempt is None:
            return
        if not isinstance(event, Ended):
            self._send(say.Happened(attempt, event))
            return
        outcome = event.outcome
        short = self._guard.ended.pop(attempt, None) if self._guard is not None else None
        if short is not None and outcome.state == "interrupted":
            outcome = Outcome("failed", "out of memory", short, outcome.scores)
        self._end(attempt, outcome)

    def _end(self, attempt: int, outcome: Outcome) -> None:
        """Send all that a task left, and its end; its folder is gone after that."""
        self._held.pop(attempt, None)
        scratch = self._scratches.pop(attempt, None)
        if scratch is None:  # it could not even be made
            self._send(say.Over(attempt, outcome, ()))
            return
        self._attempts.pop(scratch.task.key, None)
        try:
            self._send(*scratch.last_news(), say.Over(attempt, outcome, scratch.files()))
        except (
            OSError
        ) as error:  # what it made cannot be read: it is done again, from what was carried before
            print_trace()
            self._send(say.Over(attempt, explain(error), ()))
        scratch.remove()

    def _look(self) -> None:
        """Send what running tasks wrote since the last look."""
        now = time.monotonic()
        if now - self._looked_at < TICK_S:
            return
        self._looked_at = now
        for scratch in self._scratches.values():
            self._send(*scratch.news())
        if self._guard is not None:
            workers = {number: each.task.files.worker() for number, each in self._scratches.items()}
            attempt = self._guard.largest(workers)
            if attempt is not None:
                self._launcher.kill(self._scratches[attempt].task.key)

    def _end_where_due(self) -> None:
        now = time.monotonic()
        with self._changed:
            silent, unconfirmed = now - self._arrived_at, self._line.waiting
        if self._leaving is None:
            if silent > self._silent_s:
                reason = f"it heard nothing of its controller for {self._silent_s:g} s"
                self._leave(say.Leaving(reason, preempted=False))
        elif not self._scratches and (not unconfirmed or now - self._left_at > LINGER_S):
            self.over = True
        elif self._scratches:
            self._left_at = now

    def _leave(self, message: say.Leaving) -> None:
        if self._leaving is not None:
            return
        self._leaving, self._left_at = message, time.monotonic()
        self._send(message)
        for attempt, scratch in list(self._scratches.items()):
            if self._attempts.get(scratch.task.key) == attempt:
                self._launcher.stop(scratch.task.key)
            else:  # not started yet
                self._end(attempt, Outcome("interrupted"))
