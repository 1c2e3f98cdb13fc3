"""Trials on a Ray cluster: one agent on each node, or on shares of it."""

from dataclasses import replace

from rnnsweep.errors import UserError
from rnnsweep.launchers.registry import LauncherSpec
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import Method, Sweep
from rnnsweep.trial import Launcher


def _make(slots: str | int | None) -> Launcher:
    raise UserError(
        "launcher 'ray': runs on a machine's file: write conf/machine/NAME.yaml, and give --on NAME"
    )


def _on(machine: Machine, sweep: Sweep, slots: str | int | None) -> Launcher:
    from rnnsweep.launchers.agents import AgentLauncher
    from rnnsweep.launchers.ray.transport import RayTransport

    if machine.locker is not None:
        raise UserError(
            f"{machine.path}: locker={machine.locker!r}: engine ray carries checkpoints with its messages and"
            " reads no locker yet; take the key away"
        )
    request = machine.slots if slots is None else _limited(machine, slots)
    if request.text is not None and request.most is None:
        raise UserError(
            f"{machine.path}: slots={request.text!r}: names slots of one machine; engine ray needs"
            " what each slot is: {each: cpu:1} or {each: gpu:1/2}"
        )
    transport = RayTransport(machine.address or "auto", request, place=str(machine.path))
    return AgentLauncher(transport, launcher=sweep.launcher or Method("local"), machine=machine.name)


def _limited(machine: Machine, slots: str | int) -> Share:
    """Return the slots of a machine's file, as many as the command line asks for."""
    text = str(slots).strip()
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise UserError(
            f"slots={text!r}: with --on {machine.name} must be a number; each slot is described in"
            f" {machine.path}"
        )
    return replace(machine.slots, text=None, most=int(text))


SPEC = LauncherSpec(_make, on=_on)
