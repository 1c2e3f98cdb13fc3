"""Which process wrote something, and whether it still runs: by boot and start, never by the wall clock.

A process number is reused, and the wall clock moves: a machine that sets its clock by two seconds must not
take its own processes for strangers. So a process is named by its host, the boot of that host, its number and
the moment of its start as the kernel counts it.
"""

import functools
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

RANK = "RNNSWEEP_RANK"  # number of this process in a training of several; the first starts the others
_FOREIGN = re.compile(
    r"(SLURM|OMPI|PMI|PMIX|PMI2|MPI|MPIR|I_MPI|MV2|LSB|JSM|PALS|FLUX|TORCHELASTIC)_(?!TMPDIR$).*"
    r"|RANK|WORLD_SIZE|(LOCAL|GROUP|ROLE|NODE)_(RANK|WORLD_SIZE)|ROLE_NAME|MASTER_ADDR|MASTER_PORT"
)
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OLD_SLACK_S = 2.0  # of records that name a start by the wall clock, as earlier versions wrote them


def spare_loopback() -> None:
    """Keep this process's requests to its own machine, and its children's, from the environment's proxy."""
    if any(os.environ.get(name) for name in PROXIES):
        named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        spared = [each.strip() for each in named.split(",") if each.strip()]
        joined = ",".join(dict.fromkeys([*spared, *LOOPBACK]))
        os.environ.update({"no_proxy": joined, "NO_PROXY": joined})


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of one host.

    Attributes:
        host: the name of the machine.
        boot: an id that is new after each boot; empty where the system has none.
        pid: its number.
        ticks: its start. On Linux in clock ticks since the boot; elsewhere in microseconds since the epoch,
            as the kernel noted it then. None where only `started` is known.
        started: its start in seconds since the epoch: written for people, and read from old records, where
            `ticks` is missing.
    """

    host: str
    pid: int
    boot: str = ""
    ticks: int | None = None
    started: float | None = None

    @staticmethod
    def current() -> "ProcessIdentity":
        """Return the identity of the calling process."""
        return _current(os.getpid())

    @staticmethod
    def of(pid: int) -> "ProcessIdentity":
        """Return the identity of a running process of this host.

        Raises:
            psutil.Error, OSError: there is no such process.
        """
        started = round(psutil.Process(pid).create_time(), 3)
        return ProcessIdentity(socket.gethostname(), pid, boot_id(), start_ticks(pid), started)

    @staticmethod
    def read(record: Mapping[str, Any] | None) -> "ProcessIdentity | None":
        """Read what `record` wrote, in this or an earlier version; None where it names no process."""
        try:
            values = dict(record or {})
            ticks, started = values.get("ticks"), values.get("started")
            return ProcessIdentity(
                host=str(values["host"]),
                pid=int(values["pid"]),
                boot=str(values.get("boot") or ""),
                ticks=None if ticks is None else int(ticks),
                started=None if started is None else float(started),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def record(self) -> dict[str, Any]:
        """Return plain values for a file."""
        return asdict(self)

    @property
    def is_local(self) -> bool:
        """Whether it runs, or ran, on this host."""
        return self.host == socket.gethostname()

    def process(self) -> psutil.Process | None:
        """Return the running process; None where it has ended, or runs on another host."""
        if not self.is_local or self.pid <= 0 or (self.boot and self.boot != boot_id()):
            return None
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE and self._is_start_of(process)
            return process if running else None
        except (psutil.Error, OSError, ValueError, OverflowError):
            return None

    def may_live(self) -> bool:
        """Return whether the process runs; one on another host counts as running, as nobody here can know."""
        return not self.is_local or self.process() is not None

    def _is_start_of(self, process: psutil.Process) -> bool:
        if self.ticks is not None:
            return self.ticks == start_ticks(process.pid)
        return self.started is not None and abs(process.create_time() - self.started) < OLD_SLACK_S


@functools.lru_cache(maxsize=4)
def _current(pid: int) -> ProcessIdentity:
    """Compute the identity once a process; a fork has another number."""
    return ProcessIdentity.of(pid)


@functools.cache
def boot_id() -> str:
    """Return the id of this boot; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def start_ticks(pid: int) -> int:
    """Return when a process began, as the kernel counts it; see `ProcessIdentity.ticks`.

    Raises:
        psutil.Error, OSError: there is no such process.
    """
    if sys.platform == "linux":
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat.rpartition(b")")[2].split()[19])  # field 22; the second, a name, may hold anything
    return round(psutil.Process(pid).create_time() * 1e6)


def is_companion() -> bool:
    """Return whether this process belongs to a training in several processes that one of ours started."""
    return RANK in os.environ


def foreign_ranks() -> list[str]:
    """List the environment variables by which a scheduler or another launcher numbers its processes.

    A job step of Slurm, `mpirun` and `torchrun` set them for programs that divide themselves. A training here
    starts its own processes, so libraries that read these would wait for processes that nobody starts.
    """
    return [] if is_companion() else [name for name in os.environ if _FOREIGN.fullmatch(name)]


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables within, those with None removed, and put back what they were."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
