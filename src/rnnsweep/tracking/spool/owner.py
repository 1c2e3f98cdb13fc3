"""Which process owns a run, and whether it still lives."""

import functools
import os
import socket
from typing import Any

import psutil

# seconds; the kernel counts a start from boot, and the time of boot moves when the clock is set
CLOCK_SLACK = 2.0


@functools.lru_cache(maxsize=4)
def _started(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def this_process() -> dict[str, Any]:
    """Name this process so that no later one with its number is taken for it."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}


def is_alive(owner: dict[str, Any] | None) -> bool:
    """Say whether the process lives; one on another host counts as alive, for nobody here can know."""
    if not owner:
        return False
    try:
        host, pid, started = str(owner["host"]), int(owner["pid"]), float(owner["started"])
    except (KeyError, TypeError, ValueError):
        return False
    if host != socket.gethostname():
        return True
    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and abs(process.create_time() - started) < CLOCK_SLACK
    except (psutil.Error, ValueError, OverflowError):
        return False
