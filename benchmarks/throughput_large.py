"""Training throughput of large networks (two directions of 128): as `throughput` measures it, and bf16's."""

from dataclasses import replace

import torch

from benchmarks import throughput
from benchmarks.throughput import Case, settings, speed_of_ours
from rnnsweep.optim.config import OptimizerConfig

CASES = tuple(
    Case(cell, batch, 128, 128, bidirectional=True)
    for batch in (16, 64, 256)
    for cell in ("lstm", "gru", "rnn")
)
IN_BF16 = CASES[3]  # lstm, batch 64


def precision(case: Case, turns: int) -> dict[str, object]:
    """Train in single precision, which is the default on the CPU, and in bf16-mixed, in turns."""
    single = replace(settings(case), optimizer=OptimizerConfig())
    mixed = replace(single, trainer=replace(single.trainer, precision="bf16-mixed"))
    found = [(speed_of_ours(case, single), speed_of_ours(case, mixed)) for _ in range(turns)]
    ours, other = zip(*found, strict=True)
    note = (
        "single precision is the default: bf16 rounds each result, and is meant for processors that"
        " multiply in bf16"
    )
    return {**throughput.row(f"{case.name}: precision", ours, other, "the same in bf16-mixed"), "note": note}


def run(cases: tuple[Case, ...] = CASES, turns: int = 2, in_bf16: Case = IN_BF16) -> list[dict]:
    """Measure all cases on one thread."""
    rows = throughput.run(cases, turns)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*rows, precision(in_bf16, turns)]
    finally:
        torch.set_num_threads(threads)
