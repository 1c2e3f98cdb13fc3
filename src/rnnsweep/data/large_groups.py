"""The largest groups of rows by name: they are why many groups may count like few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNEVEN = 0.5  # share of the groups below which it is said how many equal ones they count as
KNOWN, NAMED = 10, 3  # of the largest groups: those that are kept, and those that a sentence names
LONGEST = 40  # characters of a name: a group of equal texts is called by its text


def are_uneven(groups: int, counted: float) -> bool:
    """Return whether groups whose mean is as uncertain as that of `counted` equal ones are uneven."""
    return counted < UNEVEN * groups


@dataclass(frozen=True)
class LargeGroup:
    """A group of two rows or more."""

    group: Any  # its number, or its name
    name: str  # what the column has for its first row; without a column the text of that row
    rows: int


@dataclass(frozen=True)
class LargeGroups:
    """The largest groups of some rows, the largest first."""

    groups: tuple[LargeGroup, ...]
    column: str | None  # that groups the rows; None: equal texts do

    def __str__(self) -> str:
        """Write ``'a' 197 rows, 'b' 161, 'c' 120``."""
        shown = [f"{one.name!r} {one.rows:,}" for one in self.groups[:NAMED]]
        return ", ".join([f"{shown[0]} rows", *shown[1:]]) if shown else ""

    @property
    def way(self) -> str:
        """What makes the rows count like more groups."""
        if self.column is None:
            return "one row of each text, or fewer rows of the largest"
        finer = f"a column of more values than {self.column!r}"
        return f"one row of each group, fewer rows of the largest, or {finer}"


def large_groups(
    groups_N: ArrayLike, names_of: Callable[[NDArray[np.int64]], Sequence[str]], column: str | None
) -> LargeGroups:
    """Find the largest groups of rows.

    Args:
        groups_N: the group of each row.
        names_of: returns what the groups of some rows are called.
        column: that groups the rows; None: equal texts do.
    """
    group_G, first_G, rows_G = np.unique(np.asarray(groups_N), return_index=True, return_counts=True)
    largest = [place for place in np.lexsort((first_G, -rows_G))[:KNOWN] if rows_G[place] > 1]
    names = names_of(first_G[largest]) if largest else ()
    return LargeGroups(
        tuple(
            LargeGroup(group_G[place].item(), _shortened(name), int(rows_G[place]))
            for place, name in zip(largest, names, strict=True)
        ),
        column,
    )


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
