"""What a controller of a thousand slots costs, with simulated trials: processor time, memory, a restart."""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._simulated import SimulatedClock, SimulatedLauncher
from rnnsweep.sweepfile import read_sweep

SLOTS, REPORTS, FEW = 1000, 5, 3000
LARGE, STUDIES = 100_000, 20
SWEEP = """\
# What does a controller of a thousand slots cost?
name: thousand
architectures: {architectures}
trials: {trials}
replicates: 0
baseline: false
sampler: random
pruner: {{name: median, startup: 10}}
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
  optimizer.weight_decay: {{type: float, low: 1e-6, high: 1e-2, log: true}}
  model.hidden_size: {{type: int, low: 4, high: 64}}
  model.dropout: {{type: float, low: 0.0, high: 0.5}}
"""


@contextmanager
def _without_disk() -> Iterator[None]:
    """Leave out the disk's word for each write: processor time is measured."""
    forced, os.fsync = os.fsync, lambda file: None
    try:
        yield
    finally:
        os.fsync = forced


def simulate(folder: Path, *, trials: int, studies: int = 1, slots: int = SLOTS) -> dict[str, float]:
    """Run a sweep of simulated trials; return processor seconds, events and trials.

    Args:
        folder: for the sweep; called again, it goes on.
        trials: in all studies.
        studies: as many architectures, copies of one.
        slots: at a time.
    """
    from benchmarks._no_records import NoRecords
    from rnnsweep.engine import run_sweep

    names = ", ".join(f"bag{number}: [model=bag]" for number in range(studies))
    path = folder / "thousand.yaml"
    path.write_text(SWEEP.format(architectures=f"{{{names}}}", trials=trials // studies), encoding="utf-8")
    clock = SimulatedClock()
    launcher = SimulatedLauncher(clock, slots, reports=REPORTS)
    with _without_disk():
        began = time.process_time()
        summary = run_sweep(
            read_sweep(path),
            mlruns=folder / "mlruns",
            launcher=launcher,
            clock=clock,
            records=NoRecords(),
            prepare=lambda run: "corpus",
            accept_changes=True,
        )
        spent = time.process_time() - began
    return {"seconds": spent, "events": launcher.events_sent, "trials": summary.ran}


def controller_rows(trials: int = FEW) -> list[dict]:
    """Measure the cost of an event and of a trial with a thousand slots."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, trials=10, slots=10)  # imports
        found = simulate(folder, trials=10 + trials)
    one, cost = f"controller, {SLOTS:,} slots", "ms of processor time"
    told = f"{trials:,} simulated trials of 60 to 120 s, random search, median pruner; no disk"
    event, trial = (1000 * found["seconds"] / found[name] for name in ("events", "trials"))
    return [
        _row(f"{one}: an event", event, 1.0, cost, told),
        _row(f"{one}: a trial of up to {REPORTS} reports", trial, 6.0, cost, told),
    ]


def large_rows(trials: int = LARGE) -> list[dict]:
    """Measure a large sweep of many studies, its memory and its restart."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = simulate(folder, trials=trials, studies=STUDIES)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)  # GiB of kilobytes
        restart = simulate(folder, trials=trials, studies=STUDIES)["seconds"]
    big, minutes = f"{trials:,} trials in {STUDIES} studies on {SLOTS:,} slots", whole["seconds"] / 60
    ended, whose = (
        "the command on a finished sweep: it reads the state, counts the trials and ends",
        "of the measuring process, with its imports",
    )
    return [
        _row(f"controller, {big}", minutes, 20.0, "min of processor time", "simulated as above"),
        _row(f"memory at most, {big}", memory, 1.0, "GiB", whose),
        _row(f"restart, {big}", restart, 30.0, "s of processor time", ended),
    ]


def _row(case: str, ours: float, target: float, unit: str, note: str) -> dict:
    return {
        "case": case,
        "ours": ours,
        "other": target,
        "other_name": "the most that it may be",
        "ratio": target / ours,
        "unit": unit,
        "note": note,
    }
