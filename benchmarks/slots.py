"""Slots busy: the engine beside the barrier of Hydra's Optuna sweeper, on the same trials.

The trials sleep, for times that vary tenfold. Ours run in the real engine and its processes. Hydra's sweeper
gives its launcher a batch of as many jobs as run at once, and asks for the next when the last is done. Its
stable release does not install beside Optuna 5, so that rule is played here with threads, without the cost of
processes.
"""

import json
import statistics
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._no_records import NoRecords
from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.local import child
from rnnsweep.sweepfile import Sweep, read_sweep
from rnnsweep.trial import Launcher, Outcome

SLOTS, TRIALS = 4, 96
SHORT, LONG = 0.3, 3.0  # seconds
SWEEP = """\
# How busy are the slots?
name: slots
architectures: [bag]
trials: {trials}
replicates: 0
baseline: false
pruner: none
sampler: random
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
"""


def seconds_of(number: int) -> float:
    """Return a trial's seconds: log-uniform between short and long, the same in every run."""
    share = (zlib.crc32(f"trial {number}".encode()) % 1000) / 999
    return SHORT * (LONG / SHORT) ** share


def sleeping(connection: Any, task: Any, slot: Any) -> None:
    """Be a trial's process that sleeps instead of training."""
    child.main(connection, task, slot, run=lambda task, channel: _sleep(task.number))


def _sleep(number: int) -> Outcome:
    time.sleep(seconds_of(number))
    return Outcome("complete", scores={"validation": 0.5})


def toy(folder: Path, trials: int) -> Sweep:
    """Write and read the sweep."""
    path = folder / "slots.yaml"
    path.write_text(SWEEP.format(trials=trials), encoding="utf-8")
    return read_sweep(path)


def engine(trials: int = TRIALS, slots: int = SLOTS) -> float:
    """Run the sweep in the engine; give the share of slot time in which a trial slept."""
    with tempfile.TemporaryDirectory() as folder:
        launcher = LocalLauncher(slots, entry=sleeping, preload=("benchmarks.slots",))
        return busy(launcher, Path(folder), trials=trials, seconds=sum(map(seconds_of, range(trials))))


def busy(launcher: Launcher, home: Path, *, trials: int, seconds: float) -> float:
    """Run a sweep of trials that sleep so many seconds together; give the share of slot time in them."""
    run_sweep(
        toy(home, trials),
        mlruns=home / "mlruns",
        launcher=launcher,
        records=NoRecords(),
        prepare=lambda run: "corpus",
    )
    return seconds / (len(launcher.slots) * _seconds_between(home / "mlruns/sweeps/slots"))


def _seconds_between(folder: Path) -> float:
    """Return the seconds from the first start to the last end: imports before them are no slot's."""
    events = map(json.loads, (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines())
    times = [event["time"] for event in events if event["event"] in ("start", "end")]
    return max(times) - min(times)


def barrier(trials: int = TRIALS, slots: int = SLOTS) -> float:
    """Run the same trials in batches, each of which waits for its slowest."""
    began = time.perf_counter()
    with ThreadPoolExecutor(slots) as pool:
        for first in range(0, trials, slots):
            list(pool.map(time.sleep, map(seconds_of, range(first, min(first + slots, trials)))))
    return sum(map(seconds_of, range(trials))) / (slots * (time.perf_counter() - began))


def run(turns: int = 2) -> list[dict]:
    """Let the two take turns."""
    pairs = [(engine(), barrier()) for _ in range(turns)]
    ratios = [ours / other for ours, other in pairs]
    median = partial(statistics.median)
    return [
        {
            "case": f"slots busy, {SLOTS} slots, {TRIALS} trials of {SHORT:g} to {LONG:g} s",
            "ours": 100 * median(ours for ours, _ in pairs),
            "other": 100 * median(other for _, other in pairs),
            "other_name": "batches that wait for their slowest trial, as Hydra's Optuna sweeper runs them",
            "ratio": median(ratios),
            "range": [min(ratios), max(ratios)],
            "unit": "% of slot time in trials",
            "note": "by the rule of Hydra's Optuna sweeper, without its processes: the sweeper cannot be"
            " installed beside Optuna 5",
        }
    ]
