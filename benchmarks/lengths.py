"""The backends to run recurrent layers over ragged texts: the measure behind the rule.

`rnnsweep.networks.backends.choose` takes compiled time loops on the CPU; here is what packing, gathering and
padding would cost instead.
(Padding computes another function where there are two directions: it is the floor, not a choice.)
"""

import statistics
import time

import torch
from torch import nn

from rnnsweep.networks.backends import run as run_layers

STEPS, WIDTH, TURNS = 40, 64, 15


def milliseconds(layers: nn.RNNBase, inputs: torch.Tensor, lengths: torch.Tensor, backend: str) -> float:
    """One pass forward and backward."""
    start = time.process_time()
    run_layers(layers, inputs, lengths, backend=backend).mean(0).sum().backward()
    return 1000 * (time.process_time() - start)


def measure(cell: str, *, hidden: int, bidirectional: bool, batch: int) -> dict:
    """Let the backends take turns on one batch of texts of 30 to 40 tokens."""
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
    layers = kind(WIDTH, hidden, bidirectional=bidirectional)
    inputs = torch.randn(STEPS, batch, WIDTH, requires_grad=True)
    lengths = torch.randint(30, STEPS + 1, (batch,))
    turns = [
        [
            milliseconds(layers, inputs, lengths, backend)
            for backend in ("compiled", "packed", "gathered", "equal")
        ]
        for _ in range(TURNS + 1)
    ][1:]
    compiled, packed, gathered, padded = zip(*turns, strict=True)
    ratios = [b / a for a, b in zip(compiled, packed, strict=True)]
    two = "bidirectional " if bidirectional else ""
    return {
        "case": f"ragged batch, {two}{cell} {WIDTH}/{hidden}, batch {batch}",
        "ours": statistics.median(compiled),
        "other": statistics.median(packed),
        "other_name": "packed sequences",
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "unit": "ms",
        "note": f"gathering the rows of each step takes {statistics.median(gathered):.3g} ms, "
        f"computing the padding too {statistics.median(padded):.3g} ms",
    }


def run() -> list[dict]:
    """Measure every cell, one and two directions, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    shapes = ((32, False, 16), (32, False, 64), (128, True, 16), (128, True, 64))
    try:
        return [
            measure(cell, hidden=hidden, bidirectional=two, batch=batch)
            for cell in ("lstm", "gru", "rnn")
            for hidden, two, batch in shapes
        ]
    finally:
        torch.set_num_threads(threads)
