"""What this machine has for trainings: processor cores, memory, and GPUs."""

from rnnsweep.hardware import gpus
from rnnsweep.hardware.disks import is_on_network
from rnnsweep.hardware.limits import memory_in_use, usable_cores, usable_memory

__all__ = ["gpus", "is_on_network", "memory_in_use", "usable_cores", "usable_memory"]
