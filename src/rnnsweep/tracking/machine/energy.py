"""Energy in joules: of the processors by RAPL, of the graphics cards by NVML, or "not measured".

RAPL counts a whole processor package, whoever uses it: runs at the same time share the figure.
https://docs.kernel.org/power/powercap/powercap.html
"""

from pathlib import Path

from rnnsweep.tracking.machine.gpus import Graphics

POWERCAP = Path("/sys/class/powercap")
MICRO = 1e-6


class Energy:
    """Adds up what the counters say; `read` must be called more often than they wrap, every minute or so."""

    def __init__(self, packages: dict[Path, float], graphics: Graphics) -> None:
        self._packages = packages  # counter -> the count in microjoules at which it starts again
        self._graphics = graphics
        self._before: dict[Path, float] = {}
        self._cpu = 0.0
        self._gpu_first = self._gpu_last = graphics.joules()

    @staticmethod
    def find(graphics: Graphics, root: Path = POWERCAP) -> "Energy":
        """Find the counters that this process may read; on most systems only root may read RAPL's."""
        packages = {}
        for counter in sorted(root.glob("intel-rapl:*/energy_uj")):
            if counter.parent.name.count(":") > 1:
                continue  # a part of a package, which counts it already
            limit = _number(counter.with_name("max_energy_range_uj"))
            if _number(counter) is not None and limit is not None:
                packages[counter] = limit
        return Energy(packages, graphics)

    def read(self) -> None:
        """Read all counters and add what they have gone up by."""
        for counter, limit in self._packages.items():
            if (now := _number(counter)) is not None:
                before = self._before.get(counter, now)
                self._cpu += (now - before if now >= before else now + limit - before) * MICRO
                self._before[counter] = now
        self._gpu_last = self._graphics.joules()

    @property
    def joules(self) -> dict[str, float]:
        """What was taken since the first reading; nothing where nothing is measured."""
        sums = {"energy/cpu_joules": self._cpu} if self._packages else {}
        if self._gpu_first is not None and self._gpu_last is not None:
            sums["energy/gpu_joules"] = self._gpu_last - self._gpu_first
        return sums

    @property
    def description(self) -> str:
        """What was measured, for people."""
        parts = [f"processors by RAPL ({len(self._packages)}, whole machine)"] if self._packages else []
        if self._gpu_first is not None:
            parts.append(f"graphics cards by NVML ({self._graphics.count})")
        return "; ".join(parts) or "not measured"


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None
