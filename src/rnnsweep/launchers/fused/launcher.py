"""Several slots in place of one: trials there whose networks have one shape share a process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from rnnsweep.launchers.fused.shape import shape_of_task
from rnnsweep.launchers.fused.worker import main
from rnnsweep.launchers.local import child
from rnnsweep.launchers.local.launcher import LocalLauncher, end_process, lost, on_devices
from rnnsweep.launchers.local.server import preloads, without_main
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Ended, Event, Outcome, TrialTask

PRELOAD = preloads("rnnsweep.launchers.fused.worker", "rnnsweep.launchers.fused.module")

WorkerEntry = Callable[[Connection, Path, Slot], None]


@dataclass
class _Member:
    """One task of a worker."""

    task: TrialTask
    began: float
    deadline: float | None = None  # when its process is ended by force
    verdict: Outcome | None = None  # why it was


@dataclass
class _Worker:
    """One process as the controller holds it."""

    place: int  # of the machine's slots
    shape: str
    process: BaseProcess
    connection: Connection
    members: dict[str, _Member] = field(default_factory=dict)
    most: int = 0  # members at once: as many share its time
    disconnected: bool = False  # its end of the line is closed
    leaving: bool = False
    ended_for: str | None = None  # the task for which it was ended by force

    def send(self, *message: Any) -> None:
        """Send a message; a process that is gone is noticed by its sentinel."""
        try:
            self.connection.send(message)
        except OSError:
            self.disconnected = True


class FusedLauncher(LocalLauncher):
    """Offers `fuse` slots for each slot of the machine.

    Tasks in the slots of one place whose networks have one shape run in one process, a thread each. All
    others, and those whose process was lost, run in processes of their own. A process that is lost loses
    all its tasks, each with its checkpoint.
    """

    def __init__(
        self,
        slots: Sequence[Slot] | str | int | None = None,
        *,
        fuse: int,
        worker_entry: WorkerEntry = main,
        shape: Callable[[TrialTask], str | None] = shape_of_task,
        preload: Sequence[str] = PRELOAD,
        **more: Any,
    ) -> None:
        """Start importing at once, in the fork server.

        Args:
            slots: of the machine, as `parse_slots` reads them.
            fuse: tasks at a time in each of them.
            worker_entry: what runs in a worker's process; a function that can be imported there.
            shape: returns what tasks must share to take their steps together, None for a task by itself.
            preload: modules that the fork server imports.
            more: passed on to `LocalLauncher`.

        Raises:
            UserError: slots that do not read.
        """
        super().__init__(slots, preload=preload, **more)
        self._fuse, self._worker_entry, self._shape = fuse, worker_entry, shape
        fused_slots = [slot for slot in self.slots for _ in range(fuse)]
        self.slots = tuple(replace(slot, index=number) for number, slot in enumerate(fused_slots))
        self._workers: list[_Worker] = []
        self._lost_keys: set[str] = set()  # keys of tasks whose worker was lost

    def start(self, task: TrialTask, slot: Slot) -> None:
        """Start a task: in the worker of its slot and shape, or by itself."""
        shape = None if self._fuse == 1 or task.key in self._lost_keys else self._shape(task)
        if shape is None:
            super().start(task, slot)
            return
        place = (slot.index // self._fuse, shape)
        workers = (
            worker for worker in self._workers if (worker.place, worker.shape) == place and not worker.leaving
        )
        worker = next(workers, None) or self._open(task, slot, *place)
        worker.members[task.key] = _Member(task, time.monotonic())
        worker.most = max(worker.most, len(worker.members))
        worker.send("task", task, shape)

    def _open(self, task: TrialTask, slot: Slot, place: int, shape: str) -> _Worker:
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(
            target=self._worker_entry,
            args=(theirs, task.files.log, on_devices(slot)),
            name="worker",
            daemon=True,
        )
        with without_main():
            process.start()
        theirs.close()
        self._workers.append(_Worker(place, shape, process, ours))
        return self._workers[-1]

    def events(self, timeout: float) -> list[Event]:
        """Wait for something to happen; workers without a task are ended first."""
        for worker in self._workers:
            if not worker.members and not worker.leaving:
                worker.leaving = True
                worker.send("leave")
        return super().events(timeout)

    def _speakers(self) -> list[Any]:
        lines: list[Any] = [worker.connection for worker in self._workers if not worker.disconnected]
        return super()._speakers() + lines + [worker.process.sentinel for worker in self._workers]

    def _heard(self, ready: set[Any]) -> list[Event]:
        events = super()._heard(ready)
        for worker in list(self._workers):
            gone = worker.process.sentinel in ready
            if worker.connection in ready or gone:
                events += _messages(worker)
            if gone:
                events += self._lost(worker)
            else:
                self._enforce_members(worker)
        return events

    def answer(self, key: str, word: str) -> None:
        """Answer a report."""
        if (worker := self._worker_of(key)) is not None:
            worker.send("say", key, word)
        else:
            super().answer(key, word)

    def stop(self, key: str) -> None:
        """Ask a task to checkpoint and end; after the grace period its process is ended, with its worker."""
        worker = self._worker_of(key)
        if worker is None:
            super().stop(key)
            return
        worker.send("say", key, child.INTERRUPT)
        member = worker.members[key]
        member.deadline = time.monotonic() + self._grace_s * worker.most
        member.verdict = Outcome("interrupted", None, "ended by force: it did not stop in time")

    def kill(self, key: str) -> None:
        """End a task at once, and with it the process of its worker."""
        worker = self._worker_of(key)
        if worker is None:
            super().kill(key)
            return
        worker.members[key].deadline = time.monotonic()
        worker.members[key].verdict = Outcome("interrupted", None, "ended at once")
        self._enforce_members(worker)

    def close(self) -> None:
        """End all that still runs."""
        for worker in self._workers:
            end_process(worker.process)
        for worker in self._workers:
            worker.process.join(timeout=5)
            worker.connection.close()
        self._workers.clear()
        super().close()

    def _worker_of(self, key: str) -> _Worker | None:
        return next((worker for worker in self._workers if key in worker.members), None)

    def _enforce_members(self, worker: _Worker) -> None:
        """End the process of a task that is over its time; its seconds are a share of those of the worker."""
        now = time.monotonic()
        for key, member in worker.members.items():
            limit = member.task.time_limit
            if limit is not None and member.deadline is None:
                if now <= member.began + limit * worker.most + self._grace_s:
                    continue
                reason = f"it ran longer than {limit:g} s and did not stop by itself"
                member.deadline, member.verdict = now, Outcome("failed", "time limit", reason)
            if member.deadline is not None and now >= member.deadline:
                worker.ended_for = worker.ended_for or key
                end_process(worker.process)

    def _lost(self, worker: _Worker) -> list[Event]:
        """Return the ends of the tasks whose process is gone."""
        self._workers.remove(worker)
        worker.process.join()
        worker.connection.close()
        self._lost_keys.update(worker.members)
        return [Ended(key, _end_of(key, member, worker)) for key, member in worker.members.items()]


def _end_of(key: str, member: _Member, worker: _Worker) -> Outcome:
    if member.verdict is not None:
        return member.verdict
    if worker.ended_for is not None:
        name = worker.members[worker.ended_for].task.name
        return Outcome("failed", "lost process", f"its process ended with that of {name}")
    return lost(worker.process.exitcode)


def _messages(worker: _Worker) -> list[Event]:
    """Read all that a worker sent; a task that ended frees its slot."""
    events: list[Event] = []
    try:
        while not worker.disconnected and worker.connection.poll():
            event = worker.connection.recv()
            if not isinstance(event, Ended) or worker.members.pop(event.key, None) is not None:
                events.append(event)
    except (EOFError, OSError):
        worker.disconnected = True
    return events
