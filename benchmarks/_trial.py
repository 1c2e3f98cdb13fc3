"""One process of `machine`: warm up, say so, wait for the word, train for some seconds, say the speed."""

import sys
import time
from collections.abc import Iterator

import torch

from benchmarks.throughput import Case, bare, lesson, settings
from rnnsweep.data import prepare

WARM = 320  # texts


def loop_of(who: str, case: Case) -> Iterator[int]:
    """Return the loop: each turn is a step and gives its texts."""
    run = settings(case)
    corpus = prepare(run.data)
    if who == "lesson":
        return lesson(case, corpus)
    torch.set_num_threads(1)
    return bare(case, run, corpus)


def main(who: str, seconds: str, batch: str, cell: str, embedding: str, hidden: str, two: str) -> None:
    """Print `warm`, then the texts a second by the clock."""
    case = Case(cell, int(batch), int(embedding), int(hidden), bidirectional=two == "1")
    steps = loop_of(who, case)
    warm = 0
    while warm < WARM:
        warm += next(steps)
    print("warm", flush=True)
    sys.stdin.readline()
    began, texts = time.perf_counter(), 0
    while time.perf_counter() - began < float(seconds):
        texts += next(steps)
    print(texts / (time.perf_counter() - began))


if __name__ == "__main__":
    main(*sys.argv[1:])
