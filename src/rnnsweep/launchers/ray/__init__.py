"""Trials on a Ray cluster: one agent on each node, or on shares of it."""

from rnnsweep.launchers.agents.controller.spec import spec_of_agents
from rnnsweep.launchers.agents.transport import Transport
from rnnsweep.machine import Machine, Share


def _connect(machine: Machine, request: Share) -> Transport:
    from rnnsweep.launchers.ray.transport import RayTransport

    return RayTransport(_address(machine), request, place=str(machine.path))


def _reach(machine: Machine) -> None:
    from rnnsweep.launchers.ray.address import check_reachable

    check_reachable(_address(machine), place=str(machine.path))


def _address(machine: Machine) -> str:
    return machine.address or "auto"


SPEC = spec_of_agents("ray", reach=_reach, connect=_connect)
