"""Samplers by name, each seeded for its next trial, and the reasons why one does not fit a space."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler

from rnnsweep.errors import UserError
from rnnsweep.search.cma_es import SafeCmaEsSampler
from rnnsweep.search.space import distribution
from rnnsweep.sweepfile import Choices, Dimension, FloatRange, Sweep

GP_TRIALS = 300  # above it one proposal takes seconds, later minutes


def derived_seed(*parts: object) -> int:
    """Derive a seed from what must decide it; the same on every machine and in every year."""
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def make_sampler(sweep: Sweep, architecture: str, trials: int) -> BaseSampler:
    """Make the sampler that proposes the trial after `trials` others.

    A sampler made anew with the same seed would repeat its first proposals in a continued study; this one's
    seed counts the trials, so that a study goes on where it was.
    """
    seed = derived_seed(sweep.seed, architecture, trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _MAKERS[sweep.sampler.name](sweep, architecture, seed)


def _tpe(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    options: dict[str, Any] = {
        "group": is_conditional(sweep.dimensions(architecture)),
        **sweep.sampler.options,
    }
    if options.get("multivariate") is False:
        options["group"] = False
    elif options["group"]:
        options["multivariate"] = True
    return optuna.samplers.TPESampler(seed=seed, **options)


def _random(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _qmc(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    # the points of one sequence: its scrambling must not change from trial to trial
    return optuna.samplers.QMCSampler(
        seed=derived_seed(sweep.seed, architecture),
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
        warn_independent_sampling=False,
        **{"scramble": True, **sweep.sampler.options},
    )


def _gp(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    return optuna.samplers.GPSampler(seed=seed, **sweep.sampler.options)


def _cmaes(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    return SafeCmaEsSampler(seed=seed, warn_independent_sampling=False, **sweep.sampler.options)


def _nsga2(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    return optuna.samplers.NSGAIISampler(seed=seed, **sweep.sampler.options)


def _grid(sweep: Sweep, architecture: str, seed: int) -> BaseSampler:
    # the order of the points is drawn from the seed: it must not change from trial to trial
    points = grid_points(sweep.dimensions(architecture))
    return optuna.samplers.GridSampler(points, seed=derived_seed(sweep.seed, architecture))


_MAKERS: dict[str, Callable[[Sweep, str, int], BaseSampler]] = {
    "cmaes": _cmaes,
    "gp": _gp,
    "grid": _grid,
    "nsga2": _nsga2,
    "qmc": _qmc,
    "random": _random,
    "tpe": _tpe,
}


def is_conditional(dimensions: Sequence[Dimension]) -> bool:
    """Say whether a dimension depends on another one's value."""
    searched = {dimension.key for dimension in dimensions}
    return any(key in searched for dimension in dimensions for key, _ in dimension.when)


def check_sampler(sweep: Sweep) -> None:
    """Refuse a sampler that does not fit the space or the budget of an architecture.

    Raises:
        UserError: naming the sampler, the reason and a sampler or a change that fits.
    """
    for architecture in sweep.architectures:
        reason = _misfit(sweep, sweep.dimensions(architecture))
        if reason:
            raise UserError(
                f"{sweep.path}: sampler: {sweep.sampler.name!r} does not fit {architecture}: {reason}"
            )


def _misfit(sweep: Sweep, dimensions: tuple[Dimension, ...]) -> str | None:
    match sweep.sampler.name:
        case "gp" if is_conditional(dimensions):
            return "conditional keys (`when:`) are beyond it; use tpe"
        case "gp" if sweep.trials is None or sweep.trials > GP_TRIALS:
            return f"it takes at most {GP_TRIALS} trials, as each costs more than the one before; use tpe"
        case "cmaes" if len(sweep.objectives) > 1:
            return "it searches for one objective; use tpe or nsga2"
        case "cmaes" if not [d for d in dimensions if not isinstance(d, Choices)]:
            return "it needs at least one range; use tpe or grid"
        case "grid":
            return _grid_misfit(sweep, dimensions)
        case _:
            return None


def _grid_misfit(sweep: Sweep, dimensions: tuple[Dimension, ...]) -> str | None:
    for dimension in dimensions:
        if isinstance(dimension, FloatRange) and dimension.step is None:
            return f"{dimension.key} is a float without a step; give it `step:` or `choices:`"
        if dimension.when:
            return f"{dimension.key} is conditional; use tpe"
    points = grid_size(dimensions)
    if sweep.trials is None or sweep.trials > points:
        return f"the grid has {points} points; set trials to {points} or fewer"
    return None


def grid_size(dimensions: Sequence[Dimension]) -> int:
    """Count the points of the grid."""
    size = 1
    for values in grid_points(dimensions).values():
        size *= len(values)
    return size


def grid_points(dimensions: Sequence[Dimension]) -> dict[str, list[Any]]:
    """Give the values of each key, as Optuna keeps them; floats must have a step."""
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
