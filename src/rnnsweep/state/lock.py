"""The one controller of a sweep."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rnnsweep.errors import UserError
from rnnsweep.files import read_json, write_whole
from rnnsweep.runtime.process import ProcessIdentity

_LOCK, _CONTROLLER = "controller.lock", "controller.json"


@contextmanager
def sole_controller(folder: Path) -> Iterator[None]:
    """Hold the sweep for this process; the lock goes with the process, however it ends.

    Raises:
        UserError: another process holds it; the message names its process and host.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        holder = read_controller(folder)
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        raise UserError(f"{folder.name}: this sweep is run by {who}: wait for it or stop it first") from error
    try:
        me = ProcessIdentity.current().record()
        write_whole(folder / _CONTROLLER, json.dumps(me), durable=False)
        yield
    finally:
        lock.release()


def read_controller(folder: Path) -> ProcessIdentity | None:
    """Read who holds the sweep, or held it last."""
    return ProcessIdentity.read(read_json(folder / _CONTROLLER))


def is_running(folder: Path) -> bool:
    """Return whether a controller holds the sweep now."""
    if not (folder / _LOCK).exists():
        return False
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
