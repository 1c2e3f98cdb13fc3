"""A search space in use: its distributions, the values of a trial, its check against the configuration."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.config.overrides import quote
from rnnsweep.errors import UserError
from rnnsweep.networks.config import idle_settings
from rnnsweep.sweepfile import Choices, Derived, Dimension, FloatRange, IntRange, Sweep


def distribution(dimension: Dimension) -> BaseDistribution:
    """Return Optuna's distribution; the upper end of a stepped range is its last step."""
    match dimension:
        case Choices():
            return CategoricalDistribution(tuple(_encoded(dimension)))
        case IntRange(low=low, high=high, log=log, step=step):
            return IntDistribution(low, low + (high - low) // step * step, log=log, step=step)
        case _:
            return _float(dimension)


def _float(dimension: FloatRange) -> FloatDistribution:
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None:
        first, last, each = (
            Decimal(str(value)) for value in (low, high, step)
        )  # as Optuna: .7 is 7 times .1
        high = float(first + (last - first) // each * each)
    return FloatDistribution(low, high, log=dimension.log, step=step)


def _encoded(dimension: Choices) -> list[Any]:
    """Return choices that Optuna can keep: as they are, or as JSON where one is a list or two are equal."""
    plain = not any(isinstance(choice, list) for choice in dimension.choices)
    if plain and len(set(dimension.choices)) == len(dimension.choices):  # True == 1 == 1.0
        return list(dimension.choices)
    return [json.dumps(choice) for choice in dimension.choices]


def decode(dimension: Dimension, value: Any) -> Any:
    """Turn Optuna's parameter back into the value of the sweep file."""
    if isinstance(dimension, Choices):
        return dimension.choices[_encoded(dimension).index(value)]
    return value


def encode(dimension: Dimension, value: Any) -> Any:
    """Turn a value of the sweep file into Optuna's parameter; None where it is outside the dimension."""
    if isinstance(dimension, Choices):
        same = [json.dumps(choice) == json.dumps(value) for choice in dimension.choices]
        return _encoded(dimension)[same.index(True)] if any(same) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    inside = dimension.low <= value <= dimension.high
    whole = isinstance(dimension, FloatRange) or isinstance(value, int)
    return value if inside and whole else None


def draw(trial: Trial, dimensions: tuple[Dimension, ...], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a trial's values, parents before what depends on them; `fixed` are the settings not searched."""
    drawn: dict[str, Any] = {}
    for dimension in dimensions:
        if applies(dimension, {**fixed, **drawn}):
            drawn[dimension.key] = decode(dimension, _suggest(trial, dimension))
    return drawn


def applies(dimension: Dimension | Derived, values: Mapping[str, Any]) -> bool:
    """Return whether a dimension's conditions hold; a key that is itself absent holds nothing."""
    return all(key in values and values[key] in allowed for key, allowed in dimension.when)


def _suggest(trial: Trial, dimension: Dimension) -> Any:
    match distribution(dimension):
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(dimension.key, choices)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(dimension.key, low, high, log=log, step=step)
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_float(dimension.key, low, high, log=log, step=step)
        case other:
            raise AssertionError(other)


def write_overrides(sweep: Sweep, architecture: str, values: Mapping[str, Any], *, threads: int) -> list[str]:
    """Return a trial as override strings: after `rnnsweep train`, they repeat it.

    Args:
        sweep: that has the trial.
        architecture: of the trial.
        values: of the searched settings.
        threads: of a slot; written where it is not 1.
    """
    overrides = sweep.chosen(architecture)
    keys = {override.partition("=")[0].strip() for override in overrides}
    if "seed" not in keys:
        overrides.append(f"seed={sweep.seed}")
    if threads != 1 and "trainer.threads" not in keys:
        overrides.append(f"trainer.threads={threads}")
    budgets = {derived.searched for derived in sweep.derivations(architecture)}  # drawn, but no setting
    settings = (key for key in values if key not in budgets)
    groups_first = sorted(settings, key=lambda key: "." in key)  # a group's file must not undo a value
    return overrides + [quote(key, values[key]) for key in groups_first]


def _check_score(sweep: Sweep, bases: Mapping[str, RunConfig]) -> None:
    """Refuse architectures that are not comparable, and a target that the score cannot have."""
    first, *others = bases.items()
    for name, run in others:
        if (run.spec, run.score) != (first[1].spec, first[1].score):
            raise UserError(
                f"{sweep.path}: architectures: {first[0]} has the objective {first[1].score.name}"
                f" (task={first[1].spec.name}), {name} has {run.score.name} (task={run.spec.name}); all must"
                " have one task and one objective"
            )
    score = first[1].score
    if sweep.target is not None and not score.may_be(sweep.target):
        raise UserError(f"{sweep.path}: target: {sweep.target:g}: {score.title} is {score.range}")


def check_space(sweep: Sweep, *, conf: Path | None = None) -> dict[str, RunConfig]:
    """Compose each architecture, and the space at its ends and choices, before anything runs.

    Returns:
        the run of each architecture without the space, which says what is fixed.

    Raises:
        UserError: an unknown architecture or key, a type that the setting cannot have, a bound out of range.
    """
    bases = {name: _composed(sweep, name, {}, conf) for name in sweep.architectures}
    _check_score(sweep, bases)
    checked: set[tuple[str, ...]] = set()
    for name in sweep.architectures:
        dimensions = sweep.dimensions(name)
        _check_conditions(sweep, dimensions, flatten(bases[name]))
        keys = tuple(json.dumps([d.key, corners(d)]) for d in dimensions)
        if keys not in checked:
            checked.add(keys)
            _check_corners(sweep, name, dimensions, conf)
    return bases


def leave_out_idle(sweep: Sweep, bases: Mapping[str, RunConfig]) -> Sweep:
    """Return the sweep without the searched settings that change nothing in an architecture.

    A width of hidden layers is none of a bag's: searched there, it would only make equal trials look
    different. A setting with a `when` of its own is left to that.

    Args:
        sweep: as its file says.
        bases: the run of each architecture, as `check_space` returns them.
    """
    idle: dict[str, frozenset[str]] = {}
    for name, base in bases.items():
        dimensions = sweep.dimensions(name)
        searched = {one.key for one in dimensions}
        fixed = {
            f"model.{key}" for key, by in idle_settings(base.model).items() if f"model.{by}" not in searched
        }
        if keys := fixed & {one.key for one in dimensions if not one.when}:
            idle[name] = frozenset(keys)
    return replace(sweep, idle=idle) if idle else sweep


def say_idle(sweep: Sweep) -> list[str]:
    """Return a line for each architecture whose space lacks settings that change nothing in it."""
    return [
        f"{name}: not searched, as {'it changes' if len(keys) == 1 else 'they change'} nothing there:"
        f" {', '.join(sorted(keys))}"
        for name, keys in sweep.idle.items()
    ]


def say_alike(sweep: Sweep, bases: Mapping[str, RunConfig]) -> list[str]:
    """Return a line for each architecture that is another one in the space: all that differs is searched."""
    first: dict[str, str] = {}
    lines = []
    for name, base in bases.items():
        dimensions = sweep.dimensions(name)
        own = tuple(one.key for one in dimensions)
        under = tuple(f"{key}." for key in own)  # settings of a group that is searched as a whole
        flat = flatten(base)
        known = {k: v for k, v in flat.items() if k not in own and not k.startswith(under)}
        searched = {"model", *(one.key for one in dimensions if applies(one, known))}
        fixed = {key: value for key, value in flat.items() if key not in searched}
        shape = repr((fixed, dimensions, sweep.derivations(name)))
        if first.setdefault(shape, name) != name:
            lines.append(
                f"{first[shape]} and {name} are the same network here: what differs between them is searched,"
                " in the same space"
            )
    return lines


def _check_corners(
    sweep: Sweep, architecture: str, dimensions: tuple[Dimension, ...], conf: Path | None
) -> None:
    """Compose each corner of the space: what is wrong is named by key and value."""
    for values in corners_of(dimensions):
        _composed(sweep, architecture, values, conf)


def corners_of(dimensions: tuple[Dimension, ...]) -> Iterator[dict[str, Any]]:
    """Yield the k-th corner of every dimension at once, until none has a further one."""
    for k in range(max((len(corners(d)) for d in dimensions), default=0)):
        yield {d.key: corners(d)[min(k, len(corners(d)) - 1)] for d in dimensions}


def corners(dimension: Dimension) -> list[Any]:
    """Return the two ends of a range, or all choices."""
    if isinstance(dimension, Choices):
        return list(dimension.choices)
    spread = distribution(dimension)
    assert isinstance(spread, IntDistribution | FloatDistribution)
    return [spread.low, spread.high]


def _composed(sweep: Sweep, architecture: str, values: Mapping[str, Any], conf: Path | None) -> RunConfig:
    overrides = write_overrides(sweep, architecture, values, threads=1)
    return compose(overrides, conf=conf, where=str(sweep.path))


def _check_conditions(sweep: Sweep, dimensions: tuple[Dimension, ...], fixed: Mapping[str, Any]) -> None:
    known = {**fixed, **{d.key: None for d in dimensions}}
    by_key = {d.key: d for d in dimensions}
    for dimension in dimensions:
        for key, values in dimension.when:
            if key not in known:
                raise UserError(
                    f"{sweep.path}: space: {dimension.key}.when: {key!r} is neither a setting nor searched"
                )
            parent = by_key.get(key)
            if isinstance(parent, Choices) and not set(map(json.dumps, values)) <= set(
                map(json.dumps, parent.choices)
            ):
                raise UserError(
                    f"{sweep.path}: space: {dimension.key}.when: {key}: {list(values)!r}:"
                    f" must be among {list(parent.choices)!r}"
                )
