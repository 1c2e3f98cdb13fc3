"""Slots: room for one trial at a time, as CPU threads or as a share of a GPU."""

import os
import re
from dataclasses import dataclass

from rnnsweep.errors import UserError


@dataclass(frozen=True)
class Slot:
    """Room for one trial: its torch threads, and the GPU that it sees (None: no GPU at all)."""

    index: int
    threads: int = 1
    gpu: str | None = None

    @property
    def label(self) -> str:
        """A short name, as ``gpu:0`` or ``cpu``."""
        return "cpu" if self.gpu is None else f"gpu:{self.gpu}"


def parse_slots(text: str | int | None = None) -> tuple[Slot, ...]:
    """Read ``4`` (CPU slots of one thread), ``cpu:2,cpu:2`` (two threads each) or ``gpu:0,gpu:0,gpu:1``.

    None gives one slot of one thread for each core that this process may use.

    Raises:
        UserError: no number above 0, or a word that is neither ``cpu[:threads]`` nor ``gpu:index``.
    """
    if text is None:
        return tuple(Slot(i) for i in range(usable_cores()))
    words = str(text).split(",")
    if len(words) == 1 and re.fullmatch(r"[1-9]\d{0,3}", words[0].strip()):
        return tuple(Slot(i) for i in range(int(words[0])))
    return tuple(_slot(index, word.strip(), str(text)) for index, word in enumerate(words))


def _slot(index: int, word: str, text: str) -> Slot:
    found = re.fullmatch(r"(cpu|gpu)(?::(\d+))?", word)
    kind, number = found.groups() if found else (None, None)
    if kind == "gpu" and number is not None:
        return Slot(index, 1, number)
    if kind == "cpu" and number != "0":
        return Slot(index, int(number or 1))
    raise UserError(
        f"slots={text!r}: must be a number (4), CPU slots with threads (cpu:2,cpu:2)"
        " or GPUs (gpu:0,gpu:0,gpu:1)"
    )


def usable_cores() -> int:
    """Count the cores that this process may use, as containers and taskset allow."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
