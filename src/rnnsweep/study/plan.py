"""A dry run of a sweep: how large its space is, and what its smallest and largest networks cost here.

Shapes: B texts of a batch, T tokens of the longest, C classes.
"""

import itertools
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from rnnsweep.classifier.module import read_texts
from rnnsweep.classifier.optimizer import Optimizer
from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.data import EncodedCorpus, batch_count, batches, prepare
from rnnsweep.networks import Network, build
from rnnsweep.study.samplers import check_sampler, grid_points
from rnnsweep.study.sizing import CorpusSizes, Point, Sized, Sizing, check_sizes
from rnnsweep.study.space import applies, check_space, decode
from rnnsweep.sweep import Choices, Dimension, FloatRange, Sweep
from rnnsweep.training.loader import judged_batches

WARM, MEASURED = 4, 16  # training steps: the first allocate memory, the others are timed


@dataclass(frozen=True)
class Cost:
    """What one point of the space costs on this machine."""

    parameters: int
    seconds_per_epoch: float  # training steps and the validations of an epoch, without Lightning's own cost


@dataclass(frozen=True)
class Planned:
    """One architecture of a plan."""

    architecture: str
    configurations: int | None  # None: endless, as a range of floats has no step
    smallest: Cost
    largest: Cost
    epochs: int  # of one training at most
    trainings: int | None  # trials and replicates; None where the budget is in seconds or epochs
    derived: tuple[Sized, ...] = ()  # widths that follow a budget of parameters, at both ends of the space
    infeasible: str | None = None  # what of the space is above a constraint and will not be trained


@dataclass(frozen=True)
class Plan:
    """What a sweep would do."""

    sweep: str
    question: str
    slots: int
    architectures: tuple[Planned, ...]
    memory: int  # bytes that this process held at most, with all libraries and the largest network

    @property
    def seconds(self) -> float | None:
        """The time of it all where nothing is pruned, between smallest and largest; None without trials."""
        if any(one.trainings is None for one in self.architectures):
            return None
        work = (
            (one.trainings or 0)
            * one.epochs
            * (one.smallest.seconds_per_epoch + one.largest.seconds_per_epoch)
            / 2
            for one in self.architectures
        )
        return sum(work) / self.slots


def plan_sweep(sweep: Sweep, *, slots: int, conf: Path | None = None) -> Plan:
    """Check a sweep and measure a few training steps of each architecture's smallest and largest point.

    Raises:
        UserError: the space or the sampler does not fit, or the corpus cannot be read.
    """
    bases = check_space(sweep, conf=conf)
    check_sampler(sweep)
    sizing = Sizing(sweep, conf, CorpusSizes())
    check_sizes(sizing, bases)
    planned = tuple(_planned(sizing, name, base) for name, base in bases.items())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Plan(sweep.name, sweep.question, slots, planned, memory)


def _planned(sizing: Sizing, name: str, base: RunConfig) -> Planned:
    sweep, fixed = sizing.sweep, flatten(base)
    dimensions = sweep.dimensions(name)
    points = [sizing.point(name, _corner(dimensions, fixed, end)) for end in (0, -1)]
    small, large = _costs(points, sizing.conf)
    return Planned(
        architecture=name,
        configurations=configurations(dimensions, fixed),
        smallest=small,
        largest=large,
        epochs=base.trainer.max_epochs,
        trainings=None if sweep.trials is None else sweep.trials + sweep.replicates,
        derived=tuple(dict.fromkeys(one for point in points for one in point.sized)),
        infeasible=points[-1].problem or points[0].problem,
    )


def _costs(points: Sequence[Point], conf: Path | None) -> list[Cost]:
    """Measure points; one and the same network, as where only rates are searched, once."""
    runs = [compose(point.overrides, conf=conf) for point in points]
    same = all(run.model == runs[0].model and run.data == runs[0].data for run in runs)
    return [_cost(runs[0])] * len(runs) if same else [_cost(run) for run in runs]


