"""Where this project's UI runs now, so that printed links lead to it whatever port it took."""

import json
from contextlib import suppress
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.files import read_json, write_whole
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.tracking.ui.hosts import HOST, PORT, free_port

FILE = "ui.json"


def note_ui(mlruns: Path, port: int, process: ProcessIdentity) -> None:
    """Write the port of a UI that answers, and the process that serves it."""
    write_whole(mlruns / FILE, json.dumps({"port": port, "process": process.record()}))


def running_ui(mlruns: Path) -> str | None:
    """Return the address of the project's running UI; None where none runs on this machine."""
    noted = read_json(mlruns / FILE) or {}
    process, port = ProcessIdentity.read(noted.get("process")), noted.get("port")
    runs = isinstance(port, int) and process is not None and process.process() is not None
    return f"http://{HOST}:{port}" if runs else None


def address_of_ui(mlruns: Path) -> str:
    """Return the address of the project's running UI; where none runs, the one that it would take now."""
    if running := running_ui(mlruns):
        return running
    port = PORT
    with suppress(UserError):  # none is free: an answer is printed all the same
        port = free_port(PORT)
    return f"http://{HOST}:{port}"
