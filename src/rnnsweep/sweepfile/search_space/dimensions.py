"""Dimensions of a search space: ranges and choices, each under the name of its override."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Conditions: TypeAlias = tuple[tuple[str, tuple[Any, ...]], ...]  # every key must have one of its values


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


Dimension: TypeAlias = IntRange | FloatRange | Choices
