"""The one controller of a sweep."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from rnnsweep.errors import UserError

CONTROLLER = "controller.json"


@contextmanager
def sole_controller(folder: Path) -> Iterator[None]:
    """Hold the sweep for this process; the lock goes with the process, however it ends.

    Raises:
        UserError: another process holds it; the message names its process and host.
    """
    lock = FileLock(folder / "controller.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        holder = read_controller(folder)
        raise UserError(
            f"{folder.name}: this sweep is run by process {holder.get('pid', '?')} on"
            f" {holder.get('host', '?')}: wait for it or stop it first"
        ) from error
    try:
        me = {"pid": os.getpid(), "host": socket.gethostname(), "started": psutil.Process().create_time()}
        (folder / CONTROLLER).write_text(json.dumps(me), encoding="utf-8")
        yield
    finally:
        lock.release()


def read_controller(folder: Path) -> dict[str, Any]:
    """Read who holds the sweep, or held it last."""
    try:
        return dict(json.loads((folder / CONTROLLER).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def is_running(folder: Path) -> bool:
    """Say whether a controller holds the sweep now."""
    if not (folder / "controller.lock").exists():
        return False
    try:
        with FileLock(folder / "controller.lock", timeout=0):
            return False
    except Timeout:
        return True
