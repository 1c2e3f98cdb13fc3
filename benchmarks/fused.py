"""Runs that take their steps together beside the same runs one after the other, on one core.

Same network, batch, data and precision; the runs differ in their seeds, as replicates do. Texts of all
members a second of processor time. On a GPU, `gpu` measures.
"""

import statistics
import time
from dataclasses import replace

import pytorch_lightning as pl
import torch

from benchmarks.throughput import Case, settings
from rnnsweep.config import RunConfig
from rnnsweep.launchers.fused.trainings import train_together
from rnnsweep.training import stop, train

TURNS = 3
SECONDS = 1.5  # of the separate run in each turn; fused ones take as many for every four members
SHORT = ((8, Case("rnn", 16)), (8, Case("gru", 16)), (8, Case("lstm", 16)))
CELLS = ("rnn", "gru", "lstm")
LONG = (
    *((members, Case(cell, 16)) for cell in CELLS for members in (2, 4, 8, 16)),
    *((8, Case(cell, 64)) for cell in CELLS),
    *((8, Case(cell, 16, 128, 128)) for cell in CELLS),
)


class Clock(pl.Callback):
    """Counts steps from the end of the first chunk on, for some seconds of processor time, and stops."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.start, self.speed = seconds, 0.0, 0.0
        self._first = 0

    def on_train_batch_end(self, trainer, module, *args) -> None:
        now, step = time.process_time(), module.position.step
        if not self.start:
            self.start, self._first = now, step
        elif now - self.start > self.seconds:
            self.speed = (step - self._first) / (now - self.start)
            stop(trainer, "pruned")


def speed_alone(run: RunConfig) -> float:
    """Texts a second of one run by itself."""
    clock = Clock(SECONDS)
    train(run, callbacks=[clock])
    return clock.speed * run.data.batch_size


def speed_together(run: RunConfig, members: int) -> float:
    """Texts a second of all members of a fused run."""
    clocks = [Clock(SECONDS * max(1.0, members / 4)) for _ in range(members)]
    runs = [replace(run, seed=run.seed + number) for number in range(members)]
    for found in train_together(runs, [{"callbacks": [clock]} for clock in clocks]):
        if isinstance(found, Exception):
            raise found
    return sum(clock.speed for clock in clocks) * run.data.batch_size


def measure(members: int, case: Case) -> dict:
    """Let both take turns."""
    run = settings(case)
    turns = [(speed_together(run, members), speed_alone(run)) for _ in range(TURNS)]
    ours, other = zip(*turns, strict=True)
    ratios = [a / b for a, b in turns]
    return {
        "case": f"{members} runs fused, {case.name.removeprefix('train, ')}",
        "ours": statistics.median(ours),
        "other": statistics.median(other),
        "other_name": "the same runs one after the other",
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "unit": "texts/s",
    }


def run(cases: tuple[tuple[int, Case], ...] = SHORT) -> list[dict]:
    """Measure on one thread; ``python -m benchmarks.fused`` takes all members and shapes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [measure(*case) for case in cases]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for members, case in LONG:
        found = measure(members, case)
        low, high = found["range"]
        print(
            f"{found['case']}: {found['ours']:,.0f} against {found['other']:,.0f} texts/s,"
            f" x{found['ratio']:.2f} ({low:.2f} to {high:.2f})",
            flush=True,
        )
