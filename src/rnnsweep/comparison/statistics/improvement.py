"""How often one architecture beats another: over replicates, and over the rows of the test part."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rnnsweep.comparison.statistics.intervals import Interval, Scores, paired_differences

RULE = 0.75  # Bouthillier et al. 2021: what "beats it" should mean


@dataclass(frozen=True)
class McNemar:
    """Rows that a alone and b alone got right, and the two-sided p that these are as many."""

    only_a: int
    only_b: int
    p: float


def probability_of_improvement(a: Scores, b: Scores, *, confidence: float = 0.95) -> Interval:
    """Share of paired replicates that a wins, ties counting half, with Wilson's interval.

    This is the P(A>B) of Bouthillier et al. 2021 (arXiv:2103.03098), said of pairs with the same seed.
    """
    d = paired_differences(a, b)
    wins = float(np.mean((d > 0) + 0.5 * (d == 0)))
    n, z = len(d), float(special.ndtri((1 + confidence) / 2))
    centre = (wins + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(wins * (1 - wins) / n + z * z / (4 * n * n))
    return Interval(wins, float(centre - half), float(centre + half), n, "Wilson")


def meets_rule(interval: Interval) -> bool:
    """Return whether one side wins often enough to count: three in four, and surely more than half.

    The rule of Bouthillier et al. 2021, section 4.2, for either side.
    """
    if interval.low is None or interval.high is None:
        return False
    return (interval.estimate >= RULE and interval.low > 0.5) or (
        interval.estimate <= 1 - RULE and interval.high < 0.5
    )


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """McNemar's test of the rows that only one of two got right.

    Args:
        correct_a: of shape (rows,) or (replicates, rows): whether the prediction was right.
        correct_b: the same for the other architecture, replicate by replicate, row by row.

    One replicate gives the exact binomial test (McNemar 1947). Several see the same rows again, so rows
    are what is independent: the test then is the one for clustered pairs (Durkalski et al. 2003), whose
    variance is the sum over rows of the squared difference.

    Raises:
        ValueError: the shapes differ.
    """
    first, second = (np.atleast_2d(np.asarray(c, dtype=bool)) for c in (correct_a, correct_b))
    if first.shape != second.shape:
        raise ValueError(f"correct_a has shape {first.shape}, correct_b {second.shape}: must be the same")
    only_a = int(np.count_nonzero(first & ~second))
    only_b = int(np.count_nonzero(second & ~first))
    exact = first.shape[0] == 1
    p = _binomial_p(only_a, only_b) if exact else _clustered_p(first, second)
    return McNemar(only_a, only_b, p)


def _binomial_p(only_a: int, only_b: int) -> float:
    from scipy import stats  # takes half a second to import: not at the start of every sweep

    discordant = only_a + only_b
    return float(stats.binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0


def _clustered_p(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    rows = first.sum(axis=0).astype(float) - second.sum(axis=0)
    spread = float(np.sum(rows**2))
    return float(special.chdtrc(1, rows.sum() ** 2 / spread)) if spread else 1.0
