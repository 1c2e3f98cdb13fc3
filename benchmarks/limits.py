"""How near to the hardware, how it grows, and what a trial holds in memory.

The physical floor of a training step is the time of its matrix products alone: those of the recurrent cell,
forward and backward, each in the quickest of the ways that this machine offers, one thread; those of the
inputs for each distinct word of a batch, and, beside it, for every token, as packed sequences do. Growth is
that of one step (vocabulary, lengths) or of one epoch's batches (rows) with its fitted exponent: 0 does not
grow, 1 grows in proportion.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks._batches import batches
from benchmarks.throughput import Case, settings
from rnnsweep.data.encoded import EncodedPart
from rnnsweep.networks import ModelConfig, build
from rnnsweep.networks.fast.rows import add_products
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.runtime.compiled import AVAILABLE, compiled
from rnnsweep.training.reading import embedded, read_embedded

TURNS = 40
# as AG's News: .50, .44 and .36 of the tokens of 16, 64 and 256 texts are distinct (.53, .40, .28)
FREQUENT = 12
SMALL = ModelConfig(
    cell="lstm", embedding_size=64, hidden_size=32, pooling="last", dropout=0, embedding_dropout=0
)
LARGE = ModelConfig(
    cell="lstm",
    embedding_size=128,
    hidden_size=128,
    bidirectional=True,
    pooling="last",
    dropout=0,
    embedding_dropout=0,
)


def best(work: Callable[[], object], turns: int = TURNS) -> list[float]:
    """Seconds of processor time of each turn, after two to warm up."""
    found = []
    for _ in range(turns + 2):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return found[2:]


def made_up(rows: int, *, length: int, vocabulary: int, spread: float = 0.25) -> EncodedPart:
    """Rows of words as frequent as in AG's News, of lengths about `length`, or, `spread` 0, of it exactly."""
    draw = np.random.default_rng(0)
    lengths_N = np.clip(draw.normal(length, spread * length, rows), 2, None).astype(np.int64)
    ids = (1 + (vocabulary - 1) * draw.random(int(lengths_N.sum())) ** FREQUENT).astype(np.int32)
    offsets_N1 = np.concatenate([[0], np.cumsum(lengths_N)])
    return EncodedPart(ids, offsets_N1, draw.integers(0, 4, rows))


def training_step(
    config: ModelConfig, *, batch: int, length: int = 43, vocabulary: int = 95_000, spread: float = 0.25
):
    """Return a function that does one step of our arithmetic on the next batch."""
    part = made_up(6_000, length=length, vocabulary=vocabulary, spread=spread)
    network = build(config, vocabulary=vocabulary, classes=4)
    others = [weight for weight in network.parameters() if weight is not network.embedding.weight]
    optimizer = Optimizer(OptimizerConfig(), network.embedding, others)
    source = (b for epoch in range(1000) for b in batches(part, batch_size=batch, seed=0, epoch=epoch))

    def step() -> None:
        texts = next(source)
        optimizer.look(texts.tokens_BT.t())
        logits_BC = read_embedded(network, embedded(network, optimizer), texts.lengths_B)
        F.cross_entropy(logits_BC, texts.targets_B).backward()
        optimizer.clip()
        optimizer.step(lr=1e-3)

    return step


Ways = list[Callable[[], object]]


@compiled
def _own_products(rows_NG: Any, states_NH: Any, weights_HG: Any) -> None:
    for n in range(0, len(rows_NG), 4):
        rows = rows_NG[n], rows_NG[n + 1], rows_NG[n + 2], rows_NG[n + 3]
        add_products(rows, (states_NH[n], states_NH[n + 1], states_NH[n + 2], states_NH[n + 3]), weights_HG)


def apart(a: torch.Tensor) -> torch.Tensor:
    """Lay a matrix out with a cache line between its rows, or, where it is turned, its columns."""
    if not a.is_contiguous():
        return apart(a.t()).t()
    wide = torch.empty(len(a), a.shape[1] + 16)
    wide[:, : a.shape[1]] = a
    return wide[:, : a.shape[1]]


def product(a: torch.Tensor, b: torch.Tensor, *, steps: int = 1) -> Ways:
    """List the ways to multiply: weights as they lie or turned, rows close together or apart, in one call or
    in one for each step (which the cell needs), or in the compiled loop."""
    made, turned = torch.empty(a.shape[0], b.shape[1]), b.t().contiguous().t()
    ways: Ways = [partial(torch.mm, d, c, out=made) for c in (b, turned) for d in (a, apart(a))]
    if steps == 1:
        return ways
    parts = list(zip(a.chunk(steps), made.chunk(steps), strict=True))
    ways += [lambda c=c: [torch.mm(one, c, out=out) for one, out in parts] for c in (b, turned)]
    if AVAILABLE and a.shape[0] % 4 == 0:
        ways.append(partial(_own_products, made.numpy(), a.numpy(), b.contiguous().numpy()))
    return ways


def products(config: ModelConfig, *, batch: int, length: int = 43, distinct: int) -> list[Ways]:
    """List the matrix products of one step of one direction of the cell, each with the ways to do it.

    The inputs' products are of the batch's distinct words alone: no step needs more.
    """
    width, units, gates = config.embedding_size, config.hidden_size, 4 * config.hidden_size
    tokens = batch * length
    inputs, of_inputs = torch.randn(distinct, width), torch.randn(distinct, gates)
    states, sums = torch.randn(tokens, units), torch.randn(tokens, gates)
    to, across = torch.randn(gates, width), torch.randn(gates, units)
    return [
        product(inputs, to.t()),
        product(states, across.t(), steps=length),
        product(sums, across, steps=length),
        product(of_inputs, to),
        product(of_inputs.t(), inputs),
        product(sums.t(), states),
    ]


