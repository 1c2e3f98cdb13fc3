"""Makes a sweep's sampler, seeded for its next trial, and its pruner; refuses a sampler that does not fit."""

import hashlib
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from rnnsweep.errors import UserError
from rnnsweep.methods import Requirements, pruners, samplers
from rnnsweep.search.space import distribution
from rnnsweep.sweepfile import Choices, Dimension, FloatRange, Method, Sweep


def derived_seed(*parts: object) -> int:
    """Derive a seed from what must decide it; the same on every machine and in every year."""
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def make_sampler(sweep: Sweep, architecture: str, trials: int) -> BaseSampler:
    """Make the sampler that proposes the trial after `trials` others.

    A sampler made anew with the same seed would repeat its first proposals in a continued study; this one's
    seed counts the trials, so that a study continues where it was.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return samplers()[sweep.sampler.name].make(_asked(sweep, architecture, trials))


def _asked(sweep: Sweep, architecture: str, trials: int = 0) -> Requirements:
    dimensions = sweep.dimensions(architecture)
    return Requirements(
        options=sweep.sampler.options,
        seed=derived_seed(sweep.seed, architecture, trials),
        study_seed=derived_seed(sweep.seed, architecture),
        trials=sweep.trials,
        objectives=len(sweep.objectives),
        ranges=tuple(one.key for one in dimensions if not isinstance(one, Choices)),
        stepless=tuple(one.key for one in dimensions if isinstance(one, FloatRange) and one.step is None),
        conditional=tuple(one.key for one in dimensions if one.when),
        linked=is_conditional(dimensions),
        grid=partial(grid_points, dimensions),
    )


def is_conditional(dimensions: Sequence[Dimension]) -> bool:
    """Return whether a dimension depends on another one's value."""
    searched = {dimension.key for dimension in dimensions}
    return any(key in searched for dimension in dimensions for key, _ in dimension.when)


def check_sampler(sweep: Sweep) -> None:
    """Refuse a sampler that does not fit the space or the budget of an architecture.

    Raises:
        UserError: naming the sampler, the reason and a sampler or a change that fits.
    """
    for architecture in sweep.architectures:
        reason = samplers()[sweep.sampler.name].misfit(_asked(sweep, architecture))
        if reason:
            raise UserError(
                f"{sweep.path}: sampler: {sweep.sampler.name!r} does not fit {architecture}: {reason}"
            )


def grid_points(dimensions: Sequence[Dimension]) -> dict[str, list[Any]]:
    """Return the values of each key, as Optuna keeps them; floats must have a step."""
    points: dict[str, list[Any]] = {}
    for dimension in dimensions:
        match distribution(dimension):
            case CategoricalDistribution(choices=choices):
                points[dimension.key] = list(choices)
            case IntDistribution(low=low, high=high, step=step):
                points[dimension.key] = list(range(low, high + 1, step))
            case FloatDistribution(low=low, high=high, step=step):
                assert step is not None
                points[dimension.key] = [low + k * step for k in range(round((high - low) / step) + 1)]
    return points


def make_pruner(method: Method, *, validate_every: float, max_epochs: int) -> BasePruner:
    """Make a pruner for runs of `max_epochs` epochs, validated every `validate_every` epochs."""

    def rungs(epochs: float) -> int:
        return max(1, round(epochs / validate_every))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return pruners()[method.name].make(method.options, rungs, rungs(max_epochs))
