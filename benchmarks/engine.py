"""What the engine costs: from a free slot to a process that is ready, and in the controller."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._no_records import NoRecords
from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.local import child
from rnnsweep.launchers.local.server import PRELOAD
from rnnsweep.sweepfile import read_sweep
from rnnsweep.trial import Outcome, Report, TrialTask

STARTS, TRIALS, REPORTS = 15, 60, 5
FRESH = "import torch, pytorch_lightning, rnnsweep.trial.run"
SWEEP = """\
# What does a trial cost that does nothing?
name: engine
architectures: [bag]
trials: {trials}
replicates: 0
baseline: false
pruner: median
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
  model.hidden_size: {{type: int, low: 4, high: 64}}
"""


def noting(connection: Any, task: TrialTask, slot: Any) -> None:
    """Be a trial's process that says when it was ready to train, and ends."""
    child.main(
        connection, task, slot, run=lambda task, channel: Outcome("complete", scores={"ready": time.time()})
    )


def reporting(connection: Any, task: TrialTask, slot: Any) -> None:
    """Be a trial's process that reports as often as a training, and trains nothing."""
    child.main(connection, task, slot, run=lambda task, channel: _report(channel))


def _report(channel: Any) -> Outcome:
    for rung in range(1, REPORTS + 1):
        channel.report(Report(rung, rung, rung / REPORTS, 0.5))
    return Outcome("complete", scores={"validation": 0.5, "seconds": 1.0, "epochs": 1.0})


def seconds_until_ready(folder: Path) -> list[float]:
    """Start tasks one after the other; give the seconds from each start to its process being ready."""
    launcher = LocalLauncher(1, entry=noting, preload=(*PRELOAD, "benchmarks.engine"))
    found = []
    for number in range(STARTS + 1):
        name = f"task-{number}"
        task = TrialTask(
            key=name,
            role="trial",
            architecture="bag",
            overrides=(),
            folder=folder / name,
            mlruns=folder,
            experiment="engine",
            name=name,
        )
        began = time.time()
        launcher.start(task, launcher.slots[0])
        ended: list[Any] = []
        while not ended:
            ended = [event for event in launcher.events(0.2) if hasattr(event, "outcome")]
        found.append(ended[0].outcome.scores["ready"] - began)
    launcher.close()
    return found[1:]  # the first waits for the imports of the fork server


def seconds_of_controller(folder: Path) -> float:
    """Return the controller's processor seconds a trial: ask, compose, start, hear, prune, tell, write."""
    path = folder / "engine.yaml"
    marks = []
    for trials in (5, 5 + TRIALS):  # the first call imports
        path.write_text(SWEEP.format(trials=trials), encoding="utf-8")
        began = time.process_time()
        run_sweep(
            read_sweep(path),
            mlruns=folder / "mlruns",
            launcher=LocalLauncher(1, entry=reporting, preload=("benchmarks.engine",)),
            records=NoRecords(),
            prepare=lambda run: "corpus",
        )
        marks.append(time.process_time() - began)
    return marks[1] / TRIALS


def run() -> list[dict]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        ready = seconds_until_ready(Path(folder))
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", FRESH], check=True)
        fresh = time.perf_counter() - began
        cost = seconds_of_controller(Path(folder))
    return [
        {
            "case": "from a free slot to a process ready to train",
            "ours": statistics.median(ready),
            "other": fresh,
            "other_name": "a fresh process that imports what a training needs",
            "ratio": fresh / statistics.median(ready),
            "range": [fresh / max(ready), fresh / min(ready)],
            "unit": "s",
            "note": f"the fastest of {STARTS} took {min(ready):.3f} s;"
            " the median is larger on a busy machine",
        },
        {
            "case": f"the engine's own cost of a trial with {REPORTS} validations",
            "ours": 1000 * cost,
            "other": None,
            "other_name": "nothing: it is a cost",
            "ratio": 10 / cost,
            "unit": "ms of processor time",
            "note": f"{cost / 10:.2%} of a trial of 10 s",
        },
    ]
