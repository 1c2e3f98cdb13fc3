"""The size of a network before it is trained: derived widths, and the count that a constraint looks at."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.errors import UserError
from rnnsweep.networks import parameter_count
from rnnsweep.networks.size import embedding_count
from rnnsweep.search.space import applies, corners, write_overrides
from rnnsweep.sweepfile import Derived, Dimension, Sweep
from rnnsweep.sweepfile.search_space.limits import say_violations, violations

WIDEST = 2**16
MOST_CORNERS = 256  # of a space that are looked at before anything runs

Sizes = Callable[[RunConfig], tuple[int, int]]  # vocabulary and classes of a run's corpus


@dataclass(frozen=True)
class Sized:
    """A width that was derived from a number of parameters, and how near it comes."""

    key: str
    value: int
    budget: int
    count: str  # what counts: all | without_embedding
    counted: int

    @property
    def deviation(self) -> float:
        """The share of the budget by which the network is larger (above 0) or smaller."""
        return self.counted / self.budget - 1

    def note(self) -> dict[str, Any]:
        """Return it as plain values, deviation included."""
        return {**asdict(self), "deviation": self.deviation}


@dataclass(frozen=True)
class Point:
    """One point of a space, written as overrides, with what is known of it before it is trained."""

    overrides: list[str]
    sized: tuple[Sized, ...] = ()
    problem: str | None = None  # why it is not to be trained
    above: Mapping[str, float] = field(default_factory=dict)  # what rules it out, by how much


class CorpusSizes:
    """Gives vocabulary and classes of a run's corpus; each corpus is prepared once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def __call__(self, run: RunConfig) -> tuple[int, int]:
        """Prepare the corpus, where it is not yet, and give its sizes."""
        from rnnsweep.data import prepare  # NumPy and the corpora are imported where used

        key = repr(run.data)
        if key not in self._known:
            corpus = prepare(run.data)
            self._known[key] = len(corpus.vocabulary), run.spec.outputs(len(corpus.labels))
        return self._known[key]


@dataclass(frozen=True)
class Sizing:
    """Turns the values that a search drew into overrides, widths derived and limits looked at."""

    sweep: Sweep
    conf: Path | None
    sizes: Sizes
    threads: int = 1

    def point(self, architecture: str, values: Mapping[str, Any]) -> Point:
        """Write a point as overrides; nothing is composed where nothing depends on the size."""
        drawn = dict(values)
        if not (self.sweep.derivations(architecture) or "parameters" in self.sweep.constraints):
            return Point(self._write(architecture, drawn))
        run = self._run(architecture, drawn)
        settings = {**flatten(run), **drawn}
        holding = [one for one in self.sweep.derivations(architecture) if applies(one, settings)]
        if not holding:
            return self._limited(architecture, drawn, ())
        derived = holding[0]
        sized = self._derive(derived, run, derived.wanted(drawn))
        drawn[derived.key] = sized.value
        if len(holding) > 1:
            problem = f"{derived.key} and {holding[1].key} cannot both be derived"
            return Point(self._write(architecture, drawn), (sized,), problem, {derived.key: 1.0})
        if abs(sized.deviation) > derived.tolerance:
            above = {derived.key: abs(sized.deviation) / derived.tolerance - 1}
            return Point(self._write(architecture, drawn), (sized,), _miss(sized, derived), above)
        return self._limited(architecture, drawn, (sized,))

    def _limited(self, architecture: str, values: Mapping[str, Any], sized: tuple[Sized, ...]) -> Point:
        overrides = self._write(architecture, values)
        limits = {k: v for k, v in self.sweep.constraints.items() if k == "parameters"}
        if not limits:
            return Point(overrides, sized)
        scores = {"parameters": self.parameters(architecture, values)}
        above = {name: share for name, share in violations(limits, scores).items() if share > 0}
        return Point(overrides, sized, say_violations(limits, scores), above)

    def parameters(self, architecture: str, values: Mapping[str, Any]) -> int:
        """Count all weights of a point whose widths are given."""
        run = self._run(architecture, values)
        vocabulary, classes = self.sizes(run)
        return parameter_count(run.model, vocabulary=vocabulary, classes=classes)

    def _derive(self, derived: Derived, run: RunConfig, budget: int) -> Sized:
        vocabulary, classes = self.sizes(run)
        name = derived.key.removeprefix("model.")

        def count(width: int) -> int:
            model = replace(run.model, **{name: width})  # type: ignore[arg-type] # one of DERIVABLE
            total = parameter_count(model, vocabulary=vocabulary, classes=classes)
            return total if derived.count == "all" else total - embedding_count(model, vocabulary=vocabulary)

        width = nearest_width(count, budget)
        return Sized(derived.key, width, budget, derived.count, count(width))

    def _run(self, architecture: str, values: Mapping[str, Any]) -> RunConfig:
        return compose(self._write(architecture, values), conf=self.conf, where=str(self.sweep.path))

    def _write(self, architecture: str, values: Mapping[str, Any]) -> list[str]:
        return write_overrides(self.sweep, architecture, values, threads=self.threads)


def nearest_width(count: Callable[[int], int], budget: int) -> int:
    """Return the width up to WIDEST whose count comes nearest to a budget.

    Args:
        count: parameters by width; they never become fewer as the width grows.
        budget: the parameters wanted.
    """
    low, high = 1, WIDEST
    if count(low) >= budget:
        return low
    if count(high) <= budget:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    return high if abs(count(high) - budget) < budget - count(low) else low


def _miss(sized: Sized, derived: Derived) -> str:
    what = "parameters" if sized.count == "all" else "parameters without the embedding"
    if sized.value == WIDEST:
        return f"{sized.key} cannot reach {sized.budget:,} {what}: {WIDEST:,} has {sized.counted:,}"
    return (
        f"no {sized.key} comes within {derived.tolerance:.2%} of {sized.budget:,} {what}:"
        f" the nearest, {sized.value}, has {sized.counted:,} ({sized.deviation:+.1%})"
    )


def check_sizes(sizing: Sizing, bases: Mapping[str, RunConfig]) -> None:
    """Refuse budgets of parameters that no width meets, and limits that no network of a space keeps.

    Looks at the corners of each space: widths and counts lie between those.

    Raises:
        UserError: naming the architecture, the point and what would be right.
    """
    sweep = sizing.sweep
    for name, base in bases.items():
        if not (sweep.derivations(name) or "parameters" in sweep.constraints):
            continue
        points = [(v, sizing.point(name, v)) for v in _corner_points(sweep.dimensions(name), flatten(base))]
        for values, point in points:
            if point.problem and not set(point.above) & set(sweep.constraints):
                place = f" at {', '.join(f'{k}={v}' for k, v in values.items())}" if values else ""
                raise UserError(f"{sweep.path}: space: {name}{place}: {point.problem}")
        if all(point.problem for _, point in points):
            least = min(points, key=lambda one: max(one[1].above.values()))[1].problem
            raise UserError(f"{sweep.path}: constraints: no network of {name} keeps them: at least {least}")


def _corner_points(dimensions: tuple[Dimension, ...], fixed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the corners of the part of a space that a network's size depends on."""
    sized = [d for d in dimensions if d.key.startswith(("model.", "data.")) or "." not in d.key]
    for ends in itertools.islice(itertools.product(*map(corners, sized)), MOST_CORNERS):
        point: dict[str, Any] = {}
        for dimension, value in zip(sized, ends, strict=True):
            if applies(dimension, {**fixed, **point}):
                point[dimension.key] = value
        yield point
