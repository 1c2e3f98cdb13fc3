"""Which tasks share a slot's process and take their steps together (`rnnsweep.fused`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import psutil

from rnnsweep.config import RunConfig, compose
from rnnsweep.engine.agenda import Agenda, Job
from rnnsweep.errors import UserError
from rnnsweep.fused.rule import auto_members, members_that_fit
from rnnsweep.fused.shape import shape_of, why_alone
from rnnsweep.sweepfile import Slot, Sweep
from rnnsweep.sweepfile.fuse import AUTO, OFF, Fuse
from rnnsweep.trial import TrialTask

# what a search may vary without leaving the shape
_FREE_GROUPS = ("optimizer.", "seed", "seeds.", "tracking.")
_FREE_KEYS = ("model.dropout", "model.embedding_dropout", "model.layer_dropout", "model.forget_bias")
Members: TypeAlias = list[tuple[TrialTask, Slot]]  # tasks that run, each with its slot
_SHARE_OF_MEMORY = 0.5  # of what is free when a slot's first task starts


def _free_memory() -> float:
    return float(psutil.virtual_memory().available)


def _probe(gpu: str, overrides: Sequence[str], conf: Path) -> tuple[int, str]:
    from rnnsweep.fused.probe import members_on  # PyTorch is imported where a GPU is

    return members_on(gpu, overrides, conf)


@dataclass
class Fusing:
    """Decides who shares a process: replicates of one configuration, or trials of one study.

    `auto` leaves the search as it is and fuses replicates alone: trials that run at once know less of each
    other, so fusing them is a choice.
    """

    sweep: Sweep
    conf: Path
    slots: int  # of the launcher: they share the memory
    able: bool = True  # whether the launcher can
    tell: Callable[[str], None] = lambda text: None
    probe: Callable[[str, Sequence[str], Path], tuple[int, str]] = _probe
    _found: dict[str, int] = field(default_factory=dict)  # by shape: members that pay on a GPU
    _seats: dict[int, int] = field(default_factory=dict)  # slot -> members at most
    _told: set[str] = field(default_factory=set)
    _runs: dict[tuple[str, ...], RunConfig | None] = field(default_factory=dict)  # by overrides

    @property
    def fuse(self) -> Fuse:
        """What was asked for."""
        return self.sweep.fuse if self.able else OFF

    def begin(self, job: Job, slot: Slot) -> None:
        """Give the first task of a slot its shape, if others may join it."""
        seats = self._most(job, slot)
        self._seats[slot.index] = seats
        job.task = replace(job.task, shape=self._shape(job.task) if seats > 1 else None)

    def joiners(self, agenda: Agenda, running: Callable[[], Members]) -> Iterator[tuple[Job, Slot]]:
        """Give tasks to start beside those that run, one a slot in turn, while some fit."""
        going_on = True
        while going_on:
            going_on = False
            for slot in dict.fromkeys(slot for task, slot in running() if task.shape is not None):
                members = [task for task, place in running() if place == slot]
                job = self._joiner(members[0], slot, agenda, members=len(members))
                if job is not None:
                    going_on = True
                    yield job, slot

    def _joiner(self, first: TrialTask, slot: Slot, agenda: Agenda, *, members: int) -> Job | None:
        if members >= self._seats.get(slot.index, 1):
            return None
        job = agenda.next_alike(lambda other: self._fits(other, first), ask=self._asked(first))
        if job is None or not self._fits(job, first):
            if job is not None:
                agenda.ready.appendleft(job)  # the next free slot takes it
            return None
        job.task = replace(job.task, shape=first.shape)
        return job

    def _most(self, job: Job, slot: Slot) -> int:
        """Count the seats of a slot whose first task is `job`."""
        if self.fuse == OFF or not self._may(job):
            return 1
        run = self._run(job.task)
        if run is None or why_alone(run) is not None:
            return 1
        if self.fuse == AUTO and slot.gpu is not None:
            return self._measured(job.task, slot.gpu)
        wanted = auto_members(run) if self.fuse == AUTO else int(self.fuse)
        if wanted == 1 or slot.gpu is not None:  # a GPU's memory is its own
            return wanted
        most = members_that_fit(run, free=_SHARE_OF_MEMORY * _free_memory() / self.slots)
        if most < wanted:
            self._tell_once(job.task.architecture, f"{most} instead of {wanted} runs share a process: memory")
        return min(wanted, most)

    def _measured(self, task: TrialTask, gpu: str) -> int:
        """Measure on the GPU how many pay, once a shape."""
        shape = self._shape(task) or task.architecture
        if shape not in self._found:
            self._found[shape], text = self.probe(gpu, task.overrides, task.conf or self.conf)
            self.tell(f"{task.architecture}: {text}")
        return self._found[shape]

    def _may(self, job: Job) -> bool:
        """Say whether a task may share a process at all; one that lost its process goes on alone."""
        task = job.task
        if job.attempts or job.shrunk or task.role == "baseline":
            return False
        return task.role == "replicate" or (self.fuse != AUTO and self._free_space(task.architecture))

    def _free_space(self, architecture: str) -> bool:
        """Say whether a study's trials can share a process: one shape, and no score that is a process's."""
        if "memory" in (*self.sweep.constraints, *self.sweep.objectives):
            return False
        if self.sweep.derivations(architecture):
            return False
        keys = [dimension.key for dimension in self.sweep.dimensions(architecture)]
        return all(key in _FREE_KEYS or key.startswith(_FREE_GROUPS) for key in keys)

    def _fits(self, job: Job, first: TrialTask) -> bool:
        task = job.task
        alike = (task.role, task.architecture) == (first.role, first.architecture)
        return alike and self._may(job) and self._shape(task) == first.shape

    def _asked(self, first: TrialTask) -> str | None:
        return first.architecture if first.role == "trial" else None

    def _run(self, task: TrialTask) -> RunConfig | None:
        if task.overrides not in self._runs:
            try:
                self._runs[task.overrides] = compose(task.overrides, conf=task.conf or self.conf)
            except UserError:
                self._runs[task.overrides] = None  # the task itself says what is wrong
        return self._runs[task.overrides]

    def _shape(self, task: TrialTask) -> str | None:
        run = self._run(task)
        return None if run is None or why_alone(run) is not None else shape_of(run)

    def _tell_once(self, architecture: str, text: str) -> None:
        if architecture not in self._told:
            self._told.add(architecture)
            self.tell(f"{architecture}: {text}")
