"""The lease of a task's folder: which process works there, so that nobody else does."""

import json
import socket
import time
from pathlib import Path

import psutil

from rnnsweep.trial.messages import LEASE


def write_lease(folder: Path) -> None:
    """Note the process that works in a task's folder."""
    me = psutil.Process()
    holder = {"pid": me.pid, "host": socket.gethostname(), "started": me.create_time(), "at": time.time()}
    (folder / LEASE).write_text(json.dumps(holder), encoding="utf-8")
