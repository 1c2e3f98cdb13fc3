"""Derived keys: a width that is worked out from a number of parameters instead of being searched."""

from dataclasses import dataclass
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.sweep.space import Choices, Conditions, Dimension, FloatRange, IntRange, read_when
from rnnsweep.sweep.values import Field

DERIVABLE = ("model.hidden_size", "model.embedding_size")
BUDGET = "parameters"  # under the key: `model.hidden_size.parameters` is what a search draws
COUNTS = ("all", "without_embedding")
TOLERANCE = 0.05
_KEYS = (BUDGET, "count", "tolerance", "when")


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
        """Give the budget, fixed or as it was drawn."""
        return int(values[self.searched]) if self.budget is None else self.budget


def split_space(space: Field) -> tuple[tuple[Derived, ...], Field]:
    """Part a space into its derived keys and the rest, which holds their budgets where these are searched.

    Raises:
        UserError: a key that cannot be derived, or a wrong budget, count or tolerance.
    """
    rest: dict[str, Any] = {}
    derived: list[Derived] = []
    for key, value in space.mapping().items():
        if not (isinstance(value, dict) and BUDGET in value):
            rest[key] = value
            continue
        found = _read(space.at(key, value), key)
        derived.append(found)
        if found.budget is None:
            rest[found.searched] = _budget_space(value)
    return tuple(derived), Field(space.path, space.key, rest)


def _read(entry: Field, key: str) -> Derived:
    if key not in DERIVABLE:
        raise UserError(
            f"{entry.path}: {entry.key}: cannot be derived from parameters; {' and '.join(DERIVABLE)} can"
        )
    given = entry.mapping(_KEYS)
    budget = entry.at(BUDGET, given[BUDGET])
    searched = isinstance(budget.value, dict | list)
    return Derived(
        key=key,
        budget=None if searched else budget.integer(low=1),
        count=entry.at("count", given.get("count", "without_embedding")).one_of(COUNTS),
        tolerance=entry.at("tolerance", given.get("tolerance", TOLERANCE)).number(above=0),
        when=read_when(entry.at("when", given.get("when", {}))),
    )


def _budget_space(value: dict[str, Any]) -> dict[str, Any]:
    """Give the budget's own range or choices, under the condition of the derived key."""
    budget = value[BUDGET]
    spec = dict(budget) if isinstance(budget, dict) else {"choices": budget}
    return {**spec, "when": value["when"]} if "when" in value else spec


def check_budgets(space: Field, derived: tuple[Derived, ...], dimensions: tuple[Dimension, ...]) -> None:
    """Refuse searched budgets that are no whole numbers, and conditions on a key that is derived.

    Raises:
        UserError: naming the key and what would be right.
    """
    keys = {one.key for one in derived}
    budgets = {one.searched for one in derived}
    for dimension in dimensions:
        if dimension.key in budgets and not _counts(dimension):
            raise UserError(
                f"{space.path}: {space.key}.{dimension.key}: must be a whole number, 1 or more,"
                " a list of them, or {type: int, low: ..., high: ...}"
            )
        for parent, _ in dimension.when:
            if parent in keys:
                raise UserError(
                    f"{space.path}: {space.key}.{dimension.key}.when: {parent!r} is derived:"
                    " nothing can depend on it"
                )


def _counts(dimension: Dimension) -> bool:
    if isinstance(dimension, Choices):
        return all(isinstance(c, int) and not isinstance(c, bool) and c >= 1 for c in dimension.choices)
    return isinstance(dimension, IntRange) and not isinstance(dimension, FloatRange) and dimension.low >= 1
