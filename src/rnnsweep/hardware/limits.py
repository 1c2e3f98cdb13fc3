"""Cores and memory that this process may use, as affinity and the quotas of its container allow."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path("/")
_FILES = ("active_file", "inactive_file")  # pages; version 1 adds `total_`: with those of the groups within


def usable_cores(root: Path = ROOT) -> int:
    """Count the cores that this process may use: its affinity, and no more than its CPU quota, at least 1.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min(_cpu_quotas(root), default=math.inf)
    return max(1, min(cores, math.floor(quota) if math.isfinite(quota) else cores))


def usable_memory(root: Path = ROOT) -> int:
    """Return the bytes that this process may use: the machine's, and no more than its container's limit.

    Args:
        root: as in `usable_cores`.
    """
    return min([psutil.virtual_memory().total, *_memory_limits(root)])


def memory_in_use(root: Path = ROOT) -> float:
    """Return the share of the memory that is in use, of the machine or of a container if that is fuller.

    Pages of files that the system may drop do not count.

    Args:
        root: as in `usable_cores`.
    """
    machine = psutil.virtual_memory()
    return max(1 - machine.available / machine.total, group_memory_in_use(root) or 0.0)


def group_memory_in_use(root: Path = ROOT) -> float | None:
    """Return the share in use of the memory that control groups allow this process; None without a limit.

    Args:
        root: as in `usable_cores`.
    """
    return max(_group_shares(root, psutil.virtual_memory().total), default=None)


def _group_shares(root: Path, total: int) -> Iterator[float]:
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for folder in _groups(root, "memory"):
        for limit_name, used_name in names:
            with suppress(OSError, ValueError):
                limit, used = (int((folder / name).read_text()) for name in (limit_name, used_name))
                stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                files = ((stat.get(f"total_{name}"), stat.get(name)) for name in _FILES)
                cached = sum(int(with_inner or own or 0) for with_inner, own in files)
                if 0 < limit < total:
                    yield (used - cached) / limit


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of this process's control groups and of those above them."""
    for folder in _groups(root, "cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):  # no quota here: the words "max", or -1
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError, ValueError, ZeroDivisionError):
            used = int((folder / "cpu.cfs_quota_us").read_text())
            if used > 0:
                yield used / int((folder / "cpu.cfs_period_us").read_text())


def _memory_limits(root: Path) -> Iterator[int]:
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # versions 2 and 1
            with suppress(OSError, ValueError):
                yield int((folder / name).read_text())


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control groups for a controller, each with those above it.

    ``/proc/self/cgroup`` has a line ``NUMBER:CONTROLLERS:PATH`` for each hierarchy; version 2 has one, with
    no names of controllers. In a container the path may be that of the host, which is not mounted there:
    then the folders above it count.
    """
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        for top in (mounted / (names or "."), mounted / controller) if names else (mounted,):
            inner = top / path.strip("/")
            for folder in (inner, *inner.parents):
                if folder.is_relative_to(top):
                    yield folder
