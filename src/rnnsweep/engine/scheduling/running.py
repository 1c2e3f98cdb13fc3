"""The tasks that hold slots now."""

import math
from bisect import insort
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

from rnnsweep.engine.scheduling.agenda import Job
from rnnsweep.engine.scheduling.allocation import choose_slots
from rnnsweep.state.watching.progress import Running
from rnnsweep.sweepfile.slots import Slot, join_slots
from rnnsweep.tracking.tags import Tag
from rnnsweep.trial import Report


def _gpu(slot: Slot) -> str | None:
    """Return the GPU of a slot of this machine, which others may share; None for any other slot."""
    return slot.gpu if slot.host is None else None


@dataclass
class Busy:
    """A job with its slots: one for each process of its training."""

    job: Job
    slots: tuple[Slot, ...]
    slot: Slot  # these as one, with their share of a GPU's memory
    since: float
    report: Report | None = None
    started: bool = False  # its process is there: on a cluster a task may wait for a node

    def shown(self, now: float) -> Running:
        """Return what a snapshot shows of it."""
        task, report = self.job.task, self.report
        repeat = task.tags.get(Tag.REPLICATE)
        return Running(
            key=task.key,
            role=task.role,
            architecture=task.architecture,
            number=task.number if repeat is None else int(repeat),
            slot=self.slot.label,
            seconds=now - self.since,
            epoch=report.epoch if report else None,
            validation=report.validation if report else None,
            started=self.started,
        )


class _Rows(Sequence[Running]):
    """What a snapshot shows of running tasks, made where it is read: a thousand rows cost milliseconds."""

    def __init__(self, tasks: Sequence[Busy], now: float) -> None:
        self._tasks, self._now = tasks, now

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, place: int) -> Running: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Running]: ...

    def __getitem__(self, place: int | slice) -> Running | Sequence[Running]:
        if isinstance(place, slice):
            return _Rows(self._tasks[place], self._now)
        return self._tasks[place].shown(self._now)


class RunningTasks:
    """Which task holds which slots, with counts that need no walk over a thousand of them.

    Attributes:
        free: slots that no task holds, in the order of their numbers.
        trials: how many trials of each architecture run.
        count: how many slots there are.
        starting: how many of the tasks have no process yet.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.free: list[Slot] = list(slots)
        self.trials: Counter[str] = Counter()
        self.count = len(slots)  # free or not
        self.starting = 0
        self._on_gpu = Counter(map(_gpu, slots))  # slots now
        self._at_first = dict(self._on_gpu)
        self._fell: dict[str | None, float] = {}  # when a GPU last lost a slot
        self._busy: dict[str, Busy] = {}

    def __len__(self) -> int:
        """Count the running tasks."""
        return len(self._busy)

    def __iter__(self) -> Iterator[Busy]:
        """Iterate over the running tasks of this moment, in the order of their starts."""
        return iter(list(self._busy.values()))

    def get(self, key: str) -> Busy | None:
        """Return a running task; None where no task with this key runs."""
        return self._busy.get(key)

    def begin(self, job: Job, now: float) -> Busy | None:
        """Take slots for a job; None where too few are free."""
        slots = choose_slots(self.free, devices=job.task.devices)
        if slots is None:
            return None
        for each in slots:
            self.free.remove(each)
        slot = join_slots([self._with_share(each) for each in slots])
        busy = self._busy[job.task.key] = Busy(job, slots, slot, now)
        self.trials[job.task.architecture] += job.trial is not None
        self.starting += 1
        return busy

    def note_start(self, busy: Busy) -> None:
        """Note that the process of a task is there."""
        self.starting -= not busy.started
        busy.started = True

    def end(self, busy: Busy) -> None:
        """Take back the slots of a task that is over."""
        del self._busy[busy.job.task.key]
        self.trials[busy.job.task.architecture] -= busy.job.trial is not None
        self.note_start(busy)  # it starts no more
        for slot in busy.slots:
            insort(self.free, slot, key=lambda each: each.index)

    def _with_share(self, slot: Slot) -> Slot:
        """Return a slot with its share of the GPU's memory now: those that are left take what others had."""
        if slot.memory is None:
            return slot
        now = self._on_gpu[_gpu(slot)]
        memory = slot.memory * self._at_first[_gpu(slot)] // now
        return replace(slot, memory=memory if now > 1 else None)

    def drop_slots(self, busy: Busy, now: float) -> list[tuple[Slot, int]]:
        """Take away the slots of an ended task that ran out of memory where others share its GPU.

        Tasks that began before a GPU last lost a slot met the same shortage, and take no further one away.

        Returns:
            a slot of each GPU that has fewer now, with how many it has.
        """
        dropped = []
        for slot in busy.slots:
            gpu = _gpu(slot)
            if gpu is None or self._on_gpu[gpu] < 2 or self.has_more_room(busy):
                continue
            self.free.remove(slot)
            self.count -= 1
            self._on_gpu[gpu] -= 1
            dropped.append((slot, self._on_gpu[gpu]))
        self._fell.update({_gpu(slot): now for slot, _ in dropped})
        return dropped

    def has_more_room(self, busy: Busy) -> bool:
        """Return whether fewer tasks share its GPU than when a task began."""
        return any(self._fell.get(_gpu(slot), -math.inf) >= busy.since for slot in busy.slots)

    def shown(self, now: float) -> Sequence[Running]:
        """Return what a snapshot shows of them."""
        return _Rows(tuple(self._busy.values()), now)
