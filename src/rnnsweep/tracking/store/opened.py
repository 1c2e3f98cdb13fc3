"""The local database opened for reading, on a disk that may not be written to as well."""

import os
import sqlite3
from pathlib import Path

PATIENCE = 20.0  # seconds for another process's transaction


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database that is there, and write nothing.

    SQLite keeps a file beside a database of this kind (write-ahead log) even for readers. Where the folder
    cannot be written to and no such log waits, the file is read as it is.
    """
    log = path.with_name(f"{path.name}-wal")
    waits = log.exists() and log.stat().st_size > 0
    alone = "" if waits or os.access(path.parent, os.W_OK) else "&immutable=1"
    uri = f"{path.resolve().as_uri()}?mode=ro{alone}"
    return sqlite3.connect(uri, uri=True, timeout=PATIENCE)