def floor_seconds(every: list[Ways]) -> float:
    """Add up what each product takes in its quickest way, warm."""
    return sum(min(min(best(way, 5)) for way in ways) for ways in every)


def distinct_words(*, batch: int, length: int = 43) -> int:
    """Return how many different words a batch of the made-up rows has, in the mean of twenty."""
    part = made_up(6_000, length=length, vocabulary=95_000, spread=0)
    taken = islice(batches(part, batch_size=batch, seed=0, epoch=0), 20)
    return int(np.mean([len(texts.tokens_BT.unique()) for texts in taken]))


def share(name: str, config: ModelConfig, *, batch: int, turns: int = 8) -> list[dict]:
    """Set a step beside the products that it cannot do without, and beside those of every token, which packed
    sequences do; every batch has as many tokens."""
    length = 43
    step = training_step(config, batch=batch, length=length, spread=0)
    of_distinct = products(config, batch=batch, length=length, distinct=distinct_words(batch=batch))
    of_all = products(config, batch=batch, length=length, distinct=batch * length)
    floors: list[list[float]] = []
    ours: list[float] = []
    for _ in range(turns):
        ours.append(min(best(step, 5)))
        floors.append([(1 + config.bidirectional) * floor_seconds(every) for every in (of_distinct, of_all)])
    cases = (
        ("share of the physical floor", "the matrix products of the cell alone, distinct words once"),
        ("share of the products of every token", "the matrix products of the cell alone, for every token"),
    )
    rows = []
    for (case, other_name), other in zip(cases, zip(*floors, strict=True), strict=True):
        ratios = [b / a for a, b in zip(ours, other, strict=True)]
        rows.append(
            {
                "case": f"{case}, {name}, batch {batch}",
                "ours": 1000 * min(ours),
                "other": 1000 * min(other),
                "other_name": f"{other_name}, each in the quickest of seven ways",
                "ratio": min(other) / min(ours),
                "range": [min(ratios), max(ratios)],
                "unit": "ms a step",
            }
        )
    return rows


def growth(what: str, unit: str, sizes: tuple[int, ...], make: Callable[[int], Callable[[], object]]) -> dict:
    """Time work at several sizes in turn; the ratio is that of the two largest."""
    work = [make(size) for size in sizes]
    turns = [[min(best(one, 3)) for one in work] for _ in range(5)]
    times = [min(column) for column in zip(*turns, strict=True)]
    exponent = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    ratios = [turn[-1] / turn[-2] for turn in turns]
    shown = ", ".join(f"{size:,}: {1000 * t:.3g} ms" for size, t in zip(sizes, times, strict=True))
    return {
        "case": f"growth with {what}, {sizes[-2]:,} to {sizes[-1]:,}",
        "ours": 1000 * times[-1],
        "other": 1000 * times[-2],
        "other_name": f"the same at {sizes[-2]:,}",
        "ratio": times[-1] / times[-2],
        "range": [min(ratios), max(ratios)],
        "unit": unit,
        "note": f"{shown}; the time grows with the power {exponent:.2f} of the size",
    }


def an_epoch_of(rows: int) -> Callable[[], int]:
    """Return a function that makes all batches of an epoch."""
    part = made_up(rows, length=43, vocabulary=95_000)
    return lambda: sum(len(b.targets_B) for b in batches(part, batch_size=64, seed=0, epoch=0))


_MEMORY = """
import torch, pytorch_lightning, rnnsweep.training.fit, rnnsweep.networks.network
from benchmarks.throughput import Case, settings
from rnnsweep.config import compose
from rnnsweep.training import train
from rnnsweep.training.initial import start
def most():  # of this process alone: getrusage starts from what its parent held
    lines = open("/proc/self/status").read().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmHWM"))
before = most()
train(compose([*settings(Case("lstm", 16)).overrides, "trainer.max_epochs=2", "trainer.validate_every=0.5"]))
print(before, most())
"""


def memory() -> dict:
    """Return what a training's process held at most, and what its imports alone hold."""
    from rnnsweep.data import prepare

    prepare(settings(Case("lstm", 16)).data)  # the cache is made once, not by a trial
    found = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
    before, most = (int(kilobytes) / 1024 for kilobytes in found.stdout.split()[-2:])
    return {
        "case": "memory of a training at most, lstm 64/32, batch 16",
        "ours": most,
        "other": before,
        "other_name": "the imports alone",
        "ratio": most / before,
        "unit": "MB",
        "note": f"{most - before:.0f} MB more than the imports; two epochs of all rows,"
        " validated four times; all processes of the machine share one copy of the rows",
    }


def run() -> list[dict]:
    """Measure everything on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    step, epoch = "ms a step", "ms an epoch's batches"
    try:
        return [
            *share("lstm 64/32", SMALL, batch=16),
            *share("lstm 64/32", SMALL, batch=64),
            *share("bidirectional lstm 128/128", LARGE, batch=16),
            *share("bidirectional lstm 128/128", LARGE, batch=64),
            growth(
                "the vocabulary",
                step,
                (20_000, 95_000, 400_000),
                lambda size: training_step(SMALL, batch=16, vocabulary=size),
            ),
            growth(
                "the length of texts",
                step,
                (50, 200, 800),
                lambda size: training_step(SMALL, batch=16, length=size),
            ),
            growth("rows", epoch, (16_395, 65_580, 262_320), an_epoch_of),
            memory(),
        ]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for each in run():
        print(
            f"{each['case']}: {each['ours']:.3g} {each['unit']} against {each['other']:.3g}",
            each.get("note", ""),
        )
