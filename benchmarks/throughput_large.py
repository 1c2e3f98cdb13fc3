"""Training throughput of large networks (two directions of 128), as `throughput` measures it."""

from benchmarks import throughput
from benchmarks.throughput import Case

CASES = tuple(
    Case(cell, batch, 128, 128, bidirectional=True)
    for batch in (16, 64, 256)
    for cell in ("lstm", "gru", "rnn")
)


def run(cases: tuple[Case, ...] = CASES, turns: int = 2) -> list[dict]:
    """Measure all cases on one thread."""
    return throughput.run(cases, turns)
