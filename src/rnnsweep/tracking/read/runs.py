"""Runs and curves read back: one table, whatever store they lie in."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep.errors import UserError
from rnnsweep.json_text import read_list
from rnnsweep.safety.shell import run_command
from rnnsweep.tasks import LOSS, Score, score_named, spec_named, specs
from rnnsweep.tasks.names import SCORE_TAG, TASK_TAG, best, tested
from rnnsweep.tracking.naming import from_text
from rnnsweep.tracking.read import local, server
from rnnsweep.tracking.read.row import RunRow
from rnnsweep.tracking.store.address import LOCAL, destination
from rnnsweep.tracking.store.store import refuse_old_layout
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    import pandas as pd

# column <- metric: what a training took
COSTS = {
    "parameters": "params_total",
    "seconds": "time/seconds",
    "samples_per_second": "time/samples_per_second",
    "epochs": "work/epochs",
    "steps": "work/steps",
    "memory": "memory/peak_bytes",
}
WHOLE = ("parameters", "steps")  # columns that hold whole numbers
WORDS = ("role", "architecture", "state", "reason")
PARTS = {"validation": best, "test": tested}  # part -> the metric of a score on it
COLUMNS = ("run_id", "key", "name", "role", "architecture", "trial", "state", "reason", "seed", "overrides")


def runs(mlruns: Path, sweep: str | None = None, *, uri: str | None = None) -> "pd.DataFrame":
    """Return one row for each run of a sweep (its parent, role ``sweep``, among them), or of the whole store.

    Columns: ``run_id, key, name, role, architecture, trial, state, reason, seed, overrides`` (a list),
    ``validation`` and ``test`` (natural values of the score that decides), each score of the task, that one
    too, and the loss as ``validation_NAME`` and ``test_NAME``, ``parameters, seconds, samples_per_second,
    epochs, steps, memory`` (bytes), ``started`` (UTC), ``task`` and ``score``, and each parameter by its
    override name; ``derived`` where a width follows a budget of parameters.
    What a run does not have is missing (NaN, NA or None). Rows in the order of their start.

    Raises:
        UserError: the store does not answer.
    """
    return as_table(run_rows(mlruns, sweep, uri=uri))


def as_table(rows: Iterable[RunRow]) -> "pd.DataFrame":
    """Arrange runs as `runs` does."""
    import pandas as pd

    rows = sorted(rows, key=lambda row: (row.started, row.run_id))
    results = [*_score_columns(rows), *COSTS]
    columns = [*COLUMNS, *results, "started"]
    table = pd.DataFrame([_as_dict(row) for row in rows])
    table = table.reindex(columns=[*columns, *sorted(set(table.columns) - set(columns))])
    return _typed(table, results)


def score_of(row: RunRow) -> Score:
    """Return the score that decides for a run; that of runs which name none is the default task's first."""
    return score_named(row.tags.get(TASK_TAG), row.tags.get(SCORE_TAG))


def _scores(row: RunRow) -> dict[str, float | None]:
    """Return a run's scores by their columns: the one that decides, each under its name, and the loss."""
    names = [*(one.name for one in spec_named(row.tags.get(TASK_TAG)).scores), LOSS]
    decides = score_of(row).name
    columns: dict[str, float | None] = {}
    for part, metric in PARTS.items():
        columns[part] = row.metrics.get(metric(decides))
        columns |= {f"{part}_{name}": row.metrics.get(metric(name)) for name in names}
    return columns


def _score_columns(rows: Sequence[RunRow]) -> list[str]:
    """Return the columns of scores that some run has, and those that runs of every age have."""
    default = spec_named(None)
    older = {f"{part}_{name}" for part in PARTS for name in default.running[1:]}
    scored = {name for row in rows for name, value in _scores(row).items() if value is not None} | older
    names = dict.fromkeys(one.name for spec in specs().values() for one in spec.scores)
    return [
        column
        for part in PARTS
        for column in (part, *(f"{part}_{n}" for n in names if f"{part}_{n}" in scored), f"{part}_{LOSS}")
    ]


