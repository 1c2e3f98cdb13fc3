"""Whether more trials are worth asking for: the rise of the best score, and best values at a border."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.records import HealthRemark, Standing
from rnnsweep.comparison.statistics.budget import best_so_far, expected_best
from rnnsweep.comparison.trials import infeasible, last_attempts
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.config.schema import about_keys
from rnnsweep.safety.shell import command_line
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.dimensions import Choices, Dimension

Again = Callable[..., str]  # writes the command that runs more of the sweep, with further options
Bounds = tuple[float, float, bool]  # low, high, whether the scale is logarithmic
EDGE = 0.05  # share of a range that counts as its border
FEWEST_TRIALS = 10  # below this many nothing is said of convergence
FEWEST_REPLICATES = 3  # whose validation scores have a spread
PLAN = command_line("plan", "FILE")
NEW_SWEEP = "a new sweep file: a line with its question, `like:` with the name of this file, and "


def search_further(
    standing: Standing,
    trials: pd.DataFrame,
    bounds: Mapping[str, Bounds],
    *,
    margin: float,
    again: Again,
) -> Iterator[HealthRemark]:
    """Say of an architecture where a wider space or more trials are likely to find a better configuration.

    A score counts as better than another by what is above the margin and above what replicates of one
    configuration differ. So the advice ends: neither a score of chance nor a small gain keeps it up.

    Args:
        standing: of the architecture.
        trials: of it, the last attempt of each.
        bounds: (low, high, log) of each range that it was searched in.
        margin: what counts as a difference.
        again: writes the command that runs more of the sweep.

    Returns:
        One remark for each value at a border, and one on the trials.
    """
    least = max(margin, _spread(standing))
    for key, value, side, bound in _at_border(standing, trials, bounds, least):
        yield HealthRemark(
            f"{standing.architecture}: the best {key} ({value:.4g}) is at the {side} border ({bound:.4g}) of "
            "the space: a better one may be beyond it.",
            f"widen space.{key} in {changed_space(standing, again, trials)}",
            standing.architecture,
        )
    rises = _rises(trials)
    if rises is not None and min(rises) > least:
        yield HealthRemark(
            f"{standing.architecture}: the second half of its trials improved the best validation score by "
            f"{apart(standing.score, rises[0])}: the search has not converged.",
            more_trials(standing, again, trials),
            standing.architecture,
        )


def converged(
    runs: pd.DataFrame,
    standings: Sequence[Standing],
    *,
    bounds: Mapping[str, Mapping[str, Bounds]],
    margin: float,
) -> list[str]:
    """Name the architectures of which neither more trials nor a wider space are likely to find a better one.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`, scores turned.
        standings: made of them.
        bounds: the ranges that each architecture was searched in.
        margin: what counts as a difference.

    Returns:
        Their names, best first.
    """
    trials = last_attempts(runs[runs["role"] == "trial"])
    names = []
    for standing in standings:
        own = trials[trials["architecture"] == standing.architecture]
        least, rises = max(margin, _spread(standing)), _rises(own)
        at_border = any(_at_border(standing, own, bounds.get(standing.architecture, {}), least))
        if rises is not None and rises[1] <= least and not at_border:
            names.append(standing.architecture)
    return names


def say_converged(names: Sequence[str], standings: Sequence[Standing]) -> str:
    """Return whose search has converged, and by what; nothing where that is not known of any."""
    if not names:
        return ""
    networks = [s for s in standings if not s.baseline]
    of = "" if len(names) == len(networks) else f" for {names_of(names)}"
    spread = any(_spread(s) for s in networks if s.architecture in names)
    least = "the margin or the spread of replicates" if spread else "the margin"
    return (
        f"The search has converged{of}: twice the trials are not expected to improve the best validation"
        f" score by more than {least}."
    )


def more_trials(standing: Standing, again: Again, trials: pd.DataFrame) -> str:
    """Return how to search with as many trials again.

    Once test scores were compared, a search that continues pays for it: a new sweep is the better way.
    """
    if standing.replicates:
        return f"write {NEW_SWEEP}`trials: {2 * len(trials)}`; then: {PLAN}"
    return again("--trials", str(2 * len(trials)))


def changed_space(standing: Standing, again: Again, trials: pd.DataFrame) -> str:
    """Return where a space is changed, and the command that searches it, as `more_trials` does."""
    if standing.replicates:
        return f"{NEW_SWEEP}the whole `space:`; then: {PLAN}"
    return f"the sweep's file, then: {again('--trials', str(2 * len(trials)), '--accept-changes')}"


def _spread(standing: Standing) -> float:
    """Return the standard deviation of the replicates' own validation scores; 0 where too few have one."""
    known = [one.validation for one in standing.replicates if one.validation is not None]
    return float(np.std(known, ddof=1)) if len(known) >= FEWEST_REPLICATES else 0.0


def _wins(trials: pd.DataFrame) -> "pd.Series[float]":
    """Return the validation score of each trial that can win, and NaN of the others."""
    wins = trials["state"].eq("complete") & ~infeasible(trials)
    return trials["validation"].astype(float).where(wins)


def _rises(trials: pd.DataFrame) -> tuple[float, float] | None:
    """Return by how much the second half of the trials raised the best score, and does over all their orders.

    The first is mostly chance. The second, a mean, is about the most to be expected of doubling the trials.

    Returns:
        None where there are too few trials, or none of the first half has a score.
    """
    ended = trials[trials["state"].isin(["complete", "pruned", "failed"])].sort_values("trial")
    if len(ended) < FEWEST_TRIALS:
        return None
    scores, half = np.asarray(_wins(ended), dtype=np.float64), len(ended) // 2
    before, best = best_so_far(scores)[[half - 1, -1]]
    if not math.isfinite(before):
        return None
    worst = float(np.nanmin(scores))
    return float(best - before), float(best) - expected_best(np.nan_to_num(scores, nan=worst), half)


def _at_border(
    standing: Standing, trials: pd.DataFrame, bounds: Mapping[str, Bounds], least: float
) -> Iterator[tuple[str, float, str, float]]:
    """Yield (key, value, side, bound) of the best trial's values at a border that may be moved.

    A border where a trial inside the space is as good, but for `least`, is none that holds the search back.
    """
    best = trials[trials["run_id"].astype(str) == standing.run_id]
    for key, (low, high, log) in bounds.items():
        if key not in best or not len(best) or low == high or trials[key].nunique() < 2:
            continue  # not searched here
        where = _position(best[key].iloc[0], low, high, log)
        if where is None or EDGE < where < 1 - EDGE:
            continue
        side, bound = ("lower", low) if where < 0.5 else ("upper", high)
        if _is_last_allowed(key, bound, -math.inf if side == "lower" else math.inf):
            continue
        places = (_position(value, low, high, log) for value in trials[key])
        inside = [place is not None and EDGE < place < 1 - EDGE for place in places]
        scores = _wins(trials)
        if not scores[inside].max() >= scores[best.index].max() - least:
            yield key, float(best[key].iloc[0]), side, bound


def _is_last_allowed(key: str, bound: float, towards: float) -> bool:
    """Return whether the setting allows no value beyond a border, so that its range cannot be widened."""
    about = about_keys().get(key)
    beyond = math.nextafter(bound, towards)
    return about is not None and about.within is not None and not about.within.holds(beyond)


def _position(value: Any, low: float, high: float, log: bool) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if log:
        number, low, high = (float(np.log(v)) for v in (number, low, high))
    share = (number - low) / (high - low)
    return share if np.isfinite(share) else None


def searched_ranges(sweep: Sweep | str) -> dict[str, dict[str, Bounds]]:
    """Return the ranges that each architecture was searched in."""
    if isinstance(sweep, str):
        return {}
    return {name: dict(_ranges(sweep.dimensions(name))) for name in sweep.architectures}


def _ranges(dimensions: Sequence[Dimension]) -> Iterator[tuple[str, Bounds]]:
    for one in dimensions:
        if not isinstance(one, Choices):
            yield one.key, (float(one.low), float(one.high), one.log)
