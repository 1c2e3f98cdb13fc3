"""Which slots a task takes: one for each process of its training."""

from collections.abc import Sequence

from rnnsweep.errors import UserError
from rnnsweep.sweepfile import Slot


def choose_slots(free: Sequence[Slot], *, devices: int) -> tuple[Slot, ...] | None:
    """Choose a task's slots: CPU slots, or as many different GPUs; None where too few are free."""
    if devices == 1:
        return tuple(free[:1]) or None
    cores = [slot for slot in free if slot.gpu is None]
    gpus = list({slot.gpu: slot for slot in reversed(free) if slot.gpu is not None}.values())[::-1]
    for kind in (gpus, cores):
        if len(kind) >= devices:
            return tuple(kind[:devices])
    return None


def joined(chosen: Sequence[Slot]) -> Slot:
    """Give the slots of one task as one: the threads of each of its processes, and all their GPUs."""
    first = chosen[0]
    if len(chosen) == 1:
        return first
    gpus = ",".join(slot.gpu for slot in chosen if slot.gpu is not None)
    return Slot(first.index, first.threads, gpus or None)


def check_seats(slots: Sequence[Slot], devices: int, *, architecture: str) -> None:
    """Refuse a sweep whose tasks would never find enough slots.

    Raises:
        UserError: fewer CPU slots, or different GPUs, than processes of one training.
    """
    if choose_slots(slots, devices=devices) is None:
        have = f"{len(slots)} slot" + ("" if len(slots) == 1 else "s")
        raise UserError(
            f"trainer.devices={devices}: a trial of {architecture} takes {devices} CPU slots or GPUs at once,"
            f" and there is {have}; give --slots {devices}, or take trainer.devices=1"
        )


def check_accelerator(slots: Sequence[Slot], accelerator: str, *, architecture: str) -> None:
    """Refuse a sweep whose trainings ask for a GPU in slots that have none.

    Raises:
        UserError: `accelerator` is ``gpu``, and a slot is a CPU slot.
    """
    cores = [slot for slot in slots if slot.gpu is None]
    if accelerator == "gpu" and cores:
        have = "no slot has one" if len(cores) == len(slots) else f"slot {cores[0].index + 1} has none"
        raise UserError(
            f"trainer.accelerator='gpu': a trial of {architecture} trains on a GPU, and {have};"
            " give GPUs alone, as --slots gpu:0, or take trainer.accelerator=auto"
        )
