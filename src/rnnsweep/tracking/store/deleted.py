"""Runs and models that a user deleted in the UI: MLflow keeps their rows and files until they are removed.

MLflow's own `gc` follows any address in the database, and removes every deleted model and experiment along
with the runs it is asked for. Here only what lies where MLflow puts it below mlruns/artifacts/ is removed.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.schema import upgrade_if_old
from rnnsweep.tracking.store.store import (
    artifact_path,
    artifact_root,
    database,
    ensure_store,
    local_uri,
    refuse_old_layout,
    silence_mlflow,
)

ID = re.compile(r"(m-)?[0-9a-f]{32}")


@dataclass(frozen=True)
class Deleted:
    """A deleted run or model of the local store."""

    kind: str  # run | model
    id: str
    name: str
    key: str | None
    sweep: str | None
    artifacts: Path | None  # its own folder below mlruns/artifacts/
    foreign: str | None  # the address of artifacts that lie anywhere else


def deleted_entities(mlruns: Path) -> list[Deleted]:
    """List the deleted runs and models of the local store, without importing MLflow."""
    refuse_old_layout(mlruns)
    if not database(mlruns).exists():
        return []
    ensure_store(mlruns)
    with closing(sqlite3.connect(database(mlruns), timeout=20)) as connection:
        queries = (("run", tables.DELETED_RUNS), ("model", tables.DELETED_MODELS))
        return [
            Deleted(kind, id_, name or "", key, sweep, *artifacts_of(mlruns, id_, address))
            for kind, query in queries
            for id_, name, address, key, sweep in connection.execute(query)
        ]


def artifacts_of(mlruns: Path, id_: str, address: str | None) -> tuple[Path | None, str | None]:
    """Return the folder of artifacts that may be removed, or the address that is left alone."""
    path = artifact_path(mlruns, address)
    own = ID.fullmatch(id_) and path and path.parts[-2:] == (id_, "artifacts")
    if path is not None and own:  # not the folder of several, or of another
        return (path if path.is_dir() else None), None
    return None, address


def open_store(mlruns: Path) -> Any:
    """Open MLflow's own access to the local database, which can remove for good."""
    silence_mlflow()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    upgrade_if_old(mlruns)
    return SqlAlchemyStore(local_uri(mlruns), artifact_root(mlruns))  # type: ignore[no-untyped-call]


def remove_entities(mlruns: Path, entities: Sequence[Deleted], *, onerror: Callable[..., object]) -> None:
    """Remove deleted runs and models for good: their own folders first, then their rows.

    Raises:
        UserError: the store refused, with what it said.
    """
    if not entities:
        return
    for one in entities:
        if one.artifacts is not None:
            shutil.rmtree(one.artifacts, onerror=onerror)
            with suppress(OSError):
                one.artifacts.parent.rmdir()
    store = open_store(mlruns)
    from mlflow.exceptions import MlflowException

    remove = {"run": store._hard_delete_run, "model": store._hard_delete_logged_model}
    for one in entities:
        try:
            remove[one.kind](one.id)
        except MlflowException as error:
            raise UserError(
                f"MLflow could not remove the deleted {one.kind} {one.id}: {str(error)[:300]}"
            ) from error
