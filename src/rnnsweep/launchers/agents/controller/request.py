"""The slots that a machine's file asks an engine for, and the slots of one agent."""

from dataclasses import replace

from rnnsweep.errors import UserError
from rnnsweep.lockers import try_locker
from rnnsweep.machine import Machine, Share


def slot_request(machine: Machine, slots: str | int | None) -> Share:
    """Return what each slot is, and how many are wanted.

    Args:
        machine: as its file has it.
        slots: of the command line, which come before those of the file: a number.

    Raises:
        UserError: the file names slots of one machine, or `slots` is not a number.
    """
    request = machine.slots if slots is None else _limited(machine, slots)
    if request.text is not None and request.most is None:
        raise UserError(
            f"{machine.path}: slots={request.text!r}: names slots of one machine; engine {machine.engine}"
            " needs what each slot is: {each: cpu:1} or {each: gpu:1/2}"
        )
    return request


def check_locker(machine: Machine) -> None:
    """Try the locker of a machine's file, where it names one.

    Raises:
        UserError: it cannot be reached, refuses, or loses files.
    """
    if machine.locker is not None:
        try:
            try_locker(machine.locker)
        except UserError as error:
            raise UserError(f"{machine.path}: {error.problem}", remedy=error.remedy) from None


def _limited(machine: Machine, slots: str | int) -> Share:
    """Return the slots of a machine's file, as many as the command line asks for."""
    text = str(slots).strip()
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise UserError(
            f"slots={text!r}: with --on {machine.name} must be a number, 1 or more; each slot is described in"
            f" {machine.path}"
        )
    return replace(machine.slots, text=None, most=int(text))


def slots_of_agent(slots: int, *, threads: int, share: int | None) -> str:
    """Return so many slots as `parse_slots` reads them; GPUs are counted among those of the agent.

    Args:
        slots: of the agent.
        threads: of each slot.
        share: trials on one GPU; None for slots without a GPU.
    """
    if share is None:
        return ",".join([f"cpu:{threads}"] * slots)
    more = f":{threads}" if threads > 1 else ""
    return ",".join(f"gpu:{place // share}{more}" for place in range(slots))
