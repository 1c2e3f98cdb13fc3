"""No setting is shown to be slower than PyTorch's own: each optimiser, precision and cell, dense and lazy
rows, with and without Numba, beside the loop of `_well_written` at the same settings.

Each half of the table (with Numba, without) is measured in a process of its own, loops taking turns.
"""

import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch

from benchmarks._child import answer_of
from benchmarks._well_written import may_be_sparse, well_written
from benchmarks.factor import defaults
from benchmarks.throughput import Case, row, speed_of, speed_of_ours
from rnnsweep.config import RunConfig
from rnnsweep.data import prepare
from rnnsweep.optim.config import OptimizerConfig

CELLS, BATCH, TURNS = ("lstm", "gru", "rnn"), 16, 3
PRECISIONS = ("32-true", "64-true", "bf16-mixed")
OPTIMIZERS = {
    "adam": OptimizerConfig(),
    "adam, decay": OptimizerConfig(weight_decay=0.01),
    "adam, lazy off": OptimizerConfig(lazy_embedding="off"),
    "adamw, decay": OptimizerConfig(name="adamw", weight_decay=0.01),
    "sgd": OptimizerConfig(name="sgd"),
    "sgd, momentum": OptimizerConfig(name="sgd", momentum=0.9),
}


def every_run() -> Iterator[tuple[str, Case, RunConfig]]:
    """Name and compose each setting."""
    for cell, precision, (name, optimizer) in product(CELLS, PRECISIONS, OPTIMIZERS.items()):
        case = Case(cell, BATCH)
        run = replace(defaults(case), optimizer=optimizer)
        run = replace(run, trainer=replace(run.trainer, precision=precision))
        yield f"{cell}, {precision}, {name}", case, run


def refused(name: str, ours: float, other_name: str, error: Exception) -> dict:
    """Make the row of a setting that PyTorch's own loop cannot train at on this processor."""
    return {
        "case": f"every setting, {name}",
        "ours": ours,
        "other": None,
        "other_name": other_name,
        "ratio": None,
        "unit": "texts/s",
        "note": f"theirs fails: {str(error).splitlines()[0][:90]}",
    }


def measure(turns: int, wanted: str = "") -> list[dict]:
    """Measure the settings whose name has some words, in this process."""
    torch.set_num_threads(1)
    rows = []
    for name, case, run in every_run():
        if wanted not in name:
            continue
        kind = "sparse" if may_be_sparse(run) else "fused dense"
        other_name = f"the well-written loop, {kind} optimiser"
        theirs = well_written(run, prepare(run.data))
        try:
            next(theirs)
        except RuntimeError as error:  # oneDNN has no recurrent layers in bfloat16 for some processors
            rows.append(refused(name, speed_of_ours(case, run), other_name, error))
            continue
        speeds = [(speed_of_ours(case, run), speed_of(theirs)) for _ in range(turns)]
        ours, other = zip(*speeds, strict=True)
        rows.append(row(f"every setting, {name}", ours, other, other_name))
    return rows


def run(turns: int = TURNS, wanted: str = "") -> list[dict]:
    """Measure both halves of the table."""
    rows = []
    for numba, variables in (("with Numba", {}), ("without Numba", {"NUMBA_DISABLE_JIT": "1"})):
        half = answer_of("every_setting", turns, wanted, **variables)
        rows += [each | {"case": f"{each['case']}, {numba}"} for each in half]
    measured = [each for each in rows if each["ratio"] is not None]
    slowest = min(measured, key=lambda each: each["ratio"])
    middle = statistics.median(each["ratio"] for each in measured)
    slowest["note"] = f"the smallest of {len(measured)} ratios; their median is {middle:.2f}"
    return rows


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), *sys.argv[2:])))
