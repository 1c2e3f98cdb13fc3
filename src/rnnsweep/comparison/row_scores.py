"""The score of each replicate on each test row: what it says of new rows, and McNemar's test.

Shapes: R replicates, N test rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.statistics.improvement import McNemar, mcnemar
from rnnsweep.comparison.statistics.new_rows import NewRows, new_rows

ByRow: TypeAlias = Mapping[str, Mapping[str, NDArray[Any]]]  # architecture -> seed -> values_N


@dataclass(frozen=True)
class RowScores:
    """Values of each test row for each architecture and seed.

    The mean over rows is a replicate's score. `groups_N` names the group of each row, where rows belong
    together.
    """

    values: ByRow = field(default_factory=dict)
    groups_N: ArrayLike | None = None

    def pair(self, a: str, b: str, seeds: Sequence[str], *, single: bool) -> NDArray[np.float64] | None:
        """Return a - b for each seed and row, (R, N); None where the rows of one of them are not known.

        Args:
            a: an architecture.
            b: another one, or the baseline.
            seeds: of the replicates that both have.
            single: b is one fit, compared with every seed of a.
        """
        first = self._rows(a, seeds)
        second = self._rows(b, list(self.values.get(b, {}))[:1] if single else seeds)
        if first is None or second is None or first.shape[1] != second.shape[1]:
            return None
        return first - second

    def _rows(self, name: str, seeds: Sequence[str]) -> NDArray[np.float64] | None:
        own = self.values.get(name, {})
        if not seeds or not set(seeds) <= set(own):
            return None
        return np.stack([own[seed] for seed in seeds]).astype(np.float64)

    def on_new_rows(
        self, differences_RN: NDArray[np.float64] | None, first: int | None = None
    ) -> NewRows | None:
        """Estimate the difference on new rows from the first replicates; None where they are too few."""
        if differences_RN is None or len(differences_RN[:first]) < 2 or differences_RN.shape[1] < 2:
            return None
        return new_rows(differences_RN[:first], self.groups_N)

    def mcnemar(self, a: str, b: str, seeds: Sequence[str]) -> McNemar | None:
        """McNemar's test on the test rows, replicate beside replicate of the same seed."""
        first, second = (self.values.get(name, {}) for name in (a, b))
        shared = [seed for seed in seeds if seed in first and seed in second]
        if not shared:
            return None
        a_RN, b_RN = np.stack([first[s] for s in shared]), np.stack([second[s] for s in shared])
        of_right_and_wrong = a_RN.dtype == b_RN.dtype == np.bool_
        return mcnemar(a_RN, b_RN) if of_right_and_wrong else None
