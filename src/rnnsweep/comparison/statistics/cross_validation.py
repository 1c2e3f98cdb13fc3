"""What scores over the folds of a cross-validation say of a mean.

Two folds share most of their training rows. So their scores are correlated, and no unbiased estimate of their
variance exists (Bengio and Grandvalet 2004, JMLR 5:1089). The corrected resampled t (Nadeau and Bengio 2003,
Machine Learning 52:239) takes 1 / folds + test rows / training rows in place of 1 / folds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rnnsweep.comparison.statistics.intervals import Interval

METHOD = "corrected resampled t (Nadeau and Bengio 2003)"


@dataclass(frozen=True)
class FoldMean:
    """A mean over folds, its standard error, and the folds that it rests on."""

    estimate: float
    error: float
    folds: int

    def t_probability(self, distance: float) -> float:
        """Return the probability that Student's t of folds - 1 exceeds a distance in standard errors."""
        if self.error == 0:  # scores of small folds can be equal by chance: no less than a sign-flip test has
            return 0.5**self.folds if distance > 0 else 1.0
        return float(special.stdtr(self.folds - 1, -distance / self.error))


def fold_mean(values_R: ArrayLike, fold_R: ArrayLike, *, folds: int) -> FoldMean | None:
    """Return the mean of R replicates over the folds that they were tested on; None of fewer than two folds.

    Replicates of one fold share all their rows: they are averaged, and count once.

    Args:
        values_R: a score, or a difference of two, of each replicate.
        fold_R: the fold of each replicate.
        folds: that the rows were drawn into; a test part has 1 / (folds - 1) of the training rows.
    """
    values, fold = np.asarray(values_R, dtype=np.float64), np.asarray(fold_R)
    means_J: NDArray[np.float64] = np.array([values[fold == each].mean() for each in np.unique(fold)])
    if len(means_J) < 2:
        return None
    spread = float(means_J.std(ddof=1))
    error = spread * (1 / len(means_J) + 1 / (folds - 1)) ** 0.5
    return FoldMean(float(means_J.mean()), error if spread > 1e-12 else 0.0, len(means_J))


def fold_p(values_R: ArrayLike, fold_R: ArrayLike, *, folds: int) -> float:
    """Return the two-sided p of a mean of zero; 1 of fewer than two folds."""
    mean = fold_mean(values_R, fold_R, folds=folds)
    return 1.0 if mean is None else min(1.0, 2 * mean.t_probability(abs(mean.estimate)))


def fold_equivalence_p(values_R: ArrayLike, fold_R: ArrayLike, margin: float, *, folds: int) -> float:
    """Return the p of a mean beyond the margin: two one-sided tests; 1 of fewer than three folds.

    Args:
        values_R: difference of each replicate.
        fold_R: the fold that each replicate tests on.
        margin: differences below this count as nothing; in the unit of the values.
        folds: of the cross-validation.
    """
    mean = fold_mean(values_R, fold_R, folds=folds)
    if mean is None or mean.folds < 3 or margin <= 0:
        return 1.0
    return mean.t_probability(margin - abs(mean.estimate))


def fold_interval(
    values_R: ArrayLike, fold_R: ArrayLike, *, folds: int, confidence: float = 0.95
) -> Interval:
    """Return the interval of a mean over folds; withheld of fewer than three folds.

    Args:
        values_R: value of each replicate.
        fold_R: the fold that each replicate tests on.
        folds: of the cross-validation.
        confidence: chance that such an interval covers the mean.
    """
    mean = fold_mean(values_R, fold_R, folds=folds)
    values = np.asarray(values_R, dtype=np.float64)
    if mean is None or mean.folds < 3:
        covered = 1 if mean is None else mean.folds
        return Interval(float(values.mean()), None, None, covered, f"withheld: {covered} of {folds} folds")
    half = float(special.stdtrit(mean.folds - 1, (1 + confidence) / 2)) * mean.error
    return Interval(mean.estimate, mean.estimate - half, mean.estimate + half, mean.folds, METHOD)
