"""Intervals of a mean, a median, an interquartile mean and a paired difference, of plain arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

Scores: TypeAlias = Sequence[float] | NDArray[np.float64]
FEWEST = 3  # below this many values no interval of a mean is given
RESAMPLES = 1999


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it; `low` and `high` are None where it is withheld."""

    estimate: float
    low: float | None
    high: float | None
    n: int
    method: str


def finite(values: Scores) -> NDArray[np.float64]:
    """Return the values as an array without those that are not numbers.

    Raises:
        ValueError: nothing is left.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    array = array[np.isfinite(array)]
    if not len(array):
        raise ValueError("values=[]: must hold at least one number")
    return array


def t_interval(values: Scores, *, confidence: float = 0.95) -> Interval:
    """Student's interval of a mean: exact for normal values, and nearly so for differences of like ones."""
    x = finite(values)
    mean = float(x.mean())
    if len(x) < FEWEST:
        return Interval(mean, None, None, len(x), f"withheld: {len(x)} of the {FEWEST} values it takes")
    error = x.std(ddof=1) / len(x) ** 0.5
    half = float(special.stdtrit(len(x) - 1, (1 + confidence) / 2) * error)
    return Interval(mean, mean - half, mean + half, len(x), "Student's t")


def bca_interval(
    values: Scores, *, confidence: float = 0.95, seed: int = 0, expanded: bool = True
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval of a mean (Efron 1987).

    Computed by `scipy.stats.bootstrap`; Student's interval of few values.

    Args:
        values: one for each replicate; what is not finite is left out.
        confidence: chance that such an interval covers the mean.
        seed: of the resamples.
        expanded: ask for the level that undoes the bootstrap's too small spread in small samples, with
            Student's quantiles in place of the normal ones (Hesterberg 2015, The American Statistician
            69:371, section 4.4): plain BCa of 10 values covers only 86 to 92 % in simulation.
    """
    x = finite(values)
    mean, n = float(x.mean()), len(x)
    if n < FEWEST:
        return t_interval(x, confidence=confidence)
    if np.ptp(x) == 0:
        return Interval(mean, mean, mean, n, "no spread")
    from scipy import stats  # takes half a second to import: not at the start of every sweep

    result = stats.bootstrap(
        (x,),
        np.mean,
        confidence_level=_expanded(confidence, n) if expanded else confidence,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(seed),
        vectorized=True,
    ).confidence_interval
    return Interval(mean, float(result.low), float(result.high), n, "BCa bootstrap")


def _expanded(confidence: float, n: int) -> float:
    quantile = np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 + confidence) / 2)
    return float(min(1 - 2 * special.ndtr(-quantile), 1 - 1e-9))


def mean_interval(values: Scores, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Interval of the mean of replicates: Student's t, widened where the BCa bootstrap reaches further.

    Student's t alone covers too seldom where the scores are skewed, the bootstrap alone where they are
    few. Below 10 values Student's t makes the interval wide; below 3 it is withheld.
    """
    t = t_interval(values, confidence=confidence)
    if t.low is None or t.high is None or t.low == t.high:
        return t
    bca = bca_interval(values, confidence=confidence, seed=seed)
    assert bca.low is not None
    assert bca.high is not None
    low, high = min(t.low, bca.low), max(t.high, bca.high)
    return Interval(t.estimate, low, high, t.n, "Student's t, widened by BCa bootstrap")


def means_band(
    values: NDArray[np.float64], *, confidence: float = 0.95, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intervals of the means of many columns at once: Student's t, widened by the expanded bootstrap of rows.

    Args:
        values: of shape (n, columns), n of at least 3. Each draw takes whole rows.
        confidence: of each column's interval alone.
        seed: of the draws.
    """
    n, means = len(values), values.mean(axis=0)
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * values.std(axis=0, ddof=1) / n**0.5
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    tail = 50 * (1 - _expanded(confidence, n))
    low, high = np.percentile(counts @ values / n, [tail, 100 - tail], axis=0)
    return np.minimum(means - half, low), np.maximum(means + half, high)


def difference_interval(a: Scores, b: Scores, *, confidence: float = 0.95) -> Interval:
    """Interval of the mean difference of pairs: Student's t of the differences.

    The difference of two like distributions is symmetric, whatever their skew: Student's t covers 94 to
    96.5 % for 5 to 30 pairs of normal, skewed and discrete scores, where BCa covers 80 to 95 %.

    Raises:
        ValueError: the two have not the same length.
    """
    return t_interval(paired_differences(a, b), confidence=confidence)


def paired_differences(a: Scores, b: Scores) -> NDArray[np.float64]:
    """Return a - b, pair by pair.

    Raises:
        ValueError: the two have not the same length.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"a has shape {first.shape}, b {second.shape}: pairs need two lists of one length")
    return first - second


def median_interval(values: Scores, *, confidence: float = 0.95) -> Interval:
    """Interval of the median between order statistics (Thompson 1936): holds for every distribution.

    With fewer than 6 values no two order statistics reach 95 %, and it is withheld.
    """
    from scipy import stats

    x = np.sort(finite(values))
    n, median = len(x), float(np.median(x))
    rank = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))  # as many lie below in the worst case
    if rank < 1:
        return Interval(median, None, None, n, f"withheld: {n} values are too few")
    return Interval(median, float(x[rank - 1]), float(x[n - rank]), n, "order statistics")


def interquartile_mean(values: Scores) -> float:
    """Mean of the middle half (the IQM of Agarwal et al. 2021, a 25 % trimmed mean)."""
    from scipy import stats

    return float(stats.trim_mean(finite(values), 0.25))


def interquartile_mean_interval(values: Scores, *, confidence: float = 0.95) -> Interval:
    """Interval of the interquartile mean by the winsorised variance (Tukey and McLaughlin 1963)."""
    x = np.sort(finite(values))
    n, estimate = len(x), interquartile_mean(x)
    cut = int(0.25 * n)
    middle = n - 2 * cut
    if middle < FEWEST:
        return Interval(estimate, None, None, n, f"withheld: {n} values are too few")
    winsorised = np.clip(x, x[cut], x[n - cut - 1])
    error = winsorised.std(ddof=1) * np.sqrt(n) / middle  # = s_w / ((1 - 2g) sqrt(n)) with g = cut / n
    half = float(special.stdtrit(middle - 1, (1 + confidence) / 2) * error)
    return Interval(estimate, estimate - half, estimate + half, n, "winsorised variance")
