"""Architectures over several corpora: Friedman's test with Iman and Davenport's, and Nemenyi's difference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Friedman:
    """Mean ranks (1 is best) and the p of no difference between the architectures."""

    ranks: tuple[float, ...]
    statistic: float
    p: float
    iman_davenport: float
    iman_davenport_p: float


def friedman(scores: ArrayLike) -> Friedman:
    """Friedman's test, ties averaged, with the F statistic of Iman and Davenport 1980 (Demsar 2006).

    Args:
        scores: of shape (corpora, architectures), higher is better. Corpora are the blocks, never seeds:
            seeds of one corpus say nothing of another.

    Raises:
        ValueError: fewer than 2 corpora or 3 architectures.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3:
        raise ValueError(
            f"scores have shape {table.shape}: must be 2 or more corpora by 3 or more architectures"
        )
    n, k = table.shape
    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    statistic, p = (float(v) for v in stats.friedmanchisquare(*table.T))
    room = n * (k - 1) - statistic
    f = float("inf") if room <= 1e-12 else (n - 1) * statistic / room
    f_p = float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))
    return Friedman(tuple(map(float, ranks)), statistic, p, f, f_p)


def nemenyi_difference(architectures: int, corpora: int, *, alpha: float = 0.05) -> float:
    """Difference of mean ranks from which on two architectures differ (Nemenyi 1963, as in Demsar 2006).

    q is the studentised range over sqrt(2) with infinite degrees of freedom: 1.960 for 2, 2.728 for 5.
    """
    q = stats.studentized_range.ppf(1 - alpha, architectures, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(architectures * (architectures + 1) / (6 * corpora)))
