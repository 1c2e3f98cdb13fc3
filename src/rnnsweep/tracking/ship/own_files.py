"""The files of the process that ships to a destination: its lock, its last error and its log."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rnnsweep.errors import UserError
from rnnsweep.files import read_own
from rnnsweep.tracking.spool.spool import spool_folder
from rnnsweep.tracking.store.address import LOCAL

WAIT_S = 30.0  # for another process that sends to the store


def lock_of(mlruns: Path, target: str) -> FileLock:
    """Return the lock that the one shipper of a destination holds."""
    return FileLock(_own_file(mlruns, target, "lock"))


@contextmanager
def alone_at_store(mlruns: Path) -> Iterator[None]:
    """Let no other process send to the local store meanwhile.

    Raises:
        UserError: one sends to it for longer than half a minute.
    """
    lock = lock_of(mlruns, LOCAL)
    try:
        lock.acquire(timeout=WAIT_S)
    except Timeout:
        raise UserError(
            f"{mlruns}: another process sends to the store: wait for it, then try again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def error_file(mlruns: Path, target: str) -> Path:
    """Return the file that holds the last error of a destination's shipper."""
    return _own_file(mlruns, target, "error")


def last_error(mlruns: Path, target: str) -> str | None:
    """Return why the last round of a destination's shipper failed; None where it did not."""
    try:
        return read_own(error_file(mlruns, target)).decode(errors="replace") or None
    except FileNotFoundError:
        return None


def log_of(mlruns: Path) -> Path:
    """Return the file that what a shipper prints is appended to."""
    return spool_folder(mlruns) / "shipper.log"


def _own_file(mlruns: Path, target: str, ending: str) -> Path:
    name = hashlib.sha256(target.encode()).hexdigest()[:12]
    return spool_folder(mlruns) / f".shipper-{name}.{ending}"


class OpenFolder:
    """A folder by its name and by what it is: another one may take its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = os.open(path, os.O_RDONLY)  # while it is open, no other folder gets its number

    def is_there(self) -> bool:
        """Return whether the name still leads to this folder."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._open), self._path.stat())
        return False