def _typed(table: "pd.DataFrame", results: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    for name in ("trial", "seed", *WHOLE):
        table[name] = pd.to_numeric(table[name], errors="coerce").round().astype("Int64")
    for name in set(results) - set(WHOLE):
        table[name] = pd.to_numeric(table[name]).astype("float64")
    table["started"] = pd.to_datetime(table["started"], unit="ms", utc=True, errors="coerce")
    return table


def _as_dict(row: RunRow) -> dict[str, Any]:
    tags = {name.removeprefix("rnnsweep."): value for name, value in row.tags.items()}
    params = {name: from_text(value) for name, value in row.params.items() if ".log10_" not in f".{name}"}
    # of widths that follow a budget, of a fit of the baseline that was another, and which rows were tested
    more: dict[str, Any] = {name: tags[name] for name in ("derived", "note", "test_rows") if name in tags}
    return {
        **params,
        **more,
        "run_id": row.run_id,
        "key": tags.get("key"),
        "name": row.name,
        **{word: tags.get(word) for word in WORDS},
        "state": tags.get("state") or row.status.lower(),
        "trial": tags.get("trial"),
        "seed": tags.get("seed", params.get("seed")),
        "overrides": [str(item) for item in read_list(tags.get("overrides") or "[]")],
        **_scores(row),
        **{column: row.metrics.get(metric) for column, metric in COSTS.items()},
        "task": spec_named(row.tags.get(TASK_TAG)).name,
        "score": score_of(row).name,
        "started": row.started,
    }


def curves(mlruns: Path, sweep: str | None, keys: Sequence[str], *, uri: str | None = None) -> "pd.DataFrame":
    """Return points of metrics as ``run_id, key, step, epoch, value``, by run, metric and step.

    `epoch` is the run's metric ``epoch`` at that step, the last one before it where there is none.

    Args:
        mlruns: the folder of results.
        sweep: its name; None: single runs.
        keys: names of the metrics.
        uri: of the store; None is the local one.
    """
    import pandas as pd

    points = _read_points(mlruns, sweep, {*keys, "epoch"}, uri)
    table = pd.DataFrame(points, columns=["run_id", "key", "step", "value"])
    table = table.astype({"step": "int64", "value": "float64"}).sort_values("step", kind="stable")
    epochs = table[table["key"] == "epoch"].rename(columns={"value": "epoch"})[["run_id", "step", "epoch"]]
    chosen = table[table["key"].isin(list(keys))]
    joined = (
        pd.merge_asof(chosen, epochs, on="step", by="run_id") if len(chosen) else chosen.assign(epoch=0.0)
    )
    joined = joined.sort_values(["run_id", "key", "step"], ignore_index=True)
    return joined[["run_id", "key", "step", "epoch", "value"]]


def find_run(mlruns: Path, name: str, *, uri: str | None = None) -> RunRow:
    """Find one run by its id, a prefix of it (4 characters or more), its key or its name (the newest).

    Raises:
        UserError: no run is called that, a prefix fits several, or runs of several sweeps have the name.
    """
    rows = run_rows(mlruns, None, uri=uri)
    for fits in (
        [row for row in rows if name in (row.run_id, row.tags.get(Tag.KEY))],
        sorted((row for row in rows if row.name == name), key=lambda row: -row.started),
    ):
        if fits:
            _refuse_several_sweeps(name, fits)
            return fits[0]
    fits = [row for row in rows if len(name) >= 4 and row.run_id.startswith(name)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UserError(f"run {name!r} fits {len(fits)} runs: give more of the id, as {fits[0].run_id!r}")
    where = f"run {name!r} is not in the store of {len(rows)} runs"
    sweep, at, architecture = name.partition("@")
    if at:
        best = run_command("best", sweep, architecture, "--json")
        raise UserError(f"{where}: it names a model; the `run_id` of its best trial is printed by {best}")
    raise UserError(f"{where}: give the id, key or name of one")


def _refuse_several_sweeps(name: str, fits: Sequence[RunRow]) -> None:
    """Refuse a name that the runs of several sweeps have: the newest may not be the one that is meant."""
    newest = {row.tags.get(Tag.SWEEP): row.run_id[:8] for row in reversed(fits)}
    if len(newest) > 1:
        listed = ", ".join(
            f"{run_id} ({f'of sweep {sweep}' if sweep else 'a single run'})"
            for sweep, run_id in newest.items()
        )
        raise UserError(f"run {name!r}: several runs have this name; give the id of one: {listed}")


def run_rows(mlruns: Path, sweep: str | None = None, *, uri: str | None = None) -> list[RunRow]:
    """Return the runs of a sweep, or all, with their tags, parameters and last metrics as text and numbers.

    Raises:
        UserError: the store does not answer.
    """
    target = destination(uri)
    if target != LOCAL:
        return server.read_rows(target, sweep, local.own_key(mlruns, sweep))
    refuse_old_layout(mlruns)
    return local.read_rows(mlruns, sweep)


def _read_points(
    mlruns: Path, sweep: str | None, keys: set[str], uri: str | None
) -> list[tuple[str, str, int, float]]:
    target = destination(uri)
    if target != LOCAL:
        return server.read_points(target, sweep, local.own_key(mlruns, sweep), keys)
    return local.read_points(mlruns, sweep, keys)
