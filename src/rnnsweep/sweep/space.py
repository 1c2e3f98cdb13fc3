"""Dimensions of a search space: ranges and choices, each under the name of its override."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.sweep.values import Field

Conditions = tuple[tuple[str, tuple[Any, ...]], ...]  # every key must have one of its values


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from low to high, both included."""

    key: str
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Conditions = ()


@dataclass(frozen=True)
class FloatRange:
    """Numbers from low to high, both included; with a step, low + k * step."""

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Conditions = ()


@dataclass(frozen=True)
class Choices:
    """Values without an order: numbers, text, null, true and false, lists of these."""

    key: str
    choices: tuple[Any, ...] = field(default=())
    when: Conditions = ()


Dimension = IntRange | FloatRange | Choices

_KEYS = {
    "int": ("type", "low", "high", "log", "step", "when"),
    "float": ("type", "low", "high", "log", "step", "when"),
    "categorical": ("type", "choices", "when"),
}


def read_space(space: Field) -> tuple[Dimension, ...]:
    """Read a mapping of keys to ranges and choices; a bare list is a list of choices.

    Raises:
        UserError: an unknown type or key, a wrong value, low above high, log at or below 0, no choices.
    """
    dimensions = tuple(_dimension(space.at(k, v), k) for k, v in space.mapping().items())
    names = {dimension.key for dimension in dimensions}
    for dimension in dimensions:
        for parent, _ in dimension.when:
            if parent == dimension.key:
                raise UserError(f"{space.path}: {space.key}.{parent}: depends on itself")
    return _parents_first(dimensions, names, space)


def _parents_first(dimensions: tuple[Dimension, ...], names: set[str], space: Field) -> tuple[Dimension, ...]:
    """Order the dimensions so that a condition's key is drawn before what depends on it."""
    ordered: list[Dimension] = []
    waiting = list(dimensions)
    while waiting:
        done = {dimension.key for dimension in ordered}
        ready = [d for d in waiting if all(k in done or k not in names for k, _ in d.when)]
        if not ready:
            keys = ", ".join(d.key for d in waiting)
            raise UserError(f"{space.path}: {space.key}: `when` goes round in a circle: {keys}")
        ordered += ready
        waiting = [d for d in waiting if d not in ready]
    return tuple(ordered)


def _dimension(entry: Field, key: str) -> Dimension:
    if key == "model":
        raise UserError(f"{entry.path}: {entry.key}: list the architectures under `architectures:`")
    if isinstance(entry.value, list):
        return Choices(key, _choices(entry))
    given = entry.mapping()
    kind = "categorical" if "type" not in given and "choices" in given else given.get("type")
    kind = entry.at("type", kind).one_of(_KEYS)
    entry.mapping(_KEYS[kind])
    when = read_when(entry.at("when", given.get("when", {})))
    if kind == "categorical":
        return Choices(key, _choices(entry.at("choices", given.get("choices"))), when)
    for bound in ("low", "high"):
        if bound not in given:
            raise UserError(f"{entry.path}: {entry.key}: `{bound}:` is missing")
    return _int_range(entry, key, when) if kind == "int" else _float_range(entry, key, when)


def _int_range(entry: Field, key: str, when: Conditions) -> IntRange:
    given = entry.value
    low = entry.at("low", given["low"]).integer()
    high = entry.at("high", given["high"]).integer()
    log = entry.at("log", given.get("log", False)).boolean()
    step = entry.at("step", given.get("step", 1)).integer(low=1)
    _check_range(entry, low, high, log=log)
    if log and step != 1:
        raise entry.at("step", step).wrong("absent where log is true")
    return IntRange(key, low, high, log, step, when)


def _float_range(entry: Field, key: str, when: Conditions) -> FloatRange:
    given = entry.value
    low = entry.at("low", given["low"]).number()
    high = entry.at("high", given["high"]).number()
    log = entry.at("log", given.get("log", False)).boolean()
    step = entry.at("step", given["step"]).number(above=0) if "step" in given else None
    _check_range(entry, low, high, log=log)
    if log and step is not None:
        raise entry.at("step", step).wrong("absent where log is true")
    return FloatRange(key, low, high, log, step, when)


def _check_range(entry: Field, low: float, high: float, *, log: bool) -> None:
    if low > high:
        raise UserError(f"{entry.path}: {entry.key}: `low <= high` must hold, but got low={low}, high={high}")
    if log and low <= 0:
        raise entry.at("low", low).wrong("above 0 where log is true")


def _choices(entry: Field) -> tuple[Any, ...]:
    if not isinstance(entry.value, list) or not entry.value:
        raise entry.wrong("a list with at least one choice")
    seen: list[str] = []
    for choice in entry.value:
        if not _is_value(choice):
            raise entry.at("entry", choice).wrong("a number, text, null, true, false or a list of these")
        text = json.dumps(choice)
        if text in seen:
            raise UserError(f"{entry.path}: {entry.key}: {choice!r} stands twice")
        seen.append(text)
    return tuple(entry.value)


def _is_value(choice: Any) -> bool:
    if isinstance(choice, list):
        return all(_is_value(item) for item in choice)
    if isinstance(choice, float):
        return math.isfinite(choice)
    return choice is None or isinstance(choice, str | bool | int)


def read_when(entry: Field) -> Conditions:
    """Read ``{model.cell: lstm, optimizer.name: [adam, sgd]}``: keys and the values that they must have."""
    return tuple(
        (key, tuple(value) if isinstance(value, list) else (value,)) for key, value in entry.mapping().items()
    )
