"""What this machine has for trainings: processor cores, memory, and GPUs."""

from rnnsweep.hardware import gpus
from rnnsweep.hardware.limits import usable_cores, usable_memory

__all__ = ["gpus", "usable_cores", "usable_memory"]
