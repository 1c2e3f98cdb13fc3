"""The local database opened for reading, on a disk that may not be written to as well."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from rnnsweep.errors import UserError

PATIENCE = 20.0  # seconds for another process's transaction
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite names its own files beside a database
AGAIN = "move it away, then make it again from the records: rnnsweep store rebuild"
LONGEST = 64 << 20  # bytes of a value; MLflow's longest are a few thousand

# What computes when a table is read or written: a view may be endless, and a virtual table is a program's.
# MLflow has tables alone, and one trigger, on a table that rnnsweep neither reads nor writes.
_COMPUTED = """
SELECT type, name FROM sqlite_master WHERE type = 'view' OR (type = 'trigger' AND tbl_name != 'secrets')
OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%') LIMIT 1
"""


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database that is there, and write nothing.

    SQLite keeps a file beside a database of this kind (write-ahead log) even for readers. Where the folder
    cannot be written to and no such log waits, the file is read as it is.

    Raises:
        UserError: it is no database, or has views or triggers, as MLflow's own never has.
    """
    log = path.with_name(f"{path.name}-wal")
    waits = log.exists() and log.stat().st_size > 0
    alone = "" if waits or os.access(path.parent, os.W_OK) else "&immutable=1"
    uri = f"{path.resolve().as_uri()}?mode=ro{alone}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        computed = connection.execute(_COMPUTED).fetchone()
    except sqlite3.OperationalError:  # locked, or not to be opened: no fault of what is in it
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise UserError(f"{path}: {error}; {AGAIN}") from error
    if computed:
        connection.close()
        raise UserError(
            f"{path}: has the {computed[0]} {computed[1]!r}; a store of MLflow has tables alone, so it is"
            f" not read"
        )
    return connection


def refuse_damaged(path: Path) -> None:
    """Refuse a database whose pages do not fit together; one of 100 MB takes about a second.

    Raises:
        UserError: it is damaged, or is no database.
    """
    with closing(open_for_reading(path)) as connection:
        try:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError:  # locked
            raise
        except sqlite3.DatabaseError as error:
            answer = str(error)
    if answer != "ok":
        raise UserError(f"{path}: {' '.join(answer.split())}; {AGAIN}")
