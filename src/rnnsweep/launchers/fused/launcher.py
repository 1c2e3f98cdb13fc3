"""Several slots in place of one: trials there whose networks have one shape share a process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from rnnsweep.launchers.fused import crew
from rnnsweep.launchers.fused.shape import shape_of_task
from rnnsweep.launchers.local import child
from rnnsweep.launchers.local.launcher import LocalLauncher, end_process, lost, on_devices
from rnnsweep.launchers.local.server import preloads, without_main
from rnnsweep.sweepfile import Slot
from rnnsweep.trial import Ended, Event, Outcome, ReadsTest, Reported, Started, TrialTask

PRELOAD = preloads("rnnsweep.launchers.fused.crew", "rnnsweep.launchers.fused.module")

CrewEntry = Callable[[Connection, Path, Slot], None]


@dataclass
class _Member:
    """One task of a crew."""

    task: TrialTask
    began: float
    deadline: float | None = None  # when its process is ended by force
    verdict: Outcome | None = None  # why it was


@dataclass
class _Crew:
    """One process as the controller holds it."""

    place: int  # of the machine's slots
    shape: str
    process: BaseProcess
    connection: Connection
    members: dict[str, _Member] = field(default_factory=dict)
    most: int = 0  # members at once: as many share its time
    deaf: bool = False  # its end of the line is closed
    leaving: bool = False
    ended_for: str | None = None  # the task for which it was ended by force

    def send(self, *message: Any) -> None:
        """Send a message; a process that is gone is noticed by its sentinel."""
        try:
            self.connection.send(message)
        except OSError:
            self.deaf = True


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
        crew_entry: CrewEntry = crew.main,
        shape: Callable[[TrialTask], str | None] = shape_of_task,
        preload: Sequence[str] = PRELOAD,
        **more: Any,
    ) -> None:
        """Start importing at once, in the fork server.

        Args:
            slots: of the machine, as `parse_slots` reads them.
            fuse: tasks at a time in each of them.
            crew_entry: what runs in a crew's process; a function that can be imported there.
            shape: returns what tasks must share to take their steps together, None for a task by itself.
            preload: modules that the fork server imports.
            more: passed on to `LocalLauncher`.

        Raises:
            UserError: slots that do not read.
        """
        super().__init__(slots, preload=preload, **more)
        self._fuse, self._crew_entry, self._shape = fuse, crew_entry, shape
        seats = [slot for slot in self.slots for _ in range(fuse)]
        self.slots = tuple(replace(slot, index=number) for number, slot in enumerate(seats))
        self._crews: list[_Crew] = []
        self._lost_keys: set[str] = set()  # keys of tasks whose crew was lost

    def start(self, task: TrialTask, slot: Slot) -> None:
        """Start a task: in the crew of its place and shape, or by itself."""
        shape = None if self._fuse == 1 or task.key in self._lost_keys else self._shape(task)
        if shape is None:
            super().start(task, slot)
            return
        place = (slot.index // self._fuse, shape)
        ours = (held for held in self._crews if (held.place, held.shape) == place and not held.leaving)
        held = next(ours, None) or self._open(task, slot, *place)
        held.members[task.key] = _Member(task, time.monotonic())
        held.most = max(held.most, len(held.members))
        held.send("task", task, shape)

    def _open(self, task: TrialTask, slot: Slot, place: int, shape: str) -> _Crew:
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(
            target=self._crew_entry, args=(theirs, task.files.log, on_devices(slot)), name="crew", daemon=True
        )
        with without_main():
            process.start()
        theirs.close()
        self._crews.append(_Crew(place, shape, process, ours))
        return self._crews[-1]

    def events(self, timeout: float) -> list[Event]:
        """Wait for something to happen; crews without a task are let go first."""
        for held in self._crews:
            if not held.members and not held.leaving:
                held.leaving = True
                held.send("leave")
        return super().events(timeout)

    def _speakers(self) -> list[Any]:
        lines: list[Any] = [held.connection for held in self._crews if not held.deaf]
        return super()._speakers() + lines + [held.process.sentinel for held in self._crews]

    def _heard(self, ready: set[Any]) -> list[Event]:
        events = super()._heard(ready)
        for held in list(self._crews):
            gone = held.process.sentinel in ready
            if held.connection in ready or gone:
                events += _messages(held)
            if gone:
                events += self._lost(held)
            else:
                self._enforce_members(held)
        return events

    def answer(self, key: str, word: str) -> None:
        """Answer a report."""
        if (held := self._crew_of(key)) is not None:
            held.send("say", key, word)
        else:
            super().answer(key, word)

    def stop(self, key: str) -> None:
        """Ask a task to checkpoint and end; after the grace period its process is ended, with its crew."""
        held = self._crew_of(key)
        if held is None:
            super().stop(key)
            return
        held.send("say", key, child.INTERRUPT)
        member = held.members[key]
        member.deadline = time.monotonic() + self._grace_s * held.most
        member.verdict = Outcome("interrupted", None, "ended by force: it did not stop in time")

    def kill(self, key: str) -> None:
        """End a task at once, and with it the process of its crew."""
        held = self._crew_of(key)
        if held is None:
            super().kill(key)
            return
        held.members[key].deadline = time.monotonic()
        held.members[key].verdict = Outcome("interrupted", None, "ended at once")
        self._enforce_members(held)

    def close(self) -> None:
        """End all that still runs."""
        for held in self._crews:
            end_process(held.process)
        for held in self._crews:
            held.process.join(timeout=5)
            held.connection.close()
        self._crews.clear()
        super().close()

    def _crew_of(self, key: str) -> _Crew | None:
        return next((held for held in self._crews if key in held.members), None)

    def _enforce_members(self, held: _Crew) -> None:
        """End the process of a task that is over its time; its seconds are a share of those of the crew."""
        now = time.monotonic()
        for key, member in held.members.items():
            limit = member.task.time_limit
            if limit is not None and member.deadline is None:
                if now <= member.began + limit * held.most + self._grace_s:
                    continue
                reason = f"it ran longer than {limit:g} s and did not stop by itself"
                member.deadline, member.verdict = now, Outcome("failed", "time limit", reason)
            if member.deadline is not None and now >= member.deadline:
                held.ended_for = held.ended_for or key
                end_process(held.process)

    def _lost(self, held: _Crew) -> list[Event]:
        """Return the ends of the tasks whose process is gone."""
        self._crews.remove(held)
        held.process.join()
        held.connection.close()
        self._lost_keys.update(held.members)
        return [Ended(key, _end_of(key, member, held)) for key, member in held.members.items()]


def _end_of(key: str, member: _Member, held: _Crew) -> Outcome:
    if member.verdict is not None:
        return member.verdict
    if held.ended_for is not None:
        name = held.members[held.ended_for].task.name
        return Outcome("failed", "lost process", f"its process ended with that of {name}")
    return lost(held.process.exitcode)


def _messages(held: _Crew) -> list[Event]:
    """Read all that a crew sent; a task that ended gives its seat back."""
    events: list[Event] = []
    try:
        while not held.deaf and held.connection.poll():
            kind, key, value = held.connection.recv()
            if kind == "started":
                events.append(Started(key))
            elif kind == "report":
                events.append(Reported(key, value))
            elif kind == "reads test":
                events.append(ReadsTest(key))
            elif kind == "ended" and held.members.pop(key, None) is not None:
                events.append(Ended(key, value))
    except (EOFError, OSError):
        held.deaf = True
    return events
