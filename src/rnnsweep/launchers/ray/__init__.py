"""Trials on a Ray cluster: one agent on each node, or on shares of it."""

from rnnsweep.launchers.agents.controller.spec import spec_of_agents
from rnnsweep.launchers.agents.transport import Transport
from rnnsweep.machine import Machine, Share


def _connect(machine: Machine, request: Share) -> Transport:
    from rnnsweep.launchers.ray.transport import RayTransport

    return RayTransport(machine.address or "auto", request, place=str(machine.path))


SPEC = spec_of_agents("ray", _connect)
