"""What else keeps the processor cores busy, and how long this process waits for a core because of it."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from rnnsweep.hardware.limits import usable_cores

BUSY = 0.1  # of a core: a process that uses less is not counted
FREE = 0.25  # of a core: with less left, those that wait for a core use less than they would
_WAITED = Path("/proc/thread-self/schedstat")  # nanoseconds: run, and waited for a core
_RUNNABLE = Path("/proc/loadavg")
_SAMPLES = 20


@dataclass(frozen=True)
class Load:
    """What other programs use of the usable cores.

    Attributes:
        used: cores.
        wanted: cores that they would use if each had its own; at least `used`.
        processes: those that use a core noticeably, apart from the named groups.
        groups: names of groups of processes of which one does.
    """

    used: float = 0.0
    wanted: float = 0.0
    processes: int = 0
    groups: tuple[str, ...] = ()

    def slowdown(self, tasks: int, cores: int) -> float:
        """Return how much longer so many tasks of one core each take beside this load, by fair shares."""
        return max(1.0, (min(tasks, cores) + self.wanted) / cores)


def load_of_others(named: Iterable[tuple[str, int]] = (), *, seconds: float = 1.0) -> Load:
    """Look for some time at what others than this process use, while it waits.

    What they use of cores that this process may not use does not count, as far as there are such cores.

    Args:
        named: (name, process): the process and those below it are a group of that name.
        seconds: to look.
    """
    cores = psutil.cpu_count() or 1
    groups = {pid: name for name, top in named for pid in _tree(top)}
    mine = {os.getpid(), *(_tree(os.getpid()) - set(groups))}
    psutil.cpu_percent()
    before = dict(_spent())
    runnable = _mean_runnable(seconds)
    used = psutil.cpu_percent() / 100 * cores
    own = {pid: (spent - before[pid]) / seconds for pid, spent in _spent() if pid in before}
    busy = [pid for pid, share in own.items() if share >= BUSY and pid not in mine]
    beyond = cores - usable_cores()  # cores of others alone
    wanted = max(used, len(busy) if runnable is None else runnable) if used > cores - FREE else used
    return Load(
        max(0.0, used - beyond),
        max(0.0, wanted - beyond),
        sum(pid not in groups for pid in busy),
        tuple(sorted({groups[pid] for pid in busy if pid in groups})),
    )


def unhindered() -> float:
    """Return the seconds of a clock that stands still while this thread waits for a core that others have.

    Where the system does not count that, it never stands still.
    """
    with suppress(OSError, ValueError, IndexError):
        return time.perf_counter() - int(_WAITED.read_text().split()[1]) / 1e9
    return time.perf_counter()


def _tree(pid: int) -> set[int]:
    """Return a process and all below it, as far as they may be seen."""
    with suppress(psutil.Error):
        return {pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))}
    return set()


def _spent() -> Iterator[tuple[int, float]]:
    """Yield the seconds of processor time of each process that may be seen."""
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            times = one.cpu_times()
            yield one.pid, times.user + times.system


def _mean_runnable(seconds: float) -> float | None:
    """Wait, and return how many threads of others ran or waited for a core; None where it is not known."""
    counts = []
    for _ in range(_SAMPLES):
        time.sleep(seconds / _SAMPLES)
        with suppress(OSError, ValueError, IndexError):
            counts.append(int(_RUNNABLE.read_text().split()[3].partition("/")[0]) - 1)  # this one runs, too
    return sum(counts) / len(counts) if counts else None
