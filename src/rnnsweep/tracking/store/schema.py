"""A database that an older MLflow made: backed up and brought to the installed version."""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from filelock import FileLock

from rnnsweep.errors import UserError
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.opened import open_for_reading


def upgrade_if_old(mlruns: Path) -> Path | None:
    """Bring the local database to the schema of the installed MLflow; give the backup, or None where it fits.

    Raises:
        UserError: a newer MLflow made it.
    """
    path = mlruns / "mlflow.db"
    if _fits(path):
        return None
    with FileLock(mlruns / ".store.lock"):
        if _fits(path):  # another process was first
            return None
        backup = _back_up(path)
        _upgrade(path)
    print(
        f"{path} was of an older MLflow and has been upgraded; the old one is {backup.name}.", file=sys.stderr
    )
    return backup


def _revision(path: Path) -> str:
    with closing(open_for_reading(path)) as connection:
        row = connection.execute(tables.REVISION).fetchone()
    return str(row[0]) if row else ""


def _fits(path: Path) -> bool:
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    current = _revision(path)
    script = ScriptDirectory.from_config(_get_alembic_config(db_url=""))  # type: ignore[no-untyped-call]
    if current == script.get_current_head():
        return True
    if current not in {revision.revision for revision in script.walk_revisions()}:
        from mlflow import __version__

        raise UserError(f"{path}: made by a newer MLflow than the installed {__version__}; upgrade MLflow")
    return False


def _back_up(path: Path) -> Path:
    backup = path.with_name(f"mlflow.before-{_revision(path)[:8]}-{time.strftime('%Y%m%d-%H%M%S')}.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    return backup


def _upgrade(path: Path) -> None:
    from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(f"sqlite:///{path.resolve()}")  # type: ignore[no-untyped-call]
    _upgrade_db(engine)  # type: ignore[no-untyped-call]
    engine.dispose()
