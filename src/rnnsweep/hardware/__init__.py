"""What this machine has for trainings: processor cores, memory, and GPUs."""

from rnnsweep.hardware import gpus
from rnnsweep.hardware.disks import is_on_network
from rnnsweep.hardware.limits import (
    cores_of_others,
    group_memory_in_use,
    memory_in_use,
    usable_cores,
    usable_memory,
)

__all__ = [
    "cores_of_others",
    "gpus",
    "group_memory_in_use",
    "is_on_network",
    "memory_in_use",
    "usable_cores",
    "usable_memory",
]
