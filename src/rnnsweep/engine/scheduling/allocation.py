"""Which slots a task takes: one for each process of its training."""

from collections import Counter
from collections.abc import Sequence

from rnnsweep.errors import UserError
from rnnsweep.sweepfile import Slot


def choose_slots(free: Sequence[Slot], *, devices: int) -> tuple[Slot, ...] | None:
    """Choose a task's slots, on one node: CPU slots, or as many different GPUs; None: too few are free."""
    if devices == 1:
        return tuple(free[:1]) or None
    for host in dict.fromkeys(slot.host for slot in free):
        there = [slot for slot in free if slot.host == host]
        cores = [slot for slot in there if slot.gpu is None]
        gpus = list({slot.gpu: slot for slot in reversed(there) if slot.gpu is not None}.values())[::-1]
        for kind in (gpus, cores):
            if len(kind) >= devices:
                return tuple(kind[:devices])
    return None


def check_seats(slots: Sequence[Slot], devices: int, *, architecture: str) -> None:
    """Refuse a sweep whose tasks would never find enough slots.

    Raises:
        UserError: fewer CPU slots, or different GPUs, than processes of one training.
    """
    if choose_slots(slots, devices=devices) is None:
        takes = (
            f"trainer.devices={devices}: a trial of {architecture} takes {devices} CPU slots or GPUs at once,"
        )
        hosts = Counter(slot.host for slot in slots)
        if None not in hosts:
            host, most = hosts.most_common(1)[0]
            more = f"take fewer devices, or `together: {devices}` under `slots:` where nodes are as large"
            raise UserError(f"{takes} on one node, and node {host} has {most}; {more}")
        have = f"{len(slots)} slot" + ("" if len(slots) == 1 else "s")
        raise UserError(f"{takes} and there is {have}; give --slots {devices}, or take trainer.devices=1")


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
