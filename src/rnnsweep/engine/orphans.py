"""Processes of a controller that is gone: they end by themselves, and whoever does not is ended."""

import json
import socket
from pathlib import Path

import psutil

from rnnsweep.trial.messages import LEASE, OUTCOME

GRACE_S = 10.0  # a trial notices within a batch that its controller is gone, and writes a checkpoint


def end_orphans(folder: Path, *, grace_s: float = GRACE_S) -> int:
    """Wait for the processes that still work in a sweep's folder, then end them.

    Returns:
        how many had to be ended.
    """
    orphans = [process for lease in _open_leases(folder) if (process := _alive(lease))]
    _, stubborn = psutil.wait_procs(orphans, timeout=grace_s)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=grace_s)
    return len(stubborn)


def _open_leases(folder: Path) -> list[Path]:
    leases = (folder / "trials").glob(f"*/{LEASE}")
    return [lease for lease in leases if not lease.with_name(OUTCOME).exists()]


def _alive(lease: Path) -> psutil.Process | None:
    """Give the process that holds a lease: the same number and the same start, on this host."""
    try:
        holder = json.loads(lease.read_text(encoding="utf-8"))
        if holder["host"] != socket.gethostname():
            return None
        process = psutil.Process(holder["pid"])
        return process if abs(process.create_time() - holder["started"]) < 1 else None
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
