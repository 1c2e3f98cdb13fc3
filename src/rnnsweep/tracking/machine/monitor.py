"""What the machine does while a run lasts: sampled beside the training, under MLflow's own names.

Names and units are those of MLflow's system metrics (megabytes are 10^6 bytes), which the page of a run shows
in a tab of their own. A sample takes about a millisecond of a thread; no step of a training takes part.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import psutil

from rnnsweep.tracking.machine.energy import Energy
from rnnsweep.tracking.machine.gpus import KINDS, MEGABYTE, Graphics
from rnnsweep.tracking.spool.record import RunRecord

FIRST = 2.0  # seconds until the first sample: short runs have one too
PREFIX = "system/"
# what every machine gives; a graphics card adds gpu_0_..., gpu_1_...
NAMES = (
    *(f"{PREFIX}cpu_utilization_percentage", f"{PREFIX}process_cpu_percentage"),
    *(f"{PREFIX}system_memory_usage_megabytes", f"{PREFIX}system_memory_usage_percentage"),
    f"{PREFIX}process_memory_megabytes",
)
GPU_NAMES = tuple(f"{PREFIX}gpu_{number}_{kind}" for number in range(8) for kind in KINDS)
ENERGY = ("energy/cpu_joules", "energy/gpu_joules")


class MachineMonitor:
    """Samples the machine from entering this context to leaving it, into a run's record.

    Args:
        record: of the run; a silent one (another process of a distributed run) is left alone.
        every_s: seconds between two samples; 0 switches the monitor off.
        graphics: reads the graphics cards; None finds them.
        energy: reads the counters of energy; None finds them.
    """

    def __init__(
        self,
        record: RunRecord,
        *,
        every_s: float = 10.0,
        graphics: Graphics | None = None,
        energy: Energy | None = None,
    ) -> None:
        self._record, self._every = record, every_s
        self._on = every_s > 0 and not record.silent
        self._graphics = graphics or (Graphics.find() if self._on else Graphics([]))
        self._energy = energy or Energy.find(self._graphics)
        self._step = record.highest_step(NAMES[0]) + 1
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="machine", daemon=True)

    def __enter__(self) -> "MachineMonitor":
        """Begin to sample."""
        if self._on:
            self._process = psutil.Process()
            self._process.cpu_percent()  # the next call tells the use since this one
            psutil.cpu_percent()
            self._energy.read()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take a last sample and record what the run took in energy."""
        if not self._on:
            return
        self._ended.set()
        self._thread.join(5.0)
        self._sample()
        self._record.summary(self._energy.joules)
        self._record.tags({"rnnsweep.energy": self._energy.description})

    def _watch(self) -> None:
        wait = min(FIRST, self._every)
        while not self._ended.wait(wait):
            self._sample()
            wait = self._every

    def _sample(self) -> None:
        values = {f"{PREFIX}{name}": value for name, value in self._values().items()}
        self._record.metrics(values, step=self._step)
        self._step += 1
        self._energy.read()

    def _values(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        return {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": (memory.total - memory.available) / MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
            **self._own(),
            **self._graphics.values(),
        }

    def _own(self) -> Mapping[str, float]:
        """Return what this process uses (100 % is one core), and its memory with that of those it started."""
        memory = self._process.memory_info().rss
        for child in self._children():
            with suppress(psutil.Error):
                memory += child.memory_info().rss
        return {
            "process_cpu_percentage": self._process.cpu_percent(),
            "process_memory_megabytes": memory / MEGABYTE,
        }

    def _children(self) -> list[Any]:
        try:
            return list(self._process.children(recursive=True))
        except psutil.Error:
            return []
