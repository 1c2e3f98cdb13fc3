"""Runs that a user deleted in the UI: MLflow keeps their files until it is told to collect them."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rnnsweep.errors import UserError
from rnnsweep.tracking.store import database, ensure_store, local_uri, refuse_old_layout

CHECKPOINT = "rnnsweep.checkpoint"
DELETED = """
SELECT r.run_uuid, r.name, r.artifact_uri,
 (SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'rnnsweep.key'),
 (SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'rnnsweep.sweep')
FROM runs r WHERE r.lifecycle_stage = 'deleted' ORDER BY r.start_time
"""
AT_ONCE = 200  # ids on one command line


@dataclass(frozen=True)
class DeletedRun:
    """A deleted run of the local store."""

    run_id: str
    name: str
    key: str | None
    sweep: str | None
    artifacts: Path | None  # None where they lie elsewhere


def deleted_runs(mlruns: Path) -> list[DeletedRun]:
    """List the deleted runs of the local store, without importing MLflow."""
    refuse_old_layout(mlruns)
    if not database(mlruns).exists():
        return []
    ensure_store(mlruns)
    with closing(sqlite3.connect(database(mlruns), timeout=20)) as connection:
        rows = connection.execute(DELETED).fetchall()
    return [
        DeletedRun(run_id, name or "", key, sweep, _inside(mlruns, address))
        for run_id, name, address, key, sweep in rows
    ]


def _inside(mlruns: Path, address: str | None) -> Path | None:
    parts = urlsplit(address or "")
    path = Path(unquote(parts.path)).resolve()
    inside = parts.scheme in ("", "file") and path.is_relative_to((mlruns / "artifacts").resolve())
    return path if inside and path.is_dir() else None


def collect(mlruns: Path, run_ids: list[str]) -> None:
    """Remove deleted runs for good, rows and artifacts, with MLflow's own command.

    Raises:
        UserError: it did not do it, with what it said.
    """
    uri = local_uri(mlruns)
    for first in range(0, len(run_ids), AT_ONCE):
        chosen = ",".join(run_ids[first : first + AT_ONCE])
        command = ["mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri, "--run-ids", chosen]
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no reason").splitlines()[-1]
            raise UserError(f"mlflow gc could not remove {len(run_ids)} deleted runs: {said[:300]}")
