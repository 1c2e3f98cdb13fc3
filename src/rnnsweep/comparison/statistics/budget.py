"""What a budget buys: the best validation score to expect of n trials, independent or of whole studies.

Shapes: S studies, B trials, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from rnnsweep.comparison.statistics.intervals import Scores, finite, means_band

FEWEST_STUDIES = 3  # below this many whole studies their mean has no band


@dataclass(frozen=True)
class BudgetCurve:
    """Expected best of n trials for n = 1, 2, ..., with a band of 95 %; arrays of the same length."""

    trials: NDArray[np.int64]
    expected: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def _weights(total: int, sizes: Sequence[int]) -> NDArray[np.float64]:
    """Chance that the i-th smallest is the largest of n drawn without replacement; a row for each n.

    The unbiased form: C(i-1, n-1) / C(B, n). The plug-in form of Dodge et al. 2019 (arXiv:1909.03004) is
    biased downwards (Tang et al. 2020, arXiv:2004.13705).
    """
    i = np.arange(1, total + 1)[None, :]
    n = np.asarray(sizes)[:, None]
    inside = np.where(i >= n, i - n, 0)
    log_choose = gammaln(total + 1) - gammaln(n + 1) - gammaln(total - n + 1)
    log = gammaln(i) - gammaln(n) - gammaln(inside + 1) - log_choose
    return np.where(i >= n, np.exp(log), 0.0)


def budget_curve(scores: Scores, *, seed: int = 0, resamples: int = 400) -> BudgetCurve:
    """Expected best of the first half of the budget, with a percentile band from drawing the trials again.

    Beyond half of the trials the estimate rests on a few largest values and its band is too narrow
    (Tang et al. 2020), so the curve ends there.
    """
    v = finite(scores)
    upto = max(1, len(v) // 2)
    weights = _weights(len(v), range(1, upto + 1))
    drawn = np.sort(np.random.default_rng(seed).choice(v, size=(resamples, len(v))), axis=1)
    low, high = np.percentile(drawn @ weights.T, [2.5, 97.5], axis=0)
    return BudgetCurve(np.arange(1, upto + 1), weights @ np.sort(v), low, high)


def expected_best(scores: Scores, trials: int) -> float:
    """Return the expected best score of so many of these trials, drawn without replacement (unbiased)."""
    v = np.sort(np.asarray(scores, dtype=np.float64))
    return float((_weights(len(v), [trials]) @ v)[0])


def study_curve(scores: Sequence[Scores]) -> BudgetCurve | None:
    """Expected best after n trials of a search whose trials depend on earlier ones, by its whole studies.

    The best so far of each study, averaged over the studies: unbiased for every sampler and pruner, since
    whole studies are independent where their trials are not (Dodge et al. 2019, arXiv:1909.03004, section 5;
    the variance of the search itself is what Bouthillier et al. 2021, arXiv:2103.03098, ask to be repeated).
    The band of each n is that of a mean: Student's t over the studies, widened where their bootstrap reaches
    further; no trial is drawn on its own. Where a search now and then fails outright, few studies do not show
    it, and the band is too narrow.

    Args:
        scores: of each study in the order of its trials; NaN where a trial cannot win.

    Returns:
        None for fewer than `FEWEST` studies with a score. The curve begins where each of them has one and
        ends with the shortest.
    """
    paths = [best_so_far(one) for one in scores]
    paths = [path for path in paths if np.isfinite(path).any()]
    if len(paths) < FEWEST_STUDIES:
        return None
    end = min(map(len, paths))
    best_SB = np.stack([path[:end] for path in paths])
    known = np.isfinite(best_SB).all(axis=0)
    if not known.any():
        return None
    best_SB = best_SB[:, known]
    low, high = means_band(best_SB)
    return BudgetCurve(np.flatnonzero(known) + 1, best_SB.mean(axis=0), low, high)


def best_so_far(scores: Scores) -> NDArray[np.float64]:
    """Return the highest score up to each trial; NaN before the first that has one."""
    best = np.fmax.accumulate(np.asarray(scores, dtype=np.float64))
    return np.asarray(best)
