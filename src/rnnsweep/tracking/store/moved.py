"""A repository that was moved or copied: the absolute paths of artifacts in the database are mended."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.opened import open_for_reading


def repair_if_moved(mlruns: Path, root: str) -> int:
    """Point every address of artifacts at `root`, this folder's own; give the number of changed rows.

    The store is made with an experiment 0 whose address is ``ROOT/0``: it tells where the store was when
    it was last used. Addresses outside the old root (a user's own choice) stay as they are.
    """
    path = mlruns / "mlflow.db"
    with closing(open_for_reading(path)) as connection:
        if _root_inside(connection) in (None, root):
            return 0
    connection = sqlite3.connect(path, timeout=20)
    try:
        old = _root_inside(connection)
        if old is None or old == root:
            return 0
        with connection:  # all tables or none
            return sum(_rewrite(connection, statement, old, root) for statement in tables.MOVE_ARTIFACTS)
    finally:
        connection.close()


def _root_inside(connection: sqlite3.Connection) -> str | None:
    row = connection.execute(tables.ROOT).fetchone()
    location = row[0] if row else ""
    return location.removesuffix("/0") if location.endswith("/artifacts/0") else None


def _rewrite(connection: sqlite3.Connection, statement: str, old: str, new: str) -> int:
    values = (new + "/", len(old) + 2, len(old) + 1, old + "/")
    return connection.execute(statement, values).rowcount
