"""The largest trial of a job is ended before the job reaches its limit of memory, and Slurm ends it whole.

A limit is a control group of Slurm's, or the memory that the job asked for where Slurm adds up what its
processes hold (`OverMemoryKill`). Where nothing limits a job, no trial is ended for it.
"""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from rnnsweep.hardware import group_memory_in_use
from rnnsweep.launchers.agents.node.memory import MemoryGuard, bytes_of
from rnnsweep.launchers.slurm.cluster import run
from rnnsweep.runtime.process import ProcessIdentity

LIMIT = 0.9  # of the job's memory in use: Slurm ends it at all of it
CONFIG_S = 10.0  # that Slurm may take to show its settings


def guard_of_job(environment: Mapping[str, str] = os.environ) -> MemoryGuard | None:
    """Return what guards the memory of the job in which this process is; None where nothing limits it.

    Args:
        environment: as Slurm made it for the job.
    """
    if group_memory_in_use() is not None:
        return MemoryGuard(LIMIT, in_use=lambda: group_memory_in_use() or 0.0, of="job")
    asked = asked_memory(environment)
    if asked is None or not _is_enforced():
        return None
    me = ProcessIdentity.current()
    return MemoryGuard(LIMIT, in_use=lambda: bytes_of(me) / asked, of="job")


def asked_memory(environment: Mapping[str, str]) -> int | None:
    """Return the bytes that a job asked for; None where it asked for none."""
    with suppress(KeyError, ValueError):
        return (int(environment["SLURM_MEM_PER_NODE"]) << 20) or None
    with suppress(KeyError, ValueError):
        cores = int(environment["SLURM_CPUS_ON_NODE"])
        return (int(environment["SLURM_MEM_PER_CPU"]) * cores << 20) or None
    return None


def _is_enforced() -> bool:
    """Return whether Slurm itself adds up what processes hold."""
    with suppress(OSError, subprocess.SubprocessError):
        return "OverMemoryKill" in run("scontrol", "show", "config", seconds=CONFIG_S).stdout
    return False
