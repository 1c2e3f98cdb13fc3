"""What sending the records of ended trials to MLflow's SQLite store costs the process that ships."""

import random
import tempfile
import time
from pathlib import Path

RUNS, STEPS, PARAMETERS = 60, 150, 40
TARGET = 10.0  # runs a second of processor time, at least


def _record(mlruns: Path, number: int, draw: random.Random) -> None:
    """Record one trial: two curves, parameters and three results."""
    from rnnsweep.tracking import RunRecord

    tags = {"rnnsweep.role": "trial", "rnnsweep.architecture": "lstm", "rnnsweep.trial": str(number)}
    parameters = {f"p.{n}": draw.random() for n in range(PARAMETERS)}
    key = f"bench.{number}"
    record = RunRecord.open(mlruns, experiment="bench", name=key, key=key, tags=tags, params=parameters)
    for step in range(1, STEPS + 1):
        record.metrics({"train/loss": draw.random(), "validation/accuracy": draw.random()}, step=step)
    record.summary({"best/validation_accuracy": 0.5, "work/epochs": 2.0, "time/seconds": 10.0})
    record.end("complete")


def shipping_rows(runs: int = RUNS) -> list[dict]:
    """Measure runs a second of the shipper's processor, the imports left out."""
    from rnnsweep.tracking.ship.shipping import ship_once
    from rnnsweep.tracking.store.address import LOCAL
    from rnnsweep.tracking.store.store import ensure_store

    draw = random.Random(0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        mlruns = Path(name) / "mlruns"
        ensure_store(mlruns)
        _record(mlruns, 0, draw)
        ship_once(mlruns, LOCAL, deadline_s=600)  # imports
        for number in range(1, runs + 1):
            _record(mlruns, number, draw)
        began = time.process_time()
        done = ship_once(mlruns, LOCAL, deadline_s=3600)
        spent = time.process_time() - began
    assert not done.waiting, done
    return [
        {
            "case": "send a trial's record to SQLite",
            "ours": runs / spent,
            "other": TARGET,
            "other_name": "the least that it may be",
            "ratio": runs / spent / TARGET,
            "unit": "runs a second of processor time",
            "note": f"{runs} runs of {STEPS} steps of two curves and {PARAMETERS} parameters",
        }
    ]
