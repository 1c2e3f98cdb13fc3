"""From MLflow's old file store, a folder for each experiment in mlruns/, to the database of today."""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from filelock import FileLock

from rnnsweep.errors import UserError
from rnnsweep.interpreter import SAFE_PATH, run_module
from rnnsweep.tracking.store.moved import COLUMNS
from rnnsweep.tracking.store.store import artifact_root, database

RUN = re.compile(r"[0-9a-f]{32}$")
OWN = (".trash", "models")  # folders of a file store beside its experiments


def is_file_store(mlruns: Path) -> bool:
    """Say whether MLflow used the folder as a file store."""
    return next(mlruns.glob("[0-9]*/meta.yaml"), None) is not None


def migrate(mlruns: Path) -> Path:
    """Bring the runs of a file store into the database, artifacts too; give the folder of the old one.

    MLflow's own `migrate-filestore` writes the database; the addresses of artifacts are then pointed at
    copies in mlruns/artifacts/. Where anything fails the folder is as it was.

    Raises:
        UserError: there is no file store, a database is there already, or MLflow cannot read it.
    """
    if not is_file_store(mlruns):
        raise UserError(
            f"{mlruns}: is no MLflow file store (no experiment with a meta.yaml); nothing to migrate"
        )
    if database(mlruns).exists():
        raise UserError(f"{database(mlruns)}: is there already; move it or the old experiments away first")
    old = mlruns.with_name(f"{mlruns.name}.old")
    with FileLock(mlruns / ".store.lock"):
        if old.exists():
            raise UserError(f"{old}: is there already; the old store would be kept there. Move it away first")
        building = mlruns / ".migrated"
        shutil.rmtree(building, ignore_errors=True)
        try:
            _convert(mlruns, building)
            old.mkdir()
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        _swap(mlruns, building, old)
    return old


def _convert(mlruns: Path, building: Path) -> None:
    """Write the database, and the artifacts beside it, into a folder of their own."""
    building.mkdir()
    made = building / "mlflow.db"
    command = run_module(
        "mlflow", "migrate-filestore", "--source", str(mlruns), "--target", f"sqlite:///{made}"
    )
    environment = {
        **os.environ,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **SAFE_PATH,
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode or not made.exists():
        said = (done.stderr.strip() or done.stdout.strip() or "no reason").splitlines()[-1]
        raise UserError(f"{mlruns}: MLflow could not migrate it: {said[:300]}")
    _refuse_losses(mlruns, made)
    for experiment in _experiments(mlruns):
        for artifacts in experiment.glob("**/artifacts"):
            target = building / "artifacts" / artifacts.relative_to(mlruns)
            shutil.copytree(artifacts, target, symlinks=True, dirs_exist_ok=True)
    _point(made, mlruns)


def _refuse_losses(mlruns: Path, made: Path) -> None:
    """Refuse a database that lacks a run of the file store: MLflow leaves out what it cannot read."""
    folders = {
        path.parent.name: path.parent for path in mlruns.glob("*/*/meta.yaml") if RUN.match(path.parent.name)
    }
    with closing(sqlite3.connect(made)) as connection:
        taken = {row[0] for row in connection.execute("SELECT run_uuid FROM runs")}
    lost = sorted(set(folders) - taken)
    if lost:
        raise UserError(
            f"{folders[lost[0]]}: MLflow cannot read this run ({len(lost)} of {len(folders)} are like that);"
            " mend its files or move it away; nothing was changed"
        )


def _experiments(mlruns: Path) -> list[Path]:
    return [path.parent for path in mlruns.glob("*/meta.yaml")]


def _point(made: Path, mlruns: Path) -> None:
    """Point addresses at mlruns/artifacts/; a file store writes paths and URIs."""
    root = artifact_root(mlruns)
    starts = [f"{mlruns.resolve().as_uri()}/", f"{mlruns.resolve()}/"]
    with closing(sqlite3.connect(made)) as connection:
        with connection:
            for table, column in COLUMNS.items():
                for start in starts:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                        f" WHERE substr({column}, 1, ?) = ?",
                        (f"{root}/", len(start) + 1, len(start), start),
                    )
            query = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0"
            connection.execute(query, (f"{root}/0",))  # by which a folder that was moved is known
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _swap(mlruns: Path, building: Path, old: Path) -> None:
    for path in [*_experiments(mlruns), *(mlruns / name for name in OWN)]:
        if path.exists():
            path.rename(old / path.name)
    if (building / "artifacts").is_dir():
        (building / "artifacts").rename(mlruns / "artifacts")
    (building / "mlflow.db").rename(database(mlruns))
    shutil.rmtree(building)
