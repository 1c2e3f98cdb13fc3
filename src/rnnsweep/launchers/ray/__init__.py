"""Trials on a Ray cluster: one agent on each node, or on shares of it."""

from rnnsweep.errors import UserError
from rnnsweep.launchers.registry import LauncherSpec
from rnnsweep.machine import Machine
from rnnsweep.sweepfile import Method, Sweep
from rnnsweep.trial import Launcher


def _make(slots: str | int | None) -> Launcher:
    raise UserError(
        "launcher 'ray': runs on a machine's file: write conf/machine/NAME.yaml, and give --on NAME"
    )


def _on(machine: Machine, sweep: Sweep, slots: str | int | None) -> Launcher:
    from rnnsweep.launchers.agents import AgentLauncher
    from rnnsweep.launchers.agents.controller.request import check_locker, slot_request
    from rnnsweep.launchers.ray.transport import RayTransport

    request = slot_request(machine, slots)
    check_locker(machine)
    transport = RayTransport(machine.address or "auto", request, place=str(machine.path))
    return AgentLauncher(
        transport,
        launcher=sweep.launcher or Method("local"),
        machine=machine.name,
        locker=machine.locker,
    )


SPEC = LauncherSpec(_make, on=_on)
