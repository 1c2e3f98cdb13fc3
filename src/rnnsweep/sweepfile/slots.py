"""Slots: room for one trial at a time, as CPU threads or as a share of a GPU."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rnnsweep.errors import UserError
from rnnsweep.hardware import usable_cores, usable_memory

EVERY = "every"  # in place of a GPU's name: all that this process may use
TRIAL_BYTES = 512 << 20  # of a trial's own memory, beside what it shares with the fork server
OWN_BYTES = 1 << 30  # of the controller, the fork server and the process that writes the store

_WORD = re.compile(
    r"cpu(?::(?P<threads>[1-9]\d{0,3}))?"
    r"|gpu(?::(?P<gpu>\d{1,3}|GPU-[\w-]+|MIG-GPU-[\w-]+/\d+/\d+|MIG-[\w-]+)(?:/(?P<share>[1-9]\d?|auto))?"
    r"|/auto)(?::(?P<beside>[1-9]\d{0,3}))?"
)


@dataclass(frozen=True)
class Slot:
    """Room for one trial: its torch threads, and the GPU that it sees (None: no GPU at all).

    A GPU is named by its place among those that this process may use, or by CUDA's own name of it.
    """

    index: int
    threads: int = 1
    gpu: str | None = None
    host: str | None = None  # the node that it is on, where there are several
    auto: bool = False  # as many trials as the GPU's memory has room for, once that is measured
    memory: int | None = None  # bytes of the GPU that PyTorch may take for the trial; None: no limit

    @property
    def label(self) -> str:
        """A short name, as ``gpu:0`` or ``cpu``."""
        return "cpu" if self.gpu is None else f"gpu:{self.gpu}"


Places: TypeAlias = str | int | Sequence[Slot] | None  # as people write slots, or as they were read


def parse_slots(text: str | int | None = None) -> tuple[Slot, ...]:
    """Read ``4`` (CPU slots of one thread), ``cpu:2,cpu:2`` (two threads each) or ``gpu:0/2,gpu:1``.

    ``gpu:1`` is the second GPU that this process may use; ``gpu:GPU-3f2a...`` and ``gpu:MIG-...`` are CUDA's
    names. ``gpu:0/2`` are two slots, two trials at a time on that GPU; ``gpu:0/2:4`` gives each four threads.
    ``gpu:0/auto`` is one slot that stands for as many as are measured to fit, ``gpu/auto`` that of every GPU.

    None gives one slot of one thread for each core that this process may use, as far as there is memory.

    Raises:
        UserError: no number above 0, or a word that is neither a CPU slot nor a GPU.
    """
    if text is None:
        return tuple(Slot(i) for i in range(default_count()))
    words = str(text).split(",")
    if len(words) == 1 and re.fullmatch(r"[1-9]\d{0,3}", words[0].strip()):
        return tuple(Slot(i) for i in range(int(words[0])))
    return number_slots(slot for word in words for slot in _places(word.strip(), str(text)))


def number_slots(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Number slots anew, from 0."""
    return tuple(replace(slot, index=index) for index, slot in enumerate(slots))


def join_slots(chosen: Sequence[Slot]) -> Slot:
    """Return the slots of one task as one: the threads of each of its processes, and all their GPUs."""
    first = chosen[0]
    if len(chosen) == 1:
        return first
    gpus = ",".join(slot.gpu for slot in chosen if slot.gpu is not None)
    limits = [slot.memory for slot in chosen if slot.memory is not None]
    return Slot(first.index, first.threads, gpus or None, memory=min(limits, default=None))


def default_count() -> int:
    """Count the slots of a machine for which nobody names any: cores, fewer where memory is short."""
    return max(1, min(usable_cores(), (usable_memory() - OWN_BYTES) // TRIAL_BYTES))


def _places(word: str, text: str) -> list[Slot]:
    """Read one word: its slots, not yet numbered."""
    match = _WORD.fullmatch(word)
    if match is None:
        raise UserError(
            f"slots={text!r}: must be a number (4), CPU slots with threads (cpu:2,cpu:2)"
            " or GPUs (gpu:0,gpu:1; gpu:0/2 for two trials on one, gpu:0/auto for as many as fit)"
        )
    if word.startswith("cpu"):
        return [Slot(0, int(match["threads"] or 1))]
    slot = Slot(0, int(match["beside"] or 1), match["gpu"] or EVERY)
    if match["gpu"] is None or match["share"] == "auto":
        return [replace(slot, auto=True)]
    return [slot] * int(match["share"] or 1)
