"""The test scores of an architecture's replicates, described: mean, interval, spread."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.comparison.evidence.records import Replicate, TestScore
from rnnsweep.comparison.statistics.cross_validation import fold_interval
from rnnsweep.comparison.statistics.intervals import (
    interquartile_mean_interval,
    mean_interval,
    median_interval,
)
from rnnsweep.comparison.trials import overrides_of

if TYPE_CHECKING:
    import pandas as pd


def over_folds(replicates: Sequence[Replicate]) -> TestScore | None:
    """Describe the scores of a cross-validation; None where there are no folds."""
    folds = {one.folds for one in replicates}
    if len(replicates) < 2 or folds in ({0}, set()):
        return None
    scores = [one.test for one in replicates]
    mean = fold_interval(scores, [one.fold for one in replicates], folds=max(folds))
    spread = float(np.std(scores, ddof=1))
    return TestScore(mean.estimate, mean.low, mean.high, len(scores), mean.method, spread=spread)


def describe_scores(scores: list[float], *, single: bool = False) -> TestScore:
    """Describe replicates' scores; the `single` fit of a baseline has a score and no interval."""
    if not scores:
        return TestScore(None, None, None, 0)
    if single or len(scores) == 1:
        return TestScore(scores[0], None, None, len(scores), "one fit" if single else "one seed: no interval")
    interval = mean_interval(scores)
    return TestScore(
        interval.estimate,
        interval.low,
        interval.high,
        len(scores),
        interval.method,
        median_interval(scores),
        interquartile_mean_interval(scores),
        float(np.std(scores, ddof=1)),
    )


def scored(runs: "pd.DataFrame") -> "pd.DataFrame":
    """Return the complete replicates and fits of the baseline."""
    return runs[runs["role"].isin(["replicate", "baseline"]) & (runs["state"] == "complete")]


def first_scored(runs: "pd.DataFrame") -> Mapping[Any, Any]:
    """Return the run whose test rows are described and shown, one of the first fold; empty: there is none."""
    rows = scored(runs).to_dict("records")
    return min(rows, key=lambda row: fold_of(overrides_of(row["overrides"]))["fold"], default={})


def fold_of(overrides: Sequence[str]) -> dict[str, int]:
    """Return the fold, and how many there are, that a replicate's overrides name; 0 where there are none."""
    settings = {key: value for key, _, value in (override.partition("=") for override in overrides)}
    values = {name: settings.get(f"data.{name}", "") for name in ("fold", "folds")}
    known = all(value.isdecimal() for value in values.values())
    return {name: int(value) if known else 0 for name, value in values.items()}
