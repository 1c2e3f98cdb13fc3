"""What sending the records of ended trials to MLflow's database costs: SQLite, and PostgreSQL on loopback."""

import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._postgres import own_postgres

RUNS, STEPS, PARAMETERS = 60, 150, 40
INTO_SQLITE, INTO_POSTGRESQL = 10.0, 20.0  # runs a second, at least


def _record(mlruns: Path, number: int, draw: random.Random, target: str) -> None:
    """Record one trial: two curves, parameters and three results."""
    from rnnsweep.tracking import RunRecord

    tags = {"rnnsweep.role": "trial", "rnnsweep.architecture": "lstm", "rnnsweep.trial": str(number)}
    parameters = {f"p.{n}": draw.random() for n in range(PARAMETERS)}
    key = f"bench.{number}"
    record = RunRecord.open(
        mlruns, experiment="bench", name=key, key=key, uri=target, tags=tags, params=parameters
    )
    for step in range(1, STEPS + 1):
        record.metrics({"train/loss": draw.random(), "validation/accuracy": draw.random()}, step=step)
    record.summary({"best/validation_accuracy": 0.5, "work/epochs": 2.0, "time/seconds": 10.0})
    record.end("complete")


def _runs_a_second(target: str, runs: int) -> tuple[float, float]:
    """Send so many runs, the imports left out; give the runs a second by the clock and by the processor."""
    from rnnsweep.tracking.ship.shipping import ship_once
    from rnnsweep.tracking.store.store import ensure_store

    draw = random.Random(0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        mlruns = Path(name) / "mlruns"
        ensure_store(mlruns)
        _record(mlruns, 0, draw, target)
        ship_once(mlruns, target, deadline_s=600)  # imports
        for number in range(1, runs + 1):
            _record(mlruns, number, draw, target)
        began, began_cpu = time.perf_counter(), time.process_time()
        done = ship_once(mlruns, target, deadline_s=3600)
        wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    assert not done.waiting, done
    return runs / wall, runs / cpu


def shipping_rows(runs: int = RUNS) -> list[dict]:
    """Measure SQLite, and PostgreSQL where it is installed."""
    from rnnsweep.tracking.store.address import LOCAL

    rows = [_row("SQLite", _runs_a_second(LOCAL, runs), INTO_SQLITE, runs)]
    with own_postgres() as address:
        if address:
            rows.append(_row("PostgreSQL", _runs_a_second(address, runs), INTO_POSTGRESQL, runs))
        else:
            print("no row for PostgreSQL: initdb, pg_ctl or psycopg is not installed", file=sys.stderr)
    return rows


def _row(database: str, speeds: tuple[float, float], target: float, runs: int) -> dict:
    clock, processor = speeds
    return {
        "case": f"send a trial's record to {database}",
        "ours": processor,
        "other": target,
        "other_name": "the least that it may be",
        "ratio": processor / target,
        "unit": "runs a second of processor time",
        "note": f"{runs} runs of {STEPS} steps of two curves and {PARAMETERS} parameters;"
        f" {clock:.1f} a second of wall clock time beside other programs",
    }
