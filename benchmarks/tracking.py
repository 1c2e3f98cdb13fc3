"""What recording a point in every step costs: ours beside Lightning's MLFlowLogger and beside no record.

The three trainings are the same small LSTM in a plain loop; they take turns of some steps and are timed by
the processor, so that what else the machine does disturbs little (what MLFlowLogger waits for the disk is
left out with it, in its favour). Calls are timed by the clock, one after another. Ours has its shipper
running, which sends to a store as MLFlowLogger's.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rnnsweep.tracking import RunRecord, Shipper
from rnnsweep.tracking.spool.logger import SpoolLogger
from rnnsweep.tracking.store.store import ensure_store, silence_mlflow

TURNS = 25
STEPS = 40  # of each training in each turn
WARM = 3  # turns that are not counted
CALLS = {"ours": 5000, "theirs": 300}
Log = Callable[[int, float], None]


class Training:
    """A small LSTM (64/32) on batches of 16 texts of 43 tokens, a step at a time."""

    def __init__(self, log: Log | None) -> None:
        torch.manual_seed(0)
        self.layer, self.output = nn.LSTM(64, 32, batch_first=True), nn.Linear(32, 4)
        weights = [*self.layer.parameters(), *self.output.parameters()]
        self.optimizer = torch.optim.Adam(weights, lr=1e-3)
        self.inputs_BTE, self.targets_B = torch.randn(16, 43, 64), torch.randint(0, 4, (16,))
        self.log, self.step = log, 0

    def turn(self, steps: int) -> float:
        """Train some steps; give the processor's seconds of a step."""
        start = time.process_time()
        for _ in range(steps):
            self._step()
        return (time.process_time() - start) / steps

    def _step(self) -> None:
        logits_BC = self.output(self.layer(self.inputs_BTE)[0][:, -1])
        loss = nn.functional.cross_entropy(logits_BC, self.targets_B)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        if self.log is not None:
            self.log(self.step, loss.item())


def theirs(folder: Path) -> Log:
    """Return Lightning's logger on a store of its own, as fast as it goes: SQLite with write-ahead log."""
    from pytorch_lightning.loggers import MLFlowLogger

    logger = MLFlowLogger(experiment_name="bench", tracking_uri=ensure_store(folder))
    _ = logger.run_id  # makes the run: not a cost of a step
    return lambda step, value: logger.log_metrics({"train/loss": value, "epoch": step / 100}, step)


def measure(folder: Path) -> list[dict]:
    """Time calls and trainings on stores of their own."""
    ensure_store(folder / "ours")
    (folder / "theirs").mkdir()
    key = {"experiment": "bench", "name": "bench", "key": "bench"}
    with Shipper(folder / "ours") as shipper, RunRecord.open(folder / "ours", **key) as record:
        shipper.run_id("bench", 60)  # MLflow is imported there before the clock runs
        logger, other = SpoolLogger(record), theirs(folder / "theirs")
        logs: list[Log] = [lambda step, value: logger.log_metrics({"train/loss": value}, step), other]
        calls = [timed(log, count) for log, count in zip(logs, CALLS.values(), strict=True)]
        trainings = [Training(log) for log in (None, *logs)]
        turns = [in_turn(trainings, number) for number in range(WARM + TURNS)]
    assert not shipper.drain(60), "not every point arrived"
    return rows(calls, turns[WARM:])


def in_turn(trainings: list[Training], number: int) -> list[float]:
    """Train each for a turn, another first each time, as each leaves the caches to the next."""
    order = [(number + place) % len(trainings) for place in range(len(trainings))]
    seconds = {place: trainings[place].turn(STEPS) for place in order}
    return [seconds[place] for place in range(len(trainings))]


def timed(log: Log, count: int) -> list[float]:
    """Make so many calls; give the milliseconds of each."""
    found = []
    for step in range(1, count + 1):
        start = time.perf_counter()
        log(step, step / 3)
        found.append((time.perf_counter() - start) * 1e3)
    return found


def rows(calls: list[list[float]], turns: list[list[float]]) -> list[dict]:
    """Make the rows of the page."""
    name = "Lightning's MLFlowLogger, SQLite"
    found = [
        call_row(f"record a point: {word}", percent, calls[0], calls[1], name)
        for word, percent in (("median", 50), ("99th percentile", 99))
    ]
    none_s, ours_s, theirs_s = (statistics.median(turn[n] for turn in turns) for n in range(3))
    ratios = [turn[2] / turn[1] for turn in turns]
    slower = [statistics.median(turn[n] / turn[0] for turn in turns) - 1 for n in (1, 2)]
    note = (
        f"{1 / none_s:,.0f} without any record; a step takes {slower[0]:.1%} longer with ours,"
        f" {slower[1]:.0%} with theirs"
    )
    found.append(
        {
            "case": "train, a point in every step",
            "ours": 1 / ours_s,
            "other": 1 / theirs_s,
            "other_name": name,
            "ratio": statistics.median(ratios),
            "range": [min(ratios), max(ratios)],
            "unit": "steps/s",
            "note": note,
        }
    )
    return found


def call_row(case: str, percent: float, ours: list[float], theirs: list[float], name: str) -> dict:
    """Make a row of one percentile of the calls, in milliseconds."""
    a, b = float(np.percentile(ours, percent)), float(np.percentile(theirs, percent))
    return {"case": case, "ours": a, "other": b, "other_name": name, "ratio": b / a, "unit": "ms"}


def run() -> list[dict]:
    """Measure on one thread."""
    silence_mlflow()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            return measure(Path(folder))
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for each in run():
        print(each)
