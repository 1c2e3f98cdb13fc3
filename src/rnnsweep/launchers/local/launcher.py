"""Trials as processes of this machine, started from a fork server, one in each slot."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from rnnsweep.hardware import gpus
from rnnsweep.launchers.local import child
from rnnsweep.launchers.local.places import slots_here
from rnnsweep.launchers.local.server import PRELOAD, start_server, without_main
from rnnsweep.sweepfile import Slot
from rnnsweep.sweepfile.slots import Places
from rnnsweep.trial import Ended, Event, Outcome, TrialTask

NO_SERVER = 255  # multiprocessing's exit status for a process whose fork server is gone
GRACE_S = 20.0  # from the request to stop to the end by force; a checkpoint takes a second or two

Entry = Callable[[Connection, TrialTask, Slot], None]


@dataclass
class _Process:
    """One task's process as the controller holds it."""

    task: TrialTask
    process: BaseProcess
    connection: Connection
    began: float
    outcome: Outcome | None = None
    deadline: float | None = None  # when it is ended by force
    verdict: Outcome | None = None  # why it was
    deaf: bool = False  # its end of the line is closed


class LocalLauncher:
    """Runs tasks in slots of this machine. Trials ignore Ctrl-C and end when this process does."""

    def __init__(
        self,
        slots: Places = None,
        *,
        grace_s: float = GRACE_S,
        entry: Entry = child.main,
        preload: Sequence[str] = PRELOAD,
    ) -> None:
        """Start importing at once, in the fork server.

        Args:
            slots: as `slots_here` reads them; the default is a slot of one thread for each core.
            grace_s: seconds that a task has to checkpoint and end.
            entry: what runs in the process; a function that can be imported there.
            preload: modules that the fork server imports.

        Raises:
            UserError: slots that do not read, or a GPU that is not here.
        """
        self.slots: Sequence[Slot] = slots_here(slots)
        self._grace_s = grace_s
        self._entry = entry
        self._preload = preload
        self._context = start_server(preload)
        self._running: dict[str, _Process] = {}
        self._woken, self._bell = Pipe(duplex=False)

    def start(self, task: TrialTask, slot: Slot) -> None:
        """Start a task in a free slot."""
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(
            target=self._entry, args=(theirs, task, on_devices(slot)), name=task.name, daemon=True
        )
        try:
            with without_main():
                process.start()
        except (EOFError, OSError):  # the fork server was killed: another one takes its place
            self._context = start_server(self._preload)
            with without_main():
                process.start()
        theirs.close()
        self._running[task.key] = _Process(task, process, ours, time.monotonic())

    def events(self, timeout: float) -> list[Event]:
        """Wait for something to happen; a task has ended when its process is gone."""
        ready = set(wait([self._woken, *self._speakers()], timeout))
        while self._woken in ready and self._woken.poll():
            self._woken.recv_bytes()
        return self._heard(ready)

    def wake(self) -> None:
        """Let `events` return at once; any thread may call it."""
        with suppress(OSError):  # closed
            self._bell.send_bytes(b".")

    def _speakers(self) -> list[Any]:
        """List what may have something to say: ends of lines, and processes that may end."""
        lines: list[Any] = [p.connection for p in self._running.values() if not p.deaf]
        return lines + [p.process.sentinel for p in self._running.values()]

    def _heard(self, ready: set[Any]) -> list[Event]:
        """Read what those that are ready have to say, and end whoever is over its time."""
        events: list[Event] = []
        for key, held in list(self._running.items()):
            if held.connection in ready or held.process.sentinel in ready:
                events += _messages(held)
            if held.process.sentinel in ready:
                events.append(self._ended(key, held))
            else:
                self._enforce(held)
        return events

    def answer(self, key: str, word: str) -> None:
        """Answer a report."""
        self._send(key, word)

    def stop(self, key: str) -> None:
        """Ask a task to checkpoint and end; after the grace period it is ended."""
        self._send(key, child.INTERRUPT)
        self._end_within(key, self._grace_s, "ended by force: it did not stop in time")

    def kill(self, key: str) -> None:
        """End a task at once."""
        self._end_within(key, 0.0, "ended at once")

    def close(self) -> None:
        """End all that still runs."""
        for held in self._running.values():
            end_process(held.process)
        for held in self._running.values():
            held.process.join(timeout=5)
            held.connection.close()
        self._running.clear()
        self._woken.close()
        self._bell.close()

    def _send(self, key: str, word: str) -> None:
        held = self._running.get(key)
        if held is None:
            return
        try:
            held.connection.send(word)
        except OSError:
            held.deaf = True  # it is ending: its sentinel says how

    def _end_within(self, key: str, seconds: float, reason: str) -> None:
        held = self._running.get(key)
        if held is not None:
            held.deadline = time.monotonic() + seconds
            held.verdict = Outcome("interrupted", None, reason)
            self._enforce(held)

    def _enforce(self, held: _Process) -> None:
        limit, now = held.task.time_limit, time.monotonic()
        if limit is not None and held.deadline is None and now > held.began + limit + self._grace_s:
            reason = f"it ran longer than {limit:g} s and did not stop by itself"
            held.deadline, held.verdict = now, Outcome("failed", "time limit", reason)
        if held.deadline is not None and now >= held.deadline:
            end_process(held.process)

    def _ended(self, key: str, held: _Process) -> Ended:
        del self._running[key]
        held.process.join()
        held.connection.close()
        if held.process.exitcode == NO_SERVER:  # it continues, and nobody learns how it ends
            _end_session(held.process.pid)
        return Ended(key, held.outcome or held.verdict or lost(held.process.exitcode))


def on_devices(slot: Slot) -> Slot:
    """Return a slot with the names of its GPUs in place of their places among those visible here."""
    return slot if slot.gpu is None else replace(slot, gpu=gpus.device_names(slot.gpu))


def _messages(held: _Process) -> list[Event]:
    """Read all that a task sent, the last words of one that ended included."""
    events: list[Event] = []
    try:
        while not held.deaf and held.connection.poll():
            event = held.connection.recv()
            if isinstance(event, Ended):  # once its process is gone
                held.outcome = event.outcome
            else:
                events.append(event)
    except (EOFError, OSError):
        held.deaf = True
    return events


def lost(exitcode: int | None) -> Outcome:
    """Return how a process ended that said nothing itself."""
    if exitcode is not None and exitcode < 0:
        number = -exitcode
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            hint = "; perhaps the system ran out of memory" if number == signal.SIGKILL else ""
            return Outcome("failed", "lost process", f"ended by {name}{hint}")
        return Outcome("failed", "crash", f"ended by {name}")
    if exitcode == NO_SERVER:
        return Outcome(
            "failed", "lost process", "its fork server was ended; perhaps the system ran out of memory"
        )
    return Outcome("failed", "crash", f"left with exit status {exitcode} and no outcome")


def end_process(process: BaseProcess) -> None:
    """Kill a task's process and whatever it started, which is in its session."""
    if process.is_alive() and not _end_session(process.pid):
        process.kill()


def _end_session(pid: int | None) -> bool:
    """Kill a process with its session; return False where it has none of its own, as a task's process has."""
    with suppress(ProcessLookupError):
        if pid is not None and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
            return True
    return False
