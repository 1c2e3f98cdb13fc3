"""Trials on a Slurm cluster: agents as jobs, submitted with submitit, that connect to the controller."""

from rnnsweep.launchers.agents.controller.spec import spec_of_agents
from rnnsweep.launchers.agents.transport import Transport
from rnnsweep.machine import Machine, Share


def _connect(machine: Machine, request: Share) -> Transport:
    from rnnsweep.launchers.slurm.transport import SlurmTransport

    return SlurmTransport(machine, request)


def _reach(machine: Machine) -> None:
    from rnnsweep.launchers.slurm.cluster import check_slurm

    check_slurm(machine)


SPEC = spec_of_agents("slurm", reach=_reach, connect=_connect)
