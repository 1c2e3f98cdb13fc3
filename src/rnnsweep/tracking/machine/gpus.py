"""NVIDIA's graphics cards through NVML, where the package nvidia-ml-py and a driver are there."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rnnsweep.hardware.gpus import visible_names

MEGABYTE = 1e6
KINDS = (
    *("memory_usage_megabytes", "memory_usage_percentage", "utilization_percentage"),
    "power_usage_watts",
)


class Graphics:
    """The cards that this process may use; none is an ordinary case.

    Args:
        numbers: of the cards, as the driver counts them.
        library: the module ``pynvml``.
    """

    def __init__(self, numbers: Sequence[int], *, library: Any = None) -> None:
        self._library = library
        self._handles = {number: library.nvmlDeviceGetHandleByIndex(number) for number in numbers}

    @staticmethod
    def find() -> "Graphics":
        """Find the cards; none where the package or the driver is missing."""
        try:
            import pynvml
        except ImportError:
            return Graphics([])
        try:
            pynvml.nvmlInit()
            return Graphics(visible(pynvml.nvmlDeviceGetCount()), library=pynvml)
        except pynvml.NVMLError:
            return Graphics([])

    @property
    def count(self) -> int:
        """The number of cards."""
        return len(self._handles)

    def values(self) -> dict[str, float]:
        """Return use, memory and power of each card under MLflow's names, as far as it tells."""
        readings: dict[str, float] = {}
        for number, handle in self._handles.items():
            readings |= {f"gpu_{number}_{name}": value for name, value in self._read(handle).items()}
        return readings

    def joules(self) -> float | None:
        """Return the energy that the cards took since their drivers were loaded; None: they do not tell."""
        if not self._handles:
            return None
        try:
            counts = [self._library.nvmlDeviceGetTotalEnergyConsumption(h) for h in self._handles.values()]
        except self._library.NVMLError:
            return None
        return float(sum(counts)) / 1e3  # they count millijoules

    def _read(self, handle: Any) -> dict[str, float]:
        readings: dict[str, float] = {}
        nvml = self._library
        with suppress(nvml.NVMLError):
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            readings["memory_usage_megabytes"] = memory.used / MEGABYTE
            readings["memory_usage_percentage"] = round(memory.used / memory.total * 100, 1)
        with suppress(nvml.NVMLError):
            readings["utilization_percentage"] = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        with suppress(nvml.NVMLError):
            readings["power_usage_watts"] = nvml.nvmlDeviceGetPowerUsage(handle) / 1e3
        return readings


def visible(count: int) -> list[int]:
    """Return the numbers of the cards that CUDA_VISIBLE_DEVICES leaves to this process."""
    names = visible_names()
    if names is None or not all(name.isdecimal() for name in names):
        return list(range(count))  # all, or names that only CUDA can read
    return [int(name) for name in names if int(name) < count]
