"""A search space: ranges and choices, each under the name of its override, and widths that are derived."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Conditions: TypeAlias = tuple[tuple[str, tuple[Any, ...]], ...]  # every key must have one of its values
DERIVABLE = ("model.hidden_size", "model.embedding_size")
BUDGET = "parameters"  # under the key: `model.hidden_size.parameters` is what a search draws
TOLERANCE = 0.05


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


@dataclass(frozen=True)
class Derived:
    """A width that gives a network the number of parameters nearest to a budget.

    Without the embedding is the default count: its table is the same for every cell, and many times as large
    as the cells, so that networks with equal totals could differ in all that is compared.
    """

    key: str
    budget: int | None  # None: searched under `searched`
    count: str = "without_embedding"  # all | without_embedding
    tolerance: float = TOLERANCE  # share of the budget by which a network may miss it
    when: Conditions = ()

    @property
    def searched(self) -> str:
        """The name under which a search draws the budget."""
        return f"{self.key}.{BUDGET}"

    def wanted(self, values: dict[str, Any]) -> int:
        """Return the budget, fixed or as it was drawn."""
        return int(values[self.searched]) if self.budget is None else self.budget
