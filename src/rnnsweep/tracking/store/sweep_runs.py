"""Everything of one sweep in the local store: found, and removed for good.

Its runs are marked as deleted first, in one step: killed after that, the store has a sweep whose runs were
deleted, which no comparison takes for a whole one.
"""

import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.deleted import Deleted, artifacts_of, open_store, remove_entities
from rnnsweep.tracking.store.store import (
    artifact_folder,
    artifact_path,
    database,
    ensure_store,
    open_client,
    refuse_old_layout,
)


@dataclass(frozen=True)
class StoredSweep:
    """What the store has of a sweep."""

    runs: tuple[Deleted, ...] = ()  # in any stage
    models: tuple[Deleted, ...] = ()  # that its runs logged
    versions: tuple[str, ...] = ()  # of the registered model of its name


def stored_sweep(mlruns: Path, name: str) -> StoredSweep:
    """Find the runs of a sweep, of every start under its name, and its models.

    Raises:
        UserError: another registered model has a version of one of its models, or of files of its runs.
    """
    refuse_old_layout(mlruns)
    if not database(mlruns).exists():
        return StoredSweep()
    ensure_store(mlruns)
    own = {"sweep": name}
    with closing(sqlite3.connect(database(mlruns), timeout=20)) as connection:
        runs = connection.execute(tables.RUNS_OF_SWEEP, own).fetchall()
        models = connection.execute(tables.MODELS_OF_SWEEP, own).fetchall()
        versions = connection.execute(tables.VERSIONS).fetchall()
    ids, addresses = {run[0] for run in runs}, {one[2] for one in (*runs, *models)}
    folders = {artifact_path(mlruns, address) for address in addresses} - {None}
    for model, version, _, address, _ in versions:
        if model != name and (address in addresses or _lies_in(artifact_path(mlruns, address), folders)):
            raise UserError(
                f"sweep {name!r}: version {version} of the registered model {model!r} was made from its runs;"
                " delete that version first, or keep the sweep"
            )
    return StoredSweep(
        tuple(_entity(mlruns, "run", row) for row in runs),
        tuple(_entity(mlruns, "model", row) for row in models),
        tuple(str(row[1]) for row in versions if row[0] == name and (row[2] in ids or _began(row[4], name))),
    )


def _lies_in(path: Path | None, folders: Collection[Path | None]) -> bool:
    return path is not None and any(above in folders for above in (path, *path.parents))


def _began(key: str | None, name: str) -> bool:
    """Return whether a key, of a run that the store has no more, is one of a sweep's."""
    return key is not None and key.startswith(f"{name}.")


def _entity(mlruns: Path, kind: str, row: Any) -> Deleted:
    id_, name, address, key, sweep = row[:5]
    return Deleted(kind, id_, name or "", key, sweep, *artifacts_of(mlruns, id_, address))


def mark_deleted(mlruns: Path, name: str) -> None:
    """Mark all runs of a sweep as deleted, as MLflow's UI does."""
    if database(mlruns).exists():
        with closing(sqlite3.connect(database(mlruns), timeout=20)) as connection, connection:
            connection.execute(tables.MARK_DELETED, {"sweep": name, "time": time.time_ns() // 1_000_000})


def remove_sweep(mlruns: Path, name: str, stored: StoredSweep, *, onerror: Callable[..., object]) -> None:
    """Remove a sweep's runs, models and versions with their files, and its experiment if that is empty then.

    Args:
        mlruns: the folder of results.
        name: of the sweep.
        stored: what the store has of it.
        onerror: called where a folder cannot be removed, as by `shutil.rmtree`.

    Raises:
        UserError: the store refused, with what it said.
    """
    if not database(mlruns).exists():
        return
    if stored.versions:
        client = open_client(mlruns, LOCAL)
        for version in stored.versions:
            client.delete_model_version(name, version)
        if not client.search_model_versions(f"name='{name}'", max_results=1):
            client.delete_registered_model(name)
    remove_entities(mlruns, (*stored.models, *stored.runs), onerror=onerror)
    _remove_experiment(mlruns, name)


def _remove_experiment(mlruns: Path, name: str) -> None:
    """Remove the experiment of a sweep, unless somebody else's runs, models or traces are in it."""
    with closing(sqlite3.connect(database(mlruns), timeout=20)) as connection:
        row = connection.execute(tables.EXPERIMENT_NAMED, {"sweep": name}).fetchone()
        if row is None:
            return
        if connection.execute(tables.IN_EXPERIMENT, {"experiment": row[0]}).fetchone()[0]:
            return
    store = open_store(mlruns)
    if store.get_experiment(str(row[0])).lifecycle_stage == "active":
        store.delete_experiment(str(row[0]))
    store._hard_delete_experiment(str(row[0]))
    place = mlruns / "artifacts" / artifact_folder(name)
    for folder in (place / "models", place):
        with suppress(OSError):  # it is not empty, or not there
            folder.rmdir()
