"""What seconds of search buy: the best score to expect, who leads when, and where the lead changes.

Shapes: S studies, G times of the grid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.statistics.budget import FEWEST_STUDIES, BudgetCurve, best_so_far, budget_curve
from rnnsweep.comparison.statistics.intervals import means_band

POINTS = 60  # of a curve
ORDERS = 400  # in which the trials might have come
HOUR = 3600.0
ASKED = ((60.0, "a minute"), (600.0, "ten minutes"), (HOUR, "an hour"), (10 * HOUR, "ten hours"))


@dataclass(frozen=True)
class TimeCurve:
    """Expected best score after so many seconds of trials, with a band of 95 %; arrays of one length."""

    seconds: NDArray[np.float64]
    expected: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def time_curve(scores: ArrayLike, seconds: ArrayLike, *, seed: int = 0) -> TimeCurve | None:
    """Expected best of the independent trials that end within a time, one after another.

    The mean over random orders of the trials that there were: a trial counts once it has ended. The curve
    begins where 19 of 20 orders have ended a trial and stops at half of what was spent, beyond which it
    would rest on few trials (Tang et al. 2020, arXiv:2004.13705). The band is that of the expected best of as
    many trials as have ended by then.

    Returns:
        None where fewer than 4 trials are known, or half of the time ends no two of them.
    """
    v, t = (np.asarray(x, dtype=np.float64) for x in (scores, seconds))
    known = np.isfinite(v) & np.isfinite(t) & (t > 0)
    v, t = v[known], t[known]
    if len(v) < 4:
        return None
    rng = np.random.default_rng(seed)
    orders = np.argsort(rng.random((ORDERS, len(v))), axis=1)
    start = float(np.quantile(t[orders[:, 0]], 0.95))
    end = float(t.sum()) / 2
    if end <= start:
        return None
    grid = np.geomspace(start, end, POINTS)
    best, ended = _best_after(v[orders], t[orders], grid)
    expected = np.nanmean(best, axis=0)
    low, high = _band(budget_curve(v, seed=seed), ended.mean(axis=0))
    return TimeCurve(grid, expected, expected - low, expected + high)


def _band(curve: BudgetCurve, ended: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the expected best of so many trials may lie below and above its estimate."""
    reach = (curve.expected - curve.low, curve.high - curve.expected)
    below, above = (np.interp(ended, curve.trials, one) for one in reach)
    return below, above


def _best_after(
    v: NDArray[np.float64], t: NDArray[np.float64], grid: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Best score of each order at each time of the grid, NaN before its first trial ended; trials ended."""
    ended, best = np.cumsum(t, axis=1), np.maximum.accumulate(v, axis=1)
    count = np.stack([np.searchsorted(row, grid, side="right") for row in ended])
    padded = np.hstack([np.full((len(v), 1), np.nan), best])
    return np.take_along_axis(padded, count, axis=1), count


def study_time_curve(scores: Sequence[ArrayLike], seconds: Sequence[ArrayLike]) -> TimeCurve | None:
    """Expected best after so many seconds of a search whose trials depend on earlier ones, by whole studies.

    As `budget.study_curve`, over the seconds of trials that each study had spent, in the order that it had.

    Args:
        scores: of each study in the order of its trials; NaN where a trial cannot win.
        seconds: of the same trials; NaN counts as none.

    Returns:
        None for too few studies, or where no time is covered by all.
    """
    paths = [_path(v, t) for v, t in zip(scores, seconds, strict=True)]
    paths = [(ended, best) for ended, best in paths if len(ended)]
    if len(paths) < FEWEST_STUDIES:
        return None
    start, end = max(float(t[0]) for t, _ in paths), min(float(t[-1]) for t, _ in paths)
    if end <= start:
        return None
    grid = np.geomspace(start, end, POINTS)
    grid[0], grid[-1] = start, end  # not a rounding error before the first trial's end
    best_SG = np.stack([best[np.searchsorted(ended, grid, side="right") - 1] for ended, best in paths])
    low, high = means_band(best_SG)
    return TimeCurve(grid, best_SG.mean(axis=0), low, high)


def _path(scores: ArrayLike, seconds: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When each trial of a study had ended, and the best score then; from the first score on."""
    best = best_so_far(np.asarray(scores, dtype=np.float64))
    ended = np.cumsum(np.nan_to_num(np.asarray(seconds, dtype=np.float64)))
    known = np.isfinite(best)
    return ended[known], best[known]


@dataclass(frozen=True)
class Bought:
    """Curves by architecture, or the reason why there are none and the command that makes them possible."""

    curves: Mapping[str, BudgetCurve] = field(default_factory=dict)
    time_curves: Mapping[str, TimeCurve] = field(default_factory=dict)
    studies: int = 0  # whole studies that the curves rest on; 0: on the trials of one
    refusal: str = ""
    next: str = ""


@dataclass(frozen=True)
class Lead:
    """Who has the best expected score from a time of search on."""

    architecture: str
    since: float


def leads(curves: Mapping[str, TimeCurve]) -> list[Lead]:
    """Return who leads when, over the times that all curves cover; an entry for each crossing at the top."""
    start, end = _covered(curves)
    if not curves or end <= start:
        return []
    grid = np.geomspace(start, end, 200)
    names = list(curves)
    heights = np.stack([np.interp(grid, curves[n].seconds, curves[n].expected) for n in names])
    first = heights.argmax(axis=0)
    changes = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist()]
    return [Lead(names[first[i]], float(grid[i])) for i in changes]


def _covered(curves: Mapping[str, TimeCurve]) -> tuple[float, float]:
    if not curves:
        return 0.0, 0.0
    return max(float(c.seconds[0]) for c in curves.values()), min(
        float(c.seconds[-1]) for c in curves.values()
    )


def say_spending(curves: Mapping[str, TimeCurve]) -> list[str]:
    """Return what to take for a time of search, where the lead changes, and what is not covered."""
    all_leads = leads(curves)
    if len(curves) < 2 or not all_leads:
        return []
    start, end = _covered(curves)
    sentences = [_say_leads(all_leads, start, end)]
    for seconds, words in ASKED:
        if start <= seconds <= end:
            leader = [lead for lead in all_leads if lead.since <= seconds][-1].architecture
            score = float(np.interp(seconds, curves[leader].seconds, curves[leader].expected))
            sentences.append(
                f"If you have {words} of search: {leader}, expected to reach {score:.4f} on validation."
            )
    if end < HOUR:
        sentences.append(
            f"An hour for each is beyond what these searches tell: they cover {duration(end)}. Raise trials "
            "to learn more."
        )
    return sentences


def _say_leads(all_leads: Sequence[Lead], start: float, end: float) -> str:
    if len(all_leads) == 1:
        return (
            f"{all_leads[0].architecture} has the best expected score for any time of search from "
            f"{duration(start)} to {duration(end)}: the curves do not cross at the top."
        )
    parts = [f"{lead.architecture} from {duration(lead.since)} on" for lead in all_leads[:5]]
    more = f", and {len(all_leads) - 5} more changes" if len(all_leads) > 5 else ""
    return f"The curves cross: the best expected score has {', then '.join(parts)}{more}."


def duration(seconds: float) -> str:
    """Write a time: 45 s, 12 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / HOUR:.1f} h"
