"""What a number of replicates can show, and how many a difference takes; and equivalence within a margin."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rnnsweep.comparison.statistics.intervals import Scores, finite
from rnnsweep.comparison.statistics.permutation import fewest_pairs

POWER = 0.8
MOST = 5000  # replicates; more are not counted
_SIMULATED = 12  # pairs up to which the sign-flip test's own power is simulated; above it is Student's
_DRAWS = 3000


def separation_power(effect: float, pairs: int, *, alpha: float = 0.05) -> float:
    """Chance that so many pairs separate a true difference of `effect` standard deviations of differences.

    Up to 12 pairs by simulating the exact sign-flip test on normal differences, since it can only take
    few values there; above, by the noncentral t distribution (Lehr 1992 and every textbook since).
    """
    if pairs < fewest_pairs(alpha=alpha):
        return 0.0
    if pairs <= _SIMULATED:
        return _sign_flip_power(round(abs(effect), 4), pairs, alpha)
    return _t_power(abs(effect), pairs, alpha)


def _t_power(effect: float, pairs: int, alpha: float) -> float:
    critical = special.stdtrit(pairs - 1, 1 - alpha / 2)
    shift = effect * pairs**0.5
    tails = special.nctdtr(pairs - 1, shift, np.array([-critical, critical]))
    below, above = np.nan_to_num(tails)  # not a number where it is too near 0 to be computed
    return float(1 - above + below)


def _sign_flip_power(effect: float, pairs: int, alpha: float) -> float:
    draws = _normal_draws(pairs) + np.float32(effect)
    observed = np.abs(draws.sum(axis=1, keepdims=True)) * (1 - 1e-5)
    sums = draws @ _half_cube(pairs).T
    p = np.mean(np.abs(sums, out=sums) >= observed, axis=1)
    return float(np.mean(p <= alpha * (1 + 1e-9)))


@lru_cache(maxsize=16)
def _normal_draws(pairs: int) -> NDArray[np.float32]:
    return np.random.default_rng(pairs).standard_normal((_DRAWS, pairs)).astype(np.float32)


@lru_cache(maxsize=16)
def _half_cube(pairs: int) -> NDArray[np.float32]:
    """Every pattern of signs with the first kept, as rows of +1 and -1."""
    bits = (np.arange(2 ** (pairs - 1))[:, None] >> np.arange(pairs - 1)) & 1
    return np.hstack([np.ones((len(bits), 1)), 1.0 - 2.0 * bits]).astype(np.float32)


def replicates_to_separate(
    difference: float, spread: float, *, alpha: float = 0.05, power: float = POWER
) -> int | None:
    """Replicates in all that separate a true `difference` in `power` of repeated comparisons.

    Args:
        difference: the true mean difference of pairs.
        spread: standard deviation of the paired differences.
        alpha: two-sided level of the test; divided by the number of comparisons where there are several.
        power: chance of separating.

    Returns:
        The number, or None above 5,000.
    """
    fewest = fewest_pairs(alpha=alpha)
    if difference == 0:
        return None
    if spread == 0:
        return fewest
    effect = abs(difference) / spread
    for pairs in range(fewest, _SIMULATED + 1):
        if _detectable_effect(pairs, alpha, power) <= effect:
            return pairs
    normal = ((special.ndtri(1 - alpha / 2) + special.ndtri(power)) / effect) ** 2
    for pairs in range(max(fewest, _SIMULATED + 1, int(min(normal, MOST))), MOST + 1):
        if _t_power(effect, pairs, alpha) >= power:
            return pairs
    return None


def minimum_detectable_difference(
    spread: float, pairs: int, *, alpha: float = 0.05, power: float = POWER
) -> float | None:
    """Return the smallest true difference that so many pairs separate in `power` of cases.

    Args:
        spread: standard deviation of the pairs' differences.
        pairs: replicates of each of the two.
        alpha: level of the test.
        power: chance to find the difference.

    Returns:
        In the unit of `spread`; None where so few pairs can separate nothing.
    """
    if pairs < fewest_pairs(alpha=alpha):
        return None
    return spread * _detectable_effect(pairs, alpha, power)


@lru_cache(maxsize=256)
def _detectable_effect(pairs: int, alpha: float, power: float) -> float:
    normal = float(special.ndtri(1 - alpha / 2) + special.ndtri(power)) / pairs**0.5
    low, high = 0.8 * normal, 2.5 * normal  # the exact test needs more, as it takes few values
    for _ in range(10):
        middle = (low + high) / 2
        reached = separation_power(middle, pairs, alpha=alpha) >= power
        low, high = (low, middle) if reached else (middle, high)
    return float(high)


def equivalence_p(differences: Scores, margin: float) -> float:
    """P of two one-sided t tests that the mean difference lies within +-margin (Schuirmann 1987)."""
    d = finite(differences)
    if len(d) < 2 or margin <= 0:
        return 1.0
    error = float(d.std(ddof=1)) / len(d) ** 0.5
    if error == 0:
        return 0.0 if abs(d.mean()) < margin else 1.0
    above = special.stdtr(len(d) - 1, -(d.mean() + margin) / error)
    below = special.stdtr(len(d) - 1, (d.mean() - margin) / error)
    return float(max(above, below))


def equivalence_power(
    margin: float, spread: float, pairs: int, *, alpha: float = 0.05, difference: float = 0.0
) -> float:
    """Return the chance that two one-sided tests show a difference to be within the margin (Julious 2004).

    Args:
        margin: differences below this count as nothing; in the unit of `spread`.
        spread: standard deviation of the pairs' differences.
        pairs: replicates of each of the two.
        alpha: level of each test.
        difference: the true one.
    """
    if margin <= abs(difference):
        return 0.0
    root = pairs**0.5 / spread if spread else np.inf
    critical = special.stdtrit(pairs - 1, 1 - alpha)
    sides = [(margin + sign * abs(difference)) * root - critical for sign in (-1, 1)]
    return max(0.0, float(sum(special.stdtr(pairs - 1, side) for side in sides)) - 1)


def replicates_to_equate(
    margin: float, spread: float, *, alpha: float = 0.05, power: float = POWER, difference: float = 0.0
) -> int | None:
    """Replicates in all that show two architectures to be within +-margin in `power` of cases.

    The approximation of Julious 2004 (Statistics in Medicine 23:1921) with the t distribution's quantiles.

    Args:
        margin: what counts as nothing.
        spread: standard deviation of the paired differences.
        alpha: level of each of the two one-sided tests.
        power: chance of showing it.
        difference: the true mean difference; the nearer to the margin, the more it takes.

    Returns:
        The number, or None above 5,000, or where the difference is not within the margin.
    """
    if margin <= abs(difference):
        return None
    low, high = fewest_pairs() - 1, MOST + 1  # the chance rises with the pairs
    while high - low > 1:
        middle = (low + high) // 2
        reached = equivalence_power(margin, spread, middle, alpha=alpha, difference=difference)
        low, high = (low, middle) if reached >= power else (middle, high)
    return high if high <= MOST else None
