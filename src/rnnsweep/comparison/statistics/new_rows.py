"""What a difference on one test part says of new rows: an interval and a p with two sources of variance.

Shapes: R replicates, N test rows, G groups of rows, K counts of a row.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rnnsweep.data.groups import equal_groups, group_shares

LEAST = -30.0  # log of the smallest p that is told from 0
# standard deviation over test rows of the difference of two networks' shares of right answers: .12 to .39
# between five networks and the baseline on 378 rows of news, the median of fifteen pairs
ROWS_DIFFER = 0.25
# of one row's difference from replicate to replicate, and of whole replicates beyond that: medians of twenty
# pairs on 340 rows of eight classes, where `ROWS_DIFFER` was .27
REST_DIFFERS, REPLICATES_DIFFER = 0.45, 0.01


@dataclass(frozen=True)
class NewRows:
    """A mean difference over replicates and test rows, both taken as samples.

    `low` and `high` bound it with 95 % confidence for other replicates *and* other rows; `p` is two-sided.
    """

    estimate: float
    low: float
    high: float
    p: float
    replicates: int
    rows: int  # independent units: groups where there are groups
    error: float  # standard error of the estimate
    rows_error: float  # the part of it that more replicates cannot remove
    grouped: bool = False  # the units are groups of rows
    squares: "Squares | None" = None  # what interval and p rest on
    largest: tuple[float, ...] = ()  # shares of the rows that the ten largest groups have, falling

    @property
    def counted(self) -> float:
        """Units of equal size that tell as much of how units vary."""
        return self.rows if self.squares is None else 1 + self.squares.freedoms[1]


def new_rows(
    differences_RN: ArrayLike, groups_N: ArrayLike | None = None, *, confidence: float = 0.95
) -> NewRows:
    """Estimate the mean difference on new test rows by the two-way analysis of variance.

    Each entry is the sum of a mean, an effect of its replicate, an effect of its row, and a rest. Replicates
    and rows are crossed: every replicate reads the same rows. The variance of the mean is then
    MSR / (R N) + max(MSN - MSE, 0) / (R N) with the mean squares of replicates, rows and rest. This is the
    test of readers and cases of diagnostic imaging (Obuchowski and Rockette 1995; Hillis 2007, Statistics in
    Medicine 26:596), with replicates as readers and rows as cases. Each mean square keeps the quantile of its
    own degrees of freedom (Howe 1974, JASA 69:789; Graybill and Wang 1980): Satterthwaite's one number for
    all claims 5.5 to 8 % of differences that are not there with 3 to 6 replicates.

    A group that is larger than others moves the mean with it, so that its own deviation is too small: each
    deviation is divided by what the group leaves to the others (the jackknife's; MacKinnon and White 1985),
    and the degrees of freedom are those of such a variance (Bell and McCaffrey 2002). Where one group holds
    most rows they come near to 1, as one group says little of new ones.

    Args:
        differences_RN: score of a less score of b for each replicate and test row, of shape (R, N), R >= 2.
        groups_N: a number or name for each row; rows of one group are one unit, as sentences of one
            document are. None takes each row as a unit.
        confidence: of the interval.

    Raises:
        ValueError: fewer than two replicates or two units, or lengths that differ.
    """
    d_RN = np.asarray(differences_RN, dtype=np.float64)
    if d_RN.ndim != 2 or len(d_RN) < 2:
        raise ValueError(
            f"differences_RN has shape {d_RN.shape}: must be (replicates, rows), 2 replicates or more"
        )
    estimate = float(d_RN.mean())
    d_RG, share_G = _units(d_RN - estimate, groups_N)
    replicates, units = d_RG.shape
    if units < 2:
        raise ValueError(f"groups_N has {units} groups: must be at least 2")
    d_R = d_RG.mean(axis=1)
    for d_G, of_replicate in zip(d_RG, d_R, strict=True):
        d_G -= of_replicate * units * share_G
        d_G *= (1 - 1 / units) / (1 - share_G)
    d_G = d_RG.mean(axis=0)
    of_replicates = units * float(d_R @ d_R) / (replicates - 1)
    of_rows = replicates * float(d_G @ d_G) / (units - 1)
    left = float(np.einsum("rg,rg->", d_RG, d_RG)) - replicates * float(d_G @ d_G)
    rest = max(0.0, left) / ((replicates - 1) * (units - 1))
    cells, freedom = replicates * units, _freedom(share_G)
    squares = Squares(
        (of_replicates / cells, of_rows / cells, rest / cells),
        (replicates - 1, freedom, (replicates - 1) * freedom),
    )
    half, p = squares.half_width(1 - confidence), squares.p_value(abs(estimate))
    return NewRows(
        estimate,
        estimate - half,
        estimate + half,
        p,
        replicates,
        units,
        squares.error,
        squares.rows_error,
        groups_N is not None,
        squares,
        () if groups_N is None else tuple(np.sort(share_G)[-10:][::-1].tolist()),
    )


@dataclass(frozen=True)
class Squares:
    """Mean squares of replicates, rows and rest, by the number of cells, and their degrees of freedom."""

    means: tuple[float, float, float]
    freedoms: tuple[float, float, float]

    @property
    def rows_error(self) -> float:
        """The part of the standard error that more replicates cannot remove."""
        _, rows, rest = self.means
        return float(max(rows - rest, 0.0) ** 0.5)

    @property
    def error(self) -> float:
        """The standard error of the mean difference."""
        return float((self.means[0] + self.rows_error**2) ** 0.5)

    def with_rows(self, times: float) -> "Squares":
        """Return what is to be expected of so many times the rows, with the same replicates."""
        replicates, rows, rest = self.means
        lasting = max(replicates - rest, 0.0)
        freedom = times * (1 + self.freedoms[1]) - 1
        return Squares(
            (lasting + (replicates - lasting) / times, rows / times, rest / times),
            (self.freedoms[0], freedom, self.freedoms[0] * freedom),
        )

    def with_replicates(self, number: int) -> "Squares":
        """Return what is to be expected of so many replicates, on the same rows."""
        replicates, rows, rest = self.means
        times, lasting = number / (1 + self.freedoms[0]), max(rows - rest, 0.0)
        return Squares(
            (replicates / times, lasting + (rows - lasting) / times, rest / times),
            (number - 1, self.freedoms[1], (number - 1) * self.freedoms[1]),
        )

    def half_width(self, alpha: float) -> float:
        """Return half of the interval that misses the truth with probability `alpha`."""
        replicates, rows, rest = (
            special.stdtrit(freedom, alpha / 2) ** 2 * mean if mean > 0 else 0.0
            for mean, freedom in zip(self.means, self.freedoms, strict=True)
        )
        return float((replicates + max(rows - rest, 0.0)) ** 0.5)

    def p_value(self, size: float) -> float:
        """Find the level at which the interval just reaches zero, by bisection of its logarithm."""
        if size == 0 or not any(self.means):
            return float(size == 0)
        low, high = LEAST, 0.0  # of log p
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if self.half_width(np.exp(middle)) >= size else (low, middle)
        return float(np.exp(high))


@dataclass(frozen=True)
class Remedies:
    """What is likely to show the difference: one of these alone, or rows with the most replicates."""

    rows: int | None = None  # units in all, replicates as they are; None: no number is enough
    replicates: int | None = None  # of each in all, rows as they are; None: no affordable number is enough
    rows_of_most: int | None = None  # units in all, with the most replicates that are affordable


def groups_counted(groups_N: ArrayLike) -> tuple[float, float]:
    """Return how many equal groups have a mean as uncertain as these, and how many tell as much of its error.

    The first is `equal_groups`, the second the degrees of freedom and 1.
    """
    share_G = group_shares(groups_N)
    return equal_groups(share_G), 1 + _freedom(share_G) if len(share_G) > 1 else 1.0


def _freedom(share_G: NDArray[np.float64]) -> float:
    """Degrees of freedom of the jackknife's variance where all groups vary alike; G - 1 of equal groups.

    With S = (I - w 1') D (I - 1 w') of the shares w and D = (w / (1 - w))^2 they are tr(S)^2 / tr(S^2).
    """
    w, q = share_G, (share_G / (1 - share_G)) ** 2
    total, ww, wq, qq = float(q.sum()), float(w @ w), float(w @ q), float(q @ q)
    trace = total - 2 * wq + total * ww
    crossed = total * float((w * w) @ q) - 2 * float((w * q) @ q)
    squared = qq + 2 * crossed + 2 * ww * qq + 2 * wq**2 + (total * ww) ** 2 - 4 * total * ww * wq
    return max(1.0, trace**2 / squared)


def _units(
    d_RN: NDArray[np.float64], groups_N: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums over each group, scaled to have the mean over rows as their mean, and its share of rows."""
    rows = d_RN.shape[1]
    if groups_N is None:
        return d_RN, np.full(rows, 1 / rows)
    names_N = np.asarray(groups_N)
    if names_N.shape != (d_RN.shape[1],):
        raise ValueError(
            f"groups_N has shape {names_N.shape}: must be one group for each of {d_RN.shape[1]} rows"
        )
    _, group_N = np.unique(names_N, return_inverse=True)
    groups = int(group_N.max()) + 1
    sums_RG = np.stack([np.bincount(group_N, weights=row_N, minlength=groups) for row_N in d_RN])
    share_G = np.bincount(group_N) / rows
    return sums_RG * (groups / rows), share_G


def reach_on_new_rows(
    rows: float, *, replicates: int, comparisons: int = 1, alpha: float = 0.05, units: float | None = None
) -> float:
    """Return about the smallest difference of two accuracies that is shown on new rows; at least one row.

    Half the interval of `new_rows` at the level that the first of so many comparisons has, where rows,
    replicates and the rest differ as was measured.

    Args:
        rows: of the test part, each of which differs on its own; or equal groups of them.
        replicates: of each network, two or more.
        comparisons: of the family.
        alpha: level of the family at the last look.
        units: groups of equal size that tell as much of how groups vary; None: each row is a group.
    """
    units = rows if units is None else units
    if units < 2:
        return 1.0
    rest = REST_DIFFERS**2 / (replicates * rows)
    squares = Squares(
        (REPLICATES_DIFFER**2 / replicates + rest, ROWS_DIFFER**2 / rows, rest),
        (replicates - 1, units - 1, (replicates - 1) * (units - 1)),
    )
    return min(1.0, max(squares.half_width(alpha / comparisons), 1 / rows))


def fewest_rows(majority: float, *, comparisons: int = 1, alpha: float = 0.05) -> int:
    """Return the fewest test rows at which any difference of two networks can be shown on new rows.

    In the best case replicates agree, one network is right on each row, and the other on those of the
    largest class alone. The variance of the mean is then that of k ones among n rows.

    Args:
        majority: share of the largest class; more than half counts as half, for scores other than accuracy.
        comparisons: of the family.
        alpha: its level.
    """
    for rows in itertools.count(3):
        apart = min(int(rows * (1 - min(majority, 0.5))), rows - 1)
        t = (apart * (rows - 1) / (rows - apart)) ** 0.5
        if 2 * special.stdtr(rows - 1, -t) * comparisons <= alpha:
            break
    return rows


def share_error(share: float, rows: int) -> float:
    """Return the standard error of a share of so many rows, as of an accuracy."""
    return float(np.sqrt(max(share * (1 - share), 0.0) / rows))


def row_values(counts_RNK: ArrayLike, score: Callable[[NDArray[np.float64]], float]) -> NDArray[np.float64]:
    """Spread a score that is no mean of rows, as macro F1, over the rows: what it loses without each.

    The mean of a replicate's values is its score, and their variance over rows is that of the score (the
    jackknife; Efron 1982, chapter 3). Rows with equal counts are computed once.

    Args:
        counts_RNK: counts of each row that add up over rows, of shape (R, N, K).
        score: of the sum over rows, shape (K,); it must be a number without any one row, too.

    Raises:
        ValueError: without a row the score is no number.
    """
    c_RNK = np.asarray(counts_RNK, dtype=np.float64)
    return np.stack([_row_values(c_NK, score) for c_NK in c_RNK])


def _row_values(
    c_NK: NDArray[np.float64], score: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    total_K = c_NK.sum(axis=0)
    kinds_UK, of_row_N = np.unique(c_NK, axis=0, return_inverse=True)
    value = float(score(total_K))
    lost_N = value - np.array([float(score(total_K - row_K)) for row_K in kinds_UK])[of_row_N.ravel()]
    if not np.isfinite(lost_N).all():
        raise ValueError("without one of the rows the score is no number: let it have a value there, as 0")
    values_N: NDArray[np.float64] = value + (len(c_NK) - 1) * (lost_N - lost_N.mean())
    return values_N
