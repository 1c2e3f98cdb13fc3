"""Runs and curves read back: one table, whatever store they lie in."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.errors import UserError
from rnnsweep.tracking.naming import from_text
from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.store.address import LOCAL, destination

if TYPE_CHECKING:
    import pandas as pd

# column <- metric: one-number results
RESULTS = {
    "validation": "best/validation_accuracy",
    "validation_macro_f1": "best/validation_macro_f1",
    "validation_loss": "best/validation_loss",
    "test": "test/accuracy",
    "test_macro_f1": "test/macro_f1",
    "test_loss": "test/loss",
    "parameters": "params_total",
    "seconds": "time/seconds",
    "samples_per_second": "time/samples_per_second",
    "epochs": "work/epochs",
    "steps": "work/steps",
    "memory": "memory/peak_bytes",
}
WHOLE = ("parameters", "steps")  # columns that hold whole numbers
WORDS = ("role", "architecture", "state", "reason")
COLUMNS = ("run_id", "key", "name", "role", "architecture", "trial", "state", "reason", "seed", "overrides")


def runs(mlruns: Path, sweep: str | None = None, *, uri: str | None = None) -> "pd.DataFrame":
    """Give one row for each run of a sweep (its parent, role ``sweep``, among them), or of the whole store.

    Columns: ``run_id, key, name, role, architecture, trial, state, reason, seed, overrides`` (a list), the
    results ``validation, validation_macro_f1, validation_loss, test, test_macro_f1, test_loss, parameters,
    seconds, samples_per_second, epochs, steps, memory`` (bytes), ``started`` (UTC), and each parameter by its
    override name; ``derived`` where a width follows a budget of parameters.
    What a run does not have is missing (NaN, NA or None). Rows in the order of their start.

    Raises:
        UserError: the store does not answer.
    """
    return as_table(_read_rows(mlruns, sweep, uri))


def as_table(rows: Iterable[RunRow]) -> "pd.DataFrame":
    """Arrange runs as `runs` does."""
    import pandas as pd

    rows = sorted(rows, key=lambda row: (row.started, row.run_id))
    columns = [*COLUMNS, *RESULTS, "started"]
    table = pd.DataFrame([_as_dict(row) for row in rows])
    table = table.reindex(columns=[*columns, *sorted(set(table.columns) - set(columns))])
    return _typed(table)


def _typed(table: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    for name in ("trial", "seed", *WHOLE):
        table[name] = pd.to_numeric(table[name], errors="coerce").round().astype("Int64")
    for name in set(RESULTS) - set(WHOLE):
        table[name] = pd.to_numeric(table[name]).astype("float64")
    table["started"] = pd.to_datetime(table["started"], unit="ms", utc=True)
    return table


def _as_dict(row: RunRow) -> dict[str, Any]:
    tags = {name.removeprefix("rnnsweep."): value for name, value in row.tags.items()}
    params = {name: from_text(value) for name, value in row.params.items() if ".log10_" not in f".{name}"}
    derived = {"derived": tags["derived"]} if "derived" in tags else {}  # where widths follow a budget
    return {
        **params,
        **derived,
        "run_id": row.run_id,
        "key": tags.get("key"),
        "name": row.name,
        **{word: tags.get(word) for word in WORDS},
        "state": tags.get("state") or row.status.lower(),
        "trial": tags.get("trial"),
        "seed": tags.get("seed", params.get("seed")),
        "overrides": _list(tags.get("overrides")),
        **{column: row.metrics.get(metric) for column, metric in RESULTS.items()},
        "started": row.started,
    }


def _list(text: str | None) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [str(item) for item in found] if isinstance(found, list) else []


def curves(mlruns: Path, sweep: str | None, keys: Sequence[str], *, uri: str | None = None) -> "pd.DataFrame":
    """Give the points of the metrics `keys` as ``run_id, key, step, epoch, value``, by run, metric and step.

    `epoch` is the run's metric ``epoch`` at that step, the last one before it where there is none.
    """
    import pandas as pd

    points = _read_points(mlruns, sweep, {*keys, "epoch"}, uri)
    table = pd.DataFrame(points, columns=["run_id", "key", "step", "value"])
    table = table.astype({"step": "int64", "value": "float64"}).sort_values("step", kind="stable")
    epochs = table[table["key"] == "epoch"].rename(columns={"value": "epoch"})[["run_id", "step", "epoch"]]
    wanted = table[table["key"].isin(list(keys))]
    joined = (
        pd.merge_asof(wanted, epochs, on="step", by="run_id") if len(wanted) else wanted.assign(epoch=0.0)
    )
    joined = joined.sort_values(["run_id", "key", "step"], ignore_index=True)
    return joined[["run_id", "key", "step", "epoch", "value"]]


def find_run(mlruns: Path, name: str, *, uri: str | None = None) -> RunRow:
    """Find one run by its id, a prefix of it (4 characters or more), its key or its name (the newest).

    Raises:
        UserError: no run is called that, or a prefix fits several.
    """
    rows = list(_read_rows(mlruns, None, uri))
    for fits in (
        [row for row in rows if name in (row.run_id, row.tags.get("rnnsweep.key"))],
        sorted((row for row in rows if row.name == name), key=lambda row: -row.started),
    ):
        if fits:
            return fits[0]
    fits = [row for row in rows if len(name) >= 4 and row.run_id.startswith(name)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UserError(f"run {name!r} fits {len(fits)} runs: give more of the id, as {fits[0].run_id!r}")
    raise UserError(f"run {name!r} is not in the store of {len(rows)} runs: give the id, key or name of one")


def run_rows(mlruns: Path, sweep: str | None = None, *, uri: str | None = None) -> list[RunRow]:
    """Give the runs of a sweep, or all, with their tags, parameters and last metrics as text and numbers.

    Raises:
        UserError: the store does not answer.
    """
    return list(_read_rows(mlruns, sweep, uri))


def _read_rows(mlruns: Path, sweep: str | None, uri: str | None) -> Iterable[RunRow]:
    target = destination(uri)
    if target == LOCAL:
        from rnnsweep.tracking.read.local import read_rows
        from rnnsweep.tracking.store.store import refuse_old_layout

        refuse_old_layout(mlruns)
        return read_rows(mlruns, sweep)
    from rnnsweep.tracking.read.server import read_rows as read_rows_from_server

    return read_rows_from_server(target, sweep)


def _read_points(
    mlruns: Path, sweep: str | None, keys: set[str], uri: str | None
) -> list[tuple[str, str, int, float]]:
    target = destination(uri)
    if target == LOCAL:
        from rnnsweep.tracking.read.local import read_points

        return read_points(mlruns, sweep, keys)
    from rnnsweep.tracking.read.server import read_points as read_points_from_server

    return read_points_from_server(target, sweep, keys)