def _corner(dimensions: Sequence[Dimension], fixed: dict[str, Any], end: int) -> dict[str, Any]:
    """Give the point at the lower (0) or upper (-1) end of every dimension; numbers of choices by size."""
    point: dict[str, Any] = {}
    for dimension in dimensions:
        if applies(dimension, {**fixed, **point}):
            point[dimension.key] = _ends(dimension)[end]
    return point


def _ends(dimension: Dimension) -> list[Any]:
    if not isinstance(dimension, Choices):
        return [dimension.low, dimension.high]
    numbers = all(isinstance(choice, int | float) for choice in dimension.choices)
    return sorted(dimension.choices) if numbers else list(dimension.choices)


def configurations(dimensions: Sequence[Dimension], fixed: dict[str, Any]) -> int | None:
    """Count the points of a space, conditional ones where they apply; None where it is endless."""
    if any(isinstance(d, FloatRange) and d.step is None and d.low < d.high for d in dimensions):
        return None
    parents = {key for dimension in dimensions for key, _ in dimension.when}
    known = {d.key: _values(d) for d in dimensions}
    return _count(dimensions, fixed, known, parents)


def _values(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, FloatRange) and dimension.step is None:
        return [dimension.low]
    return [decode(dimension, value) for value in grid_points([dimension])[dimension.key]]


def _count(
    left: Sequence[Dimension], values: dict[str, Any], known: dict[str, list[Any]], parents: set[str]
) -> int:
    if not left:
        return 1
    first, rest = left[0], left[1:]
    if not applies(first, values):
        return _count(rest, values, known, parents)
    if first.key not in parents:
        return len(known[first.key]) * _count(rest, values, known, parents)
    return sum(_count(rest, {**values, first.key: value}, known, parents) for value in known[first.key])


def _cost(run: RunConfig) -> Cost:
    corpus = prepare(run.data)
    torch.set_num_threads(run.trainer.threads or 1)
    network = build(run.model, vocabulary=len(corpus.vocabulary), classes=len(corpus.labels))
    steps = batch_count(corpus.train, batch_size=run.data.batch_size)
    looks = 1 / run.trainer.validate_every
    parameters = sum(weights.numel() for weights in network.parameters())
    seconds = steps * _step_seconds(network, run, corpus) + looks * _look_seconds(network, run, corpus)
    return Cost(parameters, seconds)


def _step_seconds(network: Network, run: RunConfig, corpus: EncodedCorpus) -> float:
    """Give the seconds of a training step, done as a training does it, lazy rows included."""
    others = [weight for weight in network.parameters() if weight is not network.embedding.weight]
    optimizer = Optimizer(run.optimizer, network.embedding, others)
    taken = batches(corpus.train, batch_size=run.data.batch_size, seed=run.seed, epoch=0)
    seconds = []
    for tokens_BT, lengths_B, targets_B in itertools.islice(taken, WARM + MEASURED):
        began = time.perf_counter()
        optimizer.look(tokens_BT.t())
        logits_BC = read_texts(network, optimizer, lengths_B)
        functional.cross_entropy(logits_BC, targets_B).backward()  # type: ignore[no-untyped-call]
        optimizer.clip()
        optimizer.step(lr=run.optimizer.lr)
        seconds.append(time.perf_counter() - began)
    optimizer.catch_up()
    return _mean(seconds[WARM if len(seconds) > WARM else 0 :])


@torch.no_grad()
def _look_seconds(network: Network, run: RunConfig, corpus: EncodedCorpus) -> float:
    """Give the seconds of a validation, from every fourth of its batches and the tokens of all of them."""
    network.eval()
    seconds, read, tokens = 0.0, 0, 0
    for number, (_, texts) in enumerate(judged_batches(corpus.validation, run.data)):
        tokens += texts.tokens_BT.numel()
        if number % 4 == 0:
            began = time.perf_counter()
            network(texts.tokens_BT, texts.lengths_B)
            seconds, read = seconds + time.perf_counter() - began, read + texts.tokens_BT.numel()
    return seconds * tokens / read


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
