"""A dry run of a sweep: how large its space is, and what its smallest and largest networks cost here."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.errors import UserError
from rnnsweep.hardware import Load, usable_cores
from rnnsweep.planning.cost import Cost, measure, nothing
from rnnsweep.search.corpora import say_other_rows
from rnnsweep.search.methods import check_sampler, grid_points
from rnnsweep.search.sizing import CorpusSizes, Point, Sized, Sizing, check_sizes
from rnnsweep.search.space import applies, check_space, decode, leave_out_idle, say_alike, say_idle
from rnnsweep.sweepfile import Choices, Dimension, FloatRange, Sweep
from rnnsweep.tasks import Score, score_named

OWN = 1.9  # what a sweep's start and end cost, in times of what its first process takes to be ready
TOLERATED = 1.1  # times: so much slower is as on a quiet machine
Do = Callable[..., Any]


@dataclass(frozen=True)
class Planned:
    """One architecture of a plan."""

    architecture: str
    configurations: int | None  # None: infinitely many, as a range of floats has no step
    smallest: Cost
    largest: Cost
    epochs: int  # of one training at most
    trainings: int | None  # trials and replicates; None where the budget is in seconds or epochs
    replicates: int = 0  # of the trainings
    trainings_most: int | None = None  # with the replicates that the last planned look may have
    derived: tuple[Sized, ...] = ()  # widths that follow a budget of parameters, at both ends of the space
    infeasible: str | None = None  # what of the space is above a constraint and will not be trained

    @property
    def seconds(self) -> float | None:
        """The time of all trainings in one slot where nothing is pruned; None without a number of them."""
        return self._seconds(self.trainings, self.replicates)

    @property
    def seconds_most(self) -> float | None:
        """As `seconds`, with the replicates that the last planned look may have."""
        further = (self.trainings_most or 0) - (self.trainings or 0)
        return self._seconds(self.trainings_most, self.replicates + further)

    def _seconds(self, trainings: int | None, replicates: int) -> float | None:
        if trainings is None:
            return None
        ends = (self.smallest, self.largest)
        epoch = between(*(one.seconds_per_epoch for one in ends))
        once = between(*(one.seconds_to_start for one in ends))
        test = between(*(one.seconds_to_test for one in ends))
        return trainings * (once + self.epochs * epoch) + replicates * test


@dataclass(frozen=True)
class Shorter:
    """A setting that shortens a sweep, its value, and the seconds that the sweep takes with it."""

    key: str  # trials, of the sweep file; else a setting of a run
    value: int
    seconds: float
    seconds_most: float


@dataclass(frozen=True)
class Plan:
    """What a sweep would do."""

    sweep: str
    question: str
    slots: int
    architectures: tuple[Planned, ...]
    memory: int  # bytes that a process held at most, with all libraries and the largest network
    own_seconds: float = 0.0  # of the sweep's start and end
    score: Score = field(default_factory=score_named)  # by which the search chooses
    looks: tuple[int, ...] = ()  # planned numbers of replicates
    comparisons: int = 1  # of the larger family: all pairs, or all against the baseline
    baseline: bool = True  # whether one is fitted, and each network compared with it
    folds: int | None = None  # that the replicates test on in turn; None: one test part
    test_share: float | None = None  # of the rows, drawn for the test part; None: its rows are given
    validation_share: float | None = None  # of the rows left of the test part; None: its rows are given
    left_out: tuple[str, ...] = ()  # searched settings that change nothing in an architecture, in words
    next: str | None = None  # the command that comes next, as `status` names it once the sweep has begun
    deciding: str | None = None  # before the start: the command that trains as many replicates as decide
    cores: int = 1  # that this process may use
    load: Load = field(default_factory=Load)  # what others used of these cores just before the measurement
    elsewhere: str | None = None  # the machine that the slots are of, where it is not this one
    refused: str | None = None  # why `sweep` would refuse the file, which changed since it started a sweep
    shorter: tuple[Shorter, ...] = ()  # what shortens a long sweep most, before it has started

    @property
    def slowdown(self) -> float:
        """How many times as long the sweep takes beside what uses the cores now; 1: hardly longer."""
        slowdown = 1.0 if self.elsewhere else self.load.slowdown(self.slots, self.cores)
        return slowdown if slowdown > TOLERATED else 1.0

    @property
    def seconds(self) -> float | None:
        """The time of it all on a quiet machine, where nothing is pruned; None without trials.

        The linear baseline is left out.
        """
        return self._total([one.seconds for one in self.architectures])

    @property
    def seconds_most(self) -> float | None:
        """As `seconds`, where every architecture gets the replicates of the last planned look."""
        return self._total([one.seconds_most for one in self.architectures])

    def _total(self, known: Sequence[float | None]) -> float | None:
        if None in known:
            return None
        return self.own_seconds + sum(one or 0.0 for one in known) / self.slots


def between(small: float, large: float) -> float:
    """Return the mean cost of a space from those of its ends: their logarithmic mean.

    It is exact for a cost that is a power of what is searched on a log axis, and close to the middle
    where the ends are near to each other.
    """
    if min(small, large) <= 0 or math.isclose(small, large, rel_tol=1e-6):
        return (small + large) / 2
    return (large - small) / math.log(large / small)


def plan_sweep(
    sweep: Sweep,
    slots: int,
    elsewhere: str | None = None,
    *,
    do: Do,
    begin: Callable[[Collection[str]], Load] = lambda cells: Load(),
    conf: Path | None = None,
    tell: Callable[[str], object] = lambda words: None,
) -> Plan:
    """Check a sweep and train each architecture's smallest and largest point for a second.

    Args:
        sweep: as it was read.
        slots: trainings at a time.
        elsewhere: the machine that the slots are of, where it is not this one.
        do: calls a function with arguments in a process of its own, as a trial gets one.
        begin: called with the cells of the networks before one is measured; returns what others use now.
        conf: the configuration to compose from; None takes the package's.
        tell: called with what is being measured; a plan of many architectures takes a minute.

    Returns:
        What the sweep will cost.

    Raises:
        UserError: the space or the sampler does not fit, or the corpus cannot be read.
    """
    bases = check_space(sweep, conf=conf)
    sweep = leave_out_idle(sweep, bases)
    check_sampler(sweep)
    sizing = Sizing(sweep, conf, CorpusSizes())
    check_sizes(sizing, bases)
    if other_rows := say_other_rows(sweep, bases, conf=conf):
        raise UserError(other_rows)
    cores, load = usable_cores(), begin({base.model.cell for base in bases.values()})
    tell("starting a process")
    began = time.perf_counter()
    do(nothing)
    ready = time.perf_counter() - began
    planned = []
    for name, base in bases.items():
        tell(f"measuring {name}")
        planned.append(_planned(sizing, name, base, do))
    base = next(iter(bases.values()))
    data = base.data
    memory = max(max(one.smallest.memory, one.largest.memory) for one in planned)
    return Plan(
        sweep=sweep.name,
        question=sweep.question,
        slots=slots,
        architectures=tuple(planned),
        memory=memory,
        own_seconds=OWN * ready / load.slowdown(1, cores),
        score=base.score,
        looks=sweep.planned,
        comparisons=sweep.comparisons,
        baseline=sweep.baseline,
        folds=data.folds,
        test_share=None if data.gives_test_rows else data.test_share,
        validation_share=data.validation_share if data.validation is None else None,
        left_out=(*say_idle(sweep), *say_alike(sweep, bases)),
        cores=cores,
        load=load,
        elsewhere=elsewhere,
    )


def _planned(sizing: Sizing, name: str, base: RunConfig, do: Do) -> Planned:
    sweep, fixed = sizing.sweep, flatten(base)
    dimensions = sweep.dimensions(name)
    points = [sizing.point(name, corner(dimensions, fixed, end)) for end in (0, -1)]
    small, large = _costs(points, sizing.conf, do)
    return Planned(
        architecture=name,
        configurations=configurations(dimensions, fixed),
        smallest=small,
        largest=large,
        epochs=base.trainer.max_epochs,
        trainings=None if sweep.trials is None else sweep.trials + sweep.replicates,
        replicates=sweep.replicates,
        trainings_most=None if sweep.trials is None else sweep.trials + sweep.planned[-1],
        derived=tuple(dict.fromkeys(one for point in points for one in point.sized)),
        infeasible=points[-1].problem or points[0].problem,
    )


def _costs(points: Sequence[Point], conf: Path | None, do: Do) -> list[Cost]:
    """Measure points; one and the same network, as where only rates are searched, once."""
    runs = [compose(point.overrides, conf=conf) for point in points]
    same = all(run.model == runs[0].model and run.data == runs[0].data for run in runs)
    own = [points[0]] if same else points
    costs: list[Cost] = [do(measure, point.overrides, conf) for point in own]
    return costs * len(points) if same else costs


def corner(dimensions: Sequence[Dimension], fixed: dict[str, Any], end: int) -> dict[str, Any]:
    """Return the point at the lower (0) or upper (-1) end of every dimension; numbers of choices by size."""
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
    """Count the points of a space, conditional ones where they apply; None where they are infinitely many."""
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
