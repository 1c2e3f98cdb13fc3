"""Training throughput of the other small cells: as `throughput` measures it."""

from benchmarks import throughput
from benchmarks.throughput import Case

CASES = tuple(Case(cell, batch) for cell in ("gru", "rnn") for batch in (16, 64, 256))


def run(cases: tuple[Case, ...] = CASES, turns: int = 4) -> list[dict]:
    """Measure all cases on one thread."""
    return throughput.run(cases, turns)
