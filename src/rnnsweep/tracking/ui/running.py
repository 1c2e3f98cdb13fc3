"""Where this project's UI runs now, so that printed links lead to it whatever port it took."""

import json
from pathlib import Path

from rnnsweep.files import read_own, write_whole
from rnnsweep.json_text import parse_json
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.tracking.ui.hosts import HOST, PORT

FILE = "ui.json"
DEFAULT = f"http://{HOST}:{PORT}"


def note_ui(mlruns: Path, port: int, process: ProcessIdentity) -> None:
    """Write the port of a UI that answers, and the process that serves it."""
    write_whole(mlruns / FILE, json.dumps({"port": port, "process": process.record()}))


def address_of_ui(mlruns: Path) -> str:
    """Return the address of the project's running UI; the one that it tries first where none runs."""
    try:
        noted = parse_json(read_own(mlruns / FILE).decode())
        process, port = ProcessIdentity.read(noted["process"]), int(noted["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT
    runs = process is not None and process.is_local and process.process() is not None
    return f"http://{HOST}:{port}" if runs else DEFAULT
