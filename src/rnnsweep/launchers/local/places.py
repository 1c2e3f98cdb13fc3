"""The slots of this machine: those that are asked for, checked against what is there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus
from rnnsweep.sweepfile import Slot, parse_slots
from rnnsweep.sweepfile.slots import EVERY, Places, number_slots


def slots_here(text: Places = None) -> tuple[Slot, ...]:
    """Read slots, as `parse_slots` does, and refuse GPUs that are not here; slots that were read stay.

    Raises:
        UserError: slots that do not read, or a GPU that this process cannot use.
    """
    if isinstance(text, Sequence) and not isinstance(text, str):
        return tuple(text)
    slots = number_slots(place for slot in parse_slots(text) for place in _each(slot))
    named = list(dict.fromkeys(slot.gpu for slot in slots if slot.gpu is not None))
    if not named:
        return slots
    count = gpus.count_visible()
    for gpu in named:
        if not gpus.is_visible(gpu, count):
            raise UserError(f"slots={text!r}: {_missing(gpu, count)}")
    return slots


def _each(slot: Slot) -> Iterator[Slot]:
    """Yield a slot, or in place of that of every GPU one for each; the first of none is refused later."""
    if slot.gpu != EVERY:
        yield slot
        return
    for number in range(max(1, gpus.count_visible())):
        yield replace(slot, gpu=str(number))


def _missing(gpu: str, count: int) -> str:
    names = gpus.visible_names()
    limit = "" if names is None else f" ({gpus.VISIBLE}={','.join(names)})"
    if not count:
        metal = "; Apple's MPS is not used" if gpus.has_metal() else ""
        return (
            f"this machine has no GPU that PyTorch can use{limit}{metal}; take CPU slots, as --slots 2, or"
            " {each: cpu:1} in a machine's file"
        )
    if not gpu.isdecimal():
        return f"{gpu} is not among the GPUs that this process may use{limit}"
    have = "one GPU, gpu:0" if count == 1 else f"{count} GPUs, gpu:0 to gpu:{count - 1}"
    return f"there is no gpu:{gpu}: this process may use {have}{limit}"


def idle_gpus(slots: Sequence[Slot]) -> str | None:
    """Return a line on the GPUs that no slot uses, with the option that does; None where there are none."""
    if any(slot.gpu is not None for slot in slots):
        return None
    if count := gpus.count_visible():
        option = ",".join(f"gpu:{number}" for number in range(count))
        many = "the GPU of this machine stays" if count == 1 else f"{count} GPUs of this machine stay"
        return f"{many} idle: all slots are CPU slots; to use them: --slots {option}"
    if gpus.has_metal():
        return "the GPU of this Mac (MPS) stays idle: trainings run on CPUs and on CUDA's GPUs"
    return None
