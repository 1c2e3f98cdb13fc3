"""The local store: mlruns/mlflow.db and mlruns/artifacts/, made whole before anyone uses it.

MLflow's own first use is not safe for several processes: they migrate the same empty database at once and can
leave it broken for good. Here one process, under a file lock, builds it aside and moves it into place.
"""

import logging
import os
import shutil
import sqlite3
import sys
import uuid
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from rnnsweep.errors import UserError
from rnnsweep.files import own_folder
from rnnsweep.hardware import is_on_network
from rnnsweep.safety.shell import command_line
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.address import LOCAL, check_answers
from rnnsweep.tracking.store.chosen import remember
from rnnsweep.tracking.store.opened import BESIDE, open_for_reading

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from rnnsweep.tracking.store.bulk import StoreClient

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
BUSY = 5.0  # seconds to wait for a writer; statistics are no reason to wait longer
OF_ITS_OWN_TYPES = ".*Any type hint is inferred as AnyType"  # MLflow warns of its own, when imported


def database(mlruns: Path) -> Path:
    """Return the path of the local database."""
    return mlruns / "mlflow.db"


def local_uri(mlruns: Path) -> str:
    """Return the absolute tracking URI of the local store."""
    return f"sqlite:///{database(mlruns).resolve()}"


def artifact_root(mlruns: Path) -> str:
    """Return the absolute URI of the folder of artifacts."""
    return (mlruns.resolve() / "artifacts").as_uri()


def artifact_folder(experiment: str) -> str:
    """Return the name of an experiment's folder of artifacts, a plain one whatever it is called."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in experiment)[:80] or "-"


def artifact_path(mlruns: Path, address: str | None) -> Path | None:
    """Return the folder of an address of the store; None where it lies outside mlruns/artifacts/.

    A link on the way counts as outside.
    """
    parts = urlsplit(address or "")
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        return None
    path = Path(unquote(parts.path) if parts.scheme else parts.path)
    root = mlruns.resolve() / "artifacts"
    return path if path.is_relative_to(root) and path != root and path.resolve() == path else None


def silence_mlflow() -> None:
    """Switch off MLflow's telemetry and chatter; call it before MLflow is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", OF_ITS_OWN_TYPES)


def ensure_store(mlruns: Path) -> str:
    """Make the local store if it is not there, mend its paths if it was moved; give its tracking URI.

    Safe for any number of processes at once. Takes seconds the first time and a millisecond later.

    Raises:
        UserError: an old layout or an unreadable database is in the way.
    """
    refuse_old_layout(mlruns)
    own_folder(mlruns, "artifacts")
    if database(mlruns).is_symlink():
        raise UserError(f"{database(mlruns)}: is a link; put the database itself there")
    if not database(mlruns).exists():
        mlruns.mkdir(parents=True, exist_ok=True)
        with FileLock(mlruns / ".store.lock"):
            if not database(mlruns).exists():
                _build(mlruns)
    repair_if_moved(mlruns)
    return local_uri(mlruns)


def repair_if_moved(mlruns: Path) -> None:
    """Mend the addresses of artifacts in a folder that was moved or copied.

    The store is made with an experiment 0 whose address is ``ROOT/0``: it tells where the store was when
    it was last used. Addresses outside the old root (a user's own choice) stay as they are.
    """
    path, new = database(mlruns), artifact_root(mlruns)
    with closing(open_for_reading(path)) as connection:
        row = connection.execute(tables.ROOT).fetchone()
    old = row[0].removesuffix("/0") if row and row[0].endswith("/artifacts/0") else new
    if old != new:
        values = (new + "/", len(old) + 2, len(old) + 1, old + "/")
        with closing(sqlite3.connect(path, timeout=20)) as connection, connection:  # all tables or none
            for statement in tables.MOVE_ARTIFACTS:
                connection.execute(statement, values)


def analyse(mlruns: Path) -> None:
    """Renew the statistics of the local database, as after a sweep, where no writer is in the way.

    SQLite plans by them: without them it sorts runs for seconds.
    """
    if database(mlruns).exists():
        store = closing(sqlite3.connect(database(mlruns), timeout=BUSY))
        with store as connection, suppress(sqlite3.OperationalError):
            connection.execute("ANALYZE")


def _build(mlruns: Path) -> None:
    silence_mlflow()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for leftover in mlruns.glob(".mlflow-*.db*"):  # of a process that was killed here
        leftover.unlink(missing_ok=True)
    aside = mlruns / f".mlflow-{uuid.uuid4().hex[:8]}.db"
    uri = f"sqlite:///{aside.resolve()}"
    silence_mlflow()
    store = SqlAlchemyStore(uri, artifact_root(mlruns))  # type: ignore[no-untyped-call]
    store.engine.dispose()
    SqlAlchemyStore._engine_map.pop(uri, None)
    _choose_journal(aside)
    for suffix in BESIDE:  # of a database that was moved away: SQLite would write that log into the new one
        Path(f"{database(mlruns)}{suffix}").unlink(missing_ok=True)
    os.replace(aside, database(mlruns))


def _choose_journal(path: Path) -> None:
    """Let readers and the writer not wait for each other (write-ahead log), where the file system can.

    The log's index is memory that processes share, which some file systems lack; processes of two hosts
    share none, so that a network's file system gets SQLite's rollback journal as well.
    """
    if not is_on_network(path):
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # reads a log without shared memory
        connection.execute("PRAGMA journal_mode=DELETE")


def refuse_old_layout(mlruns: Path) -> None:
    """Refuse a folder that MLflow used as a file store and that has no database yet.

    Raises:
        UserError: with MLflow's own command that makes one; artifacts stay where they are.
    """
    old = next(mlruns.glob("[0-9]*/meta.yaml"), None)
    if old is None or database(mlruns).exists():
        return
    target = f"sqlite:///{database(mlruns).resolve()}"
    program = "mlflow" if shutil.which("mlflow") else str(Path(sys.executable).with_name("mlflow"))
    command = command_line("migrate-filestore", "--source", mlruns, "--target", target, program=program)
    raise UserError(
        f"{mlruns} is an old MLflow file store (it has {old.relative_to(mlruns)}); bring its runs over with:"
        f" MLFLOW_ALLOW_FILE_STORE=true {command}"
    )


def destination_of(mlruns: Path, uri: str | None) -> str:
    """Resolve the setting before something is recorded: the server answers, the local store is one of today.

    Raises:
        UserError: it does not, or an old file store is in the way.
    """
    target = check_answers(uri)
    if target == LOCAL:
        refuse_old_layout(mlruns)
    else:
        print(f"runs are sent to {target}", file=sys.stderr)
        remember(target)
    return target


def open_client(mlruns: Path, target: str) -> "StoreClient":
    """Make a client of the destination `target`; for the local store it is made and mended first.

    Nothing global is changed: no tracking URI of MLflow's module or of the environment.
    """
    uri = ensure_store(mlruns) if target == LOCAL else target
    silence_mlflow()
    if target == LOCAL:
        from rnnsweep.tracking.store.schema import upgrade_if_old

        upgrade_if_old(mlruns)
    from rnnsweep.tracking.store.bulk import StoreClient

    return StoreClient(tracking_uri=uri)


def ensure_experiment(client: "MlflowClient", name: str, *, location: str | None) -> str:
    """Return the id of an experiment, made once; one that was deleted is restored.

    Raises:
        MlflowException: the store does not answer.
    """
    from mlflow.exceptions import MlflowException

    experiment: Any = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException:
            experiment = client.get_experiment_by_name(name)  # another process was first
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)
