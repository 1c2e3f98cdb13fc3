"""Derived keys: a width that is computed from a number of parameters instead of being searched."""

from dataclasses import dataclass
from typing import Any

from rnnsweep.sweepfile.search_space.dimensions import Conditions

DERIVABLE = ("model.hidden_size", "model.embedding_size")
BUDGET = "parameters"  # under the key: `model.hidden_size.parameters` is what a search draws
TOLERANCE = 0.05


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
