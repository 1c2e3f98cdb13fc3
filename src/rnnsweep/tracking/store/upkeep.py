"""Keeping the local store quick: SQLite plans by statistics, without them it sorts runs for seconds."""

import sqlite3
from contextlib import closing
from pathlib import Path

BUSY = 5.0  # seconds to wait for a writer; statistics are no reason to wait longer


def analyse(mlruns: Path) -> bool:
    """Renew the statistics of the local database, as after a sweep; say whether it could be done now."""
    path = mlruns / "mlflow.db"
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=BUSY)) as connection:
        try:
            connection.execute("ANALYZE")
        except sqlite3.OperationalError:
            return False
    return True
