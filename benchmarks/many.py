"""Many trials: what the next one costs after 5,000, status and compare beside 10,000 runs, 1,000 slots.

The trials are synthetic, but lie where real ones do: Optuna's journal, the ledger, MLflow's database.
"""

import json
import math
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._controller import controller_rows, large_rows
from benchmarks._shipping import shipping_rows
from rnnsweep.sweepfile import read_sweep
from rnnsweep.trial import Ended, Outcome

TRIALS, RUNS, ASKS = 5000, 10_000, 10
SWEEP = """\
# Does it slow down?
name: many
architectures: [bag, gru]
trials: {trials}
replicates: 0
baseline: false
pruner: median
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
  optimizer.weight_decay: {{type: float, low: 1e-6, high: 1e-2, log: true}}
  model.hidden_size: {{type: int, low: 4, high: 64}}
  model.dropout: {{type: float, low: 0.0, high: 0.5}}
"""
RUNGS = 4


class NoTime:
    """A launcher whose tasks end at once."""

    def __init__(self) -> None:
        from rnnsweep.sweepfile import Slot

        self.slots = (Slot(0),)
        self._ended: list[Ended] = []

    def start(self, task: Any, slot: Any) -> None:
        self._ended.append(Ended(task.key, Outcome("complete", scores={"validation": 0.5})))

    def events(self, timeout: float) -> list[Ended]:
        done, self._ended = self._ended, []
        return done

    def answer(self, key: str, word: str) -> None: ...

    def stop(self, key: str) -> None: ...

    def kill(self, key: str) -> None: ...

    def close(self) -> None: ...


def sweep_with(folder: Path, trials: int) -> float:
    """Go on with the sweep to so many trials of each architecture; give the median seconds of an ask."""
    from benchmarks._no_records import NoRecords
    from rnnsweep.engine import run_sweep
    from rnnsweep.search.study import Search

    path, spent, ask = folder / "sweeps" / "many.yaml", [], Search.ask
    path.parent.mkdir(exist_ok=True)
    path.write_text(SWEEP.format(trials=trials), encoding="utf-8")

    def timed(search: Search) -> Any:
        began = time.process_time()
        found = ask(search)
        spent.append(time.process_time() - began)
        return found

    Search.ask = timed  # type: ignore[method-assign]
    try:
        run_sweep(
            read_sweep(path),
            mlruns=folder / "mlruns",
            launcher=NoTime(),
            records=NoRecords(),
            prepare=lambda run: "corpus",
            accept_changes=True,
        )
    finally:
        Search.ask = ask  # type: ignore[method-assign]
    return statistics.median(spent)


def add_trials(folder: Path, count: int) -> None:
    """Put trials that ended into each study, as the engine would have."""
    import optuna

    from rnnsweep.search.journal import open_journal
    from rnnsweep.state.folder import SweepFolder

    draw, storage = random.Random(0), open_journal(SweepFolder.of(folder / "mlruns", "many"))
    forced, os.fsync = os.fsync, lambda file: None  # ten thousand times the disk's word would take minutes
    for name in ("bag", "gru"):
        study = optuna.load_study(study_name=f"many/{name}", storage=storage)
        kinds = study.get_trials(deepcopy=False)[0].distributions
        drawn = [{k: _draw(draw, d) for k, d in kinds.items()} for _ in range(count)]
        study.add_trials(
            [
                optuna.trial.create_trial(
                    value=score,
                    params=params,
                    distributions=kinds,
                    intermediate_values={rung: score * rung / RUNGS for rung in range(1, RUNGS + 1)},
                    user_attrs={
                        "scores": {"validation": score, "seconds": 10.0, "epochs": 2.0},
                        "overrides": json.dumps([f"{k}={v}" for k, v in params.items()]),
                    },
                )
                for params in drawn
                for score in [draw.random()]
            ]
        )
    os.fsync = forced


def _draw(draw: random.Random, kind: Any) -> Any:
    if isinstance(kind.low, int) and isinstance(kind.high, int):
        return draw.randint(kind.low, kind.high)
    return draw.uniform(kind.low, kind.high)


def fill_database(folder: Path, *, trials: int, others: int) -> None:
    """Record one trial for real, and copy its rows in the database under other numbers and scores."""
    from rnnsweep.tracking import RunRecord, sync

    mlruns = folder / "mlruns"
    tags = {"rnnsweep.sweep": "many", "rnnsweep.role": "trial", "rnnsweep.architecture": "bag"}
    values = {"model": "bag", "optimizer.lr": 0.01, "model.hidden_size": 8, "optimizer.weight_decay": 1e-4}
    more = {"rnnsweep.trial": "0", "rnnsweep.seed": "0", "rnnsweep.overrides": '["model=bag"]'}
    record = RunRecord.open(
        mlruns, experiment="many", name="seed", key="many.seed", tags=tags | more, params=values
    )
    for rung in range(1, RUNGS + 1):
        record.metrics(
            {"validation/accuracy": rung / 10, "train/loss": 1 / rung, "epoch": rung / 2}, step=rung
        )
    record.summary({"best/validation_accuracy": 0.4, "work/epochs": 2.0, "time/seconds": 10.0})
    record.end("complete")
    assert not sync(mlruns).waiting
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as database:
        _copy(database, trials, others)
        database.commit()
        database.execute("ANALYZE")


