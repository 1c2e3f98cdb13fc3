"""The score of each replicate on each test row: what it says of new rows, and McNemar's test.

Shapes: R replicates, N test rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.statistics.improvement import McNemar, mcnemar
from rnnsweep.comparison.statistics.new_rows import NewRows, new_rows

ByRow: TypeAlias = Mapping[str, ArrayLike | Mapping[str, NDArray[np.bool_]]]  # of each architecture


@dataclass(frozen=True)
class RowScores:
    """Values of each test row for each architecture, by seed or as one array in the order of the seeds.

    The mean over rows is a replicate's score. `groups_N` names the group of each row, where rows belong
    together.
    """

    values: ByRow = field(default_factory=dict)
    groups_N: ArrayLike | None = None

    def pair(self, a: str, b: str, seeds: Sequence[str], *, single: bool) -> NDArray[np.float64] | None:
        """Return a - b for each seed and row, (R, N); None where the rows of one of them are not known.

        With `single`, b is one fit, compared with every seed of a.
        """
        first = self._rows(a, seeds)
        second = self._only(b, len(seeds)) if single else self._rows(b, seeds)
        if first is None or second is None or first.shape != second.shape:
            return None
        return first - second

    def _rows(self, name: str, seeds: Sequence[str]) -> NDArray[np.float64] | None:
        own = self.values.get(name)
        if own is None or not seeds:
            return None
        if isinstance(own, Mapping):
            known = [own[seed] for seed in seeds if seed in own]
            return np.stack(known).astype(np.float64) if len(known) == len(seeds) else None
        rows_RN = np.atleast_2d(np.asarray(own, dtype=np.float64))
        return rows_RN if len(rows_RN) == len(seeds) else None

    def _only(self, name: str, replicates: int) -> NDArray[np.float64] | None:
        own = self.values.get(name)
        if own is None:
            return None
        rows_RN = np.stack(list(own.values())) if isinstance(own, Mapping) else np.atleast_2d(np.asarray(own))
        return np.repeat(rows_RN[:1].astype(np.float64), replicates, axis=0)

    def on_new_rows(
        self, differences_RN: NDArray[np.float64] | None, first: int | None = None
    ) -> NewRows | None:
        """Estimate the difference on new rows from the first replicates; None where they are too few."""
        if differences_RN is None or len(differences_RN[:first]) < 2 or differences_RN.shape[1] < 2:
            return None
        return new_rows(differences_RN[:first], self.groups_N)

    def mcnemar(self, a: str, b: str, seeds: Sequence[str]) -> McNemar | None:
        """McNemar's test on the test rows, replicate beside replicate of the same seed."""
        first, second = self.values.get(a), self.values.get(b)
        if first is None or second is None:
            return None
        if not isinstance(first, Mapping) or not isinstance(second, Mapping):
            return mcnemar(np.asarray(first), np.asarray(second))
        shared = [seed for seed in seeds if seed in first and seed in second]
        if not shared:
            return None
        a_RN, b_RN = np.stack([first[s] for s in shared]), np.stack([second[s] for s in shared])
        return (
            mcnemar(a_RN, b_RN) if a_RN.dtype == b_RN.dtype == np.bool_ else None
        )  # of right and wrong rows
