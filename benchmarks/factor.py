"""Ours at its defaults beside a well-written loop and the lesson's, and with each part of it switched off.

The defaults have dropout of the embedding and of the head. Loops take turns, one thread each, in processor
time. The attribution switches one part of ours off at a time: the ratio is what that part is worth.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch

from benchmarks import throughput
from benchmarks._well_written import well_written
from benchmarks.throughput import Case, lesson, row, settings, speed_of, speed_of_ours
from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedCorpus, prepare
from rnnsweep.networks import Network

CASES = (Case("lstm", 16), Case("lstm", 64), Case("gru", 16))
TURNS = 5
WELL_WRITTEN = "a well-written PyTorch loop (pools by length, packed, SparseAdam)"
DEFAULTS = {"embedding_dropout": 0.3, "dropout": 0.5}


def defaults(case: Case) -> RunConfig:
    """Compose a case with the dropouts that a run has by default."""
    run = settings(case)
    return replace(run, model=replace(run.model, **DEFAULTS))


def fused_lesson(case: Case, corpus: EncodedCorpus) -> Iterator[int]:
    """Train as the lesson does, with one word more: ``Adam(fused=True)``."""
    adam = torch.optim.Adam
    with patch.object(torch.optim, "Adam", lambda weights, lr: adam(weights, lr=lr, fused=True)):
        steps = lesson(case, corpus)
        first = next(steps)  # the optimiser is made before the first step
    yield first
    yield from steps


def turns(loops: list[Callable[[], float]], count: int = TURNS) -> list[tuple[float, ...]]:
    """Let loops take turns; give each one's speeds."""
    return list(zip(*([loop() for loop in loops] for _ in range(count)), strict=True))


def beside(case: Case, count: int) -> list[dict]:
    """Measure ours beside the three loops."""
    run = defaults(case)
    corpus = prepare(run.data)
    others = {
        WELL_WRITTEN: well_written(run, corpus),
        "the lesson's loop with Adam(fused=True)": fused_lesson(case, corpus),
        "the lesson's loop": lesson(case, corpus),
    }
    loops = [lambda: speed_of_ours(case, run)]
    loops += [lambda steps=steps: speed_of(steps) for steps in others.values()]
    ours, *theirs = turns(loops, count)
    name = case.name.replace("train", "train, the defaults", 1)
    return [
        row(name if other == WELL_WRITTEN else f"{name}: beside {other}", ours, speeds, other)
        for other, speeds in zip(others, theirs, strict=True)
    ]


def without(part: str, case: Case, run: RunConfig) -> Callable[[], float]:
    """Return a loop of ours with one part switched off."""
    if part == "buckets of one length":
        other = replace(run, data=replace(run.data, grouping="none"))
    elif part == "lazy rows":
        other = replace(run, optimizer=replace(run.optimizer, lazy_embedding="off"))
    elif part == "distinct words":
        return lambda: _with_no_distinct_words(case, run)
    elif part == "compiled loops":
        return lambda: _in_a_process("alone", case, run, NUMBA_DISABLE_JIT="1")
    elif part == "one thread a trial":
        return lambda: _in_a_process("alone", case, run, RNNSWEEP_THREADS="2")
    else:
        raise ValueError(part)
    return lambda: speed_of_ours(case, other)


PARTS = ("buckets of one length", "lazy rows", "distinct words", "compiled loops", "one thread a trial")


def _with_no_distinct_words(case: Case, run: RunConfig) -> float:
    with patch.object(Network, "reads_distinct", lambda *args, **named: False):
        return speed_of_ours(case, run)


def _in_a_process(what: str, case: Case, run: RunConfig, **variables: str) -> float:
    words = [sys.executable, "-m", "benchmarks.factor", what, json.dumps([case.cell, case.batch])]
    words.append(json.dumps({name: getattr(run.model, name) for name in DEFAULTS}))
    done = subprocess.run(words, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def alone(cell_and_batch: str, model: str) -> None:
    """Print the speed of ours in this process."""
    case = Case(*json.loads(cell_and_batch))
    threads = int(os.environ.get("RNNSWEEP_THREADS", "1"))  # speeds are of processor time, of all threads
    torch.set_num_threads(threads)
    run = settings(case)
    run = replace(run, trainer=replace(run.trainer, threads=threads))
    print(speed_of_ours(case, replace(run, model=replace(run.model, **json.loads(model)))))


def attribution(case: Case, count: int) -> list[dict]:
    """Switch each part off in turn; distinct words count where the embedding has no dropout."""
    rows = []
    for part in PARTS:
        run = settings(case) if part == "distinct words" else defaults(case)
        ours, less = turns([lambda run=run: speed_of_ours(case, run), without(part, case, run)], count)
        rows.append(row(f"what a part is worth, {case.name}: {part}", ours, less, "ours without it"))
    return rows


def run(cases: tuple[Case, ...] = CASES, count: int = TURNS) -> list[dict]:
    """Measure all cases on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows: list[dict[str, Any]] = [row for case in cases for row in beside(case, count)]
        return rows + attribution(cases[0], count)
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    if sys.argv[1:2] == ["alone"]:
        alone(*sys.argv[2:])
    else:
        throughput.SECONDS = float(os.environ.get("SECONDS", throughput.SECONDS))
        for each in run(CASES[:1], int(os.environ.get("TURNS", TURNS))):
            print(f"{each['case']}: {each['ours']:,.0f} against {each['other']:,.0f}, x{each['ratio']:.2f}")
