"""What this machine has for trainings: processor cores, memory, and GPUs."""

from rnnsweep.hardware import gpus
from rnnsweep.hardware.disks import is_on_network
from rnnsweep.hardware.limits import (
    group_memory_in_use,
    memory_in_use,
    usable_cores,
    usable_memory,
)
from rnnsweep.hardware.load import Load, load_of_others, unhindered

__all__ = [
    "Load",
    "gpus",
    "group_memory_in_use",
    "is_on_network",
    "load_of_others",
    "memory_in_use",
    "unhindered",
    "usable_cores",
    "usable_memory",
]