def _copy(database: sqlite3.Connection, trials: int, others: int) -> None:
    (seed,) = database.execute("SELECT run_uuid FROM runs").fetchone()
    draw = random.Random(1)
    plan = [("many", name, number) for name in ("bag", "gru") for number in range(trials)]
    plan += [("other", "bag", number) for number in range(others)]
    names = [(f"{n:032x}", *what, draw.random()) for n, what in enumerate(plan, start=1)]
    database.execute("CREATE TEMP TABLE copies (id, sweep, architecture, number, score)")
    database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?, ?)", names)
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        chosen = ", ".join("c.id" if name == "run_uuid" else f"t.{name}" for name in columns)
        database.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, copies c"
            f" WHERE t.run_uuid = '{seed}'"
        )
    for key, column in (("sweep", "sweep"), ("architecture", "architecture"), ("trial", "number")):
        database.execute(
            f"UPDATE tags SET value = (SELECT {column} FROM copies WHERE id = run_uuid)"
            f" WHERE key = 'rnnsweep.{key}' AND run_uuid IN (SELECT id FROM copies)"
        )
    database.execute(
        "UPDATE latest_metrics SET value = (SELECT score FROM copies WHERE id = run_uuid)"
        " WHERE key = 'best/validation_accuracy' AND run_uuid IN (SELECT id FROM copies)"
    )
    for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
        database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (seed,))


def command(folder: Path, *words: str) -> tuple[float, float]:
    """Run a command of the terminal; give its wall and its processor seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "RNNSWEEP_HOME": str(folder)}
    subprocess.run(
        [sys.executable, "-m", "rnnsweep", *words], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def asks_after(folder: Path, sizes: list[int], done: int) -> list[float]:
    """Fill the studies up to each size; give the median seconds of the asks there."""
    found = []
    for size in sizes:
        add_trials(folder, size - done)
        done = size + ASKS
        found.append(sweep_with(folder, done))
    return found


def growth(sizes: list[int], asks: list[float]) -> dict:
    """Make the row of the growth of an ask with the trials there are."""
    exponent = math.log(asks[-1] / asks[0]) / math.log(sizes[-1] / sizes[0])
    shown = ", ".join(f"{size:,}: {1000 * ask:.3g} ms" for size, ask in zip(sizes, asks, strict=True))
    return {
        "case": f"growth with trials, {sizes[-2]:,} to {sizes[-1]:,}",
        "ours": 1000 * asks[-1],
        "other": 1000 * asks[-2],
        "other_name": f"the same at {sizes[-2]:,}",
        "ratio": asks[-1] / asks[-2],
        "unit": "ms of processor time an ask",
        "note": f"{shown}; the time grows with the power {exponent:.2f} of the size",
    }


def run(trials: int = TRIALS, runs: int = RUNS) -> list[dict]:
    """Fill, then measure: the asks in processor time, the commands whole."""
    sizes = [max(trials // 50, 2 * ASKS), max(trials // 5, 4 * ASKS), trials]  # 100, 1,000 and 5,000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep_with(folder, 1)
        early = sweep_with(folder, 1 + ASKS)
        asks = asks_after(folder, sizes, 1 + ASKS)
        late = asks[-1]
        fill_database(folder, trials=trials // 2, others=runs - trials)
        commands = {words: command(folder, *words) for words in (("status", "many"), ("compare", "many"))}
        (most,) = asks_after(folder, [2 * trials - ASKS], sizes[-1] + ASKS)  # TPE takes no more in a study
    rows = [
        {
            "case": f"ask for a trial of {trials:,}",
            "ours": late,
            "other": early,
            "other_name": "the same study after ten trials",
            "ratio": early / late,
            "unit": "s of processor time",
            "note": "TPE over four settings; the fixed cost of the storage is included",
        },
        growth(sizes, asks),
        {
            "case": f"ask for a trial of {2 * trials:,}, the most of a study with TPE",
            "ours": 1000 * most,
            "other": 100.0,
            "other_name": "the most that it may be",
            "ratio": 0.1 / most,
            "unit": "ms of processor time",
        },
    ]
    for (word, _), (wall, cpu) in commands.items():
        rows.append(
            {
                "case": f"rnnsweep {word}, {trials:,} trials among {runs:,} runs",
                "ours": cpu,
                "other": None,
                "other_name": "nothing: the whole command",
                "ratio": 5 / cpu,
                "unit": "s of processor time",
                "note": f"{wall:.1f} s of wall clock time beside other programs; the ratio is five seconds"
                " divided by the processor time",
            }
        )
    return rows + shipping_rows() + controller_rows() + large_rows()
