"""Runs read straight from the local database: ten thousand in seconds, without importing MLflow."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.opened import open_for_reading


def read_rows(mlruns: Path, sweep: str | None) -> list[RunRow]:
    """Read the runs of a sweep, or all; none where there is no store yet."""
    if not (mlruns / "mlflow.db").exists():
        return []
    with _chosen(mlruns, sweep) as connection:
        rows = {
            run_id: RunRow(
                run_id, _text(name), _text(status), start if isinstance(start, int) else 0, str(experiment)
            )
            for run_id, name, status, start, experiment in connection.execute(tables.CHOSEN_RUNS)
        }
        for run_id, key, value in connection.execute(tables.CHOSEN_TAGS):
            rows[run_id].tags[key] = _text(value)
        for run_id, key, value in connection.execute(tables.CHOSEN_PARAMETERS):
            rows[run_id].params[_text(key)] = _text(value)
        for run_id, key, value, is_nan in connection.execute(tables.CHOSEN_LATEST):
            rows[run_id].metrics[_text(key)] = math.nan if is_nan else _number(value)
    return list(rows.values())


def read_points(mlruns: Path, sweep: str | None, keys: set[str]) -> list[tuple[str, str, int, float]]:
    """Read the points of the metrics `keys` as (run_id, key, step, value)."""
    if not (mlruns / "mlflow.db").exists():
        return []
    with _chosen(mlruns, sweep) as connection:
        return [
            (run_id, key, _number(step), math.nan if is_nan else _number(value))
            for name in sorted(keys)
            for run_id, key, step, value, is_nan in connection.execute(tables.CHOSEN_POINTS, (name,))
        ]


def last_sweep(mlruns: Path) -> str | None:
    """Return the id of the experiment of the sweep that was started last."""
    if not (mlruns / "mlflow.db").exists():
        return None
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        row = connection.execute(tables.EXPERIMENT_OF_LAST_SWEEP).fetchone()
    return str(row[0]) if row else None


def searches_yet(mlruns: Path, experiment: str, *, unfinished: str) -> bool:
    """Return whether a sweep has no replicate yet, and its description says `unfinished`: not compared."""
    asked = {"experiment": int(experiment), "unfinished": unfinished}
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        return connection.execute(tables.SEARCHES_YET, asked).fetchone() is not None


def experiments(mlruns: Path) -> dict[str, str]:
    """Return the number of each sweep's experiment by the sweep's name."""
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        return {name: str(number) for name, number in connection.execute(tables.EXPERIMENT_OF_EACH_SWEEP)}


def architectures(mlruns: Path) -> list[str]:
    """Return the names of all architectures that were ever recorded."""
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        return sorted(row[0] for row in connection.execute(tables.ARCHITECTURES))


def own_key(mlruns: Path, sweep: str | None) -> str | None:
    """Return the key of a sweep's own run, with which those of its others begin; None where it is not known.

    The store may have runs of a sweep whose folder was deleted and whose name was used again, or a server
    those of somebody else's sweep of this name.
    """
    folder = None if sweep is None else SweepFolder.of(mlruns, sweep)
    return folder.key() if folder is not None and folder.is_started else None


def _text(value: Any) -> str:
    """Return a value of a column of text; SQLite keeps any value in any column."""
    return (
        value if isinstance(value, str) else "" if value is None or isinstance(value, bytes) else str(value)
    )


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) else math.nan


@contextmanager
def _chosen(mlruns: Path, sweep: str | None) -> Iterator[sqlite3.Connection]:
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        connection.execute("BEGIN")  # one picture of the store, whatever is written meanwhile
        connection.execute(tables.CHOOSE_RUNS, {"sweep": sweep, "own": own_key(mlruns, sweep)})
        yield connection
