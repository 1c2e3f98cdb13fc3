"""What a budget buys: the best validation score to expect of n independent trials."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from rnnsweep.comparison.intervals import Scores, finite

INDEPENDENT = ("qmc", "random")  # samplers whose trials do not depend on earlier ones


@dataclass(frozen=True)
class BudgetCurve:
    """Expected best of n trials for n = 1, 2, ..., with a band of 95 %; arrays of the same length."""

    trials: NDArray[np.int64]
    expected: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def expected_best(scores: Scores) -> NDArray[np.float64]:
    """Expected best of n = 1 ... B trials drawn from B independent ones without replacement; shape (B,).

    The unbiased form: sum over i >= n of v_(i) C(i-1, n-1) / C(B, n), v sorted upwards. The plug-in
    form of Dodge et al. 2019 (arXiv:1909.03004) is biased downwards (Tang et al. 2020, arXiv:2004.13705).
    """
    v = np.sort(finite(scores))
    return np.asarray(_weights(len(v)) @ v)


def _weights(total: int) -> NDArray[np.float64]:
    """Chance that the i-th smallest is the largest of n drawn: row n - 1, column i - 1."""
    i = np.arange(1, total + 1)[None, :]
    n = np.arange(1, total + 1)[:, None]
    inside = np.where(i >= n, i - n, 0)
    log = gammaln(i) - gammaln(n) - gammaln(inside + 1) - _log_choose(total, n)
    return np.where(i >= n, np.exp(log), 0.0)


def _log_choose(total: int, n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(gammaln(total + 1) - gammaln(n + 1) - gammaln(total - n + 1))


def budget_curve(scores: Scores, *, seed: int = 0, resamples: int = 400) -> BudgetCurve:
    """Expected best of the first half of the budget, with a percentile band from drawing the trials again.

    Beyond half of the trials the estimate rests on a few largest values and its band is too narrow
    (Tang et al. 2020), so the curve ends there.
    """
    v = finite(scores)
    upto = max(1, len(v) // 2)
    weights = _weights(len(v))[:upto]
    drawn = np.sort(np.random.default_rng(seed).choice(v, size=(resamples, len(v))), axis=1)
    low, high = np.percentile(drawn @ weights.T, [2.5, 97.5], axis=0)
    return BudgetCurve(np.arange(1, upto + 1), weights @ np.sort(v), low, high)
