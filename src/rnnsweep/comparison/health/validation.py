"""What validation scores are worth: of how few rows they are, and whose settings chance chose by them."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from rnnsweep.comparison.evidence.records import HealthRemark, Standing, Verdict
from rnnsweep.comparison.health.convergence import NEW_SWEEP, PLAN
from rnnsweep.comparison.predictions import ValidationPart
from rnnsweep.comparison.statistics.new_rows import share_error
from rnnsweep.comparison.trials import feasible_trials, last_attempts
from rnnsweep.comparison.words import apart, names_of

FEWEST_COMPLETE = 3  # trials, of which the better half says how near to each other they are
WIDER_VALIDATION = 0.25  # data.validation_share that is advised where it is smaller
CLAIMS = ("better", "worse", "equivalent")  # how verdicts begin that claim something
LUCK = 4  # standard errors of a validation score, up to which its luck may move a difference
MANY = 3  # names are more than a line of a terminal has room for


def chosen_by_chance(
    runs: pd.DataFrame, standings: Sequence[Standing], part: ValidationPart | None, *, margin: float
) -> dict[str, float]:
    """Name the architectures whose trials are too near to each other for so few validation rows.

    The standard error of the best score is larger than what the best trial is ahead of the median of the
    complete ones, and larger than the margin. It is known of scores that count right rows alone.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`, scores turned.
        standings: made of them.
        part: the validation rows, where they are known.
        margin: what counts as a difference.

    Returns:
        How far the best trial of each is ahead of the median.
    """
    if part is None or not standings or not standings[0].score.counts_right_rows:
        return {}
    trials = feasible_trials(last_attempts(runs[runs["role"] == "trial"]))
    near = {}
    for standing in standings:
        own = trials.loc[trials["architecture"] == standing.architecture, "validation"].astype(float)
        if len(own) >= FEWEST_COMPLETE:
            ahead = float(own.max() - own.median())
            if share_error(float(own.max()), part.rows) > max(ahead, margin):
                near[standing.architecture] = ahead
    return near


def few_rows(
    near: Mapping[str, float], standings: Sequence[Standing], part: ValidationPart | None
) -> Iterator[HealthRemark]:
    """Say of which architectures chance chose the configuration; `near` is of `chosen_by_chance`."""
    if part is None or not near:
        return
    best = max(s.validation or 0.0 for s in standings if s.architecture in near)
    score, least = standings[0].score, " at least" if part.grouped else ""
    error = apart(score, share_error(best, part.rows))
    of = names_of(list(near)) if len(near) == 1 else f"each of {names_of(list(near))}"
    within = apart(score, max(near.values()))
    yield HealthRemark(
        f"{part.rows:,} validation rows: the standard error of a validation score is{least} {error}. Half"
        f" of the complete trials of {of} score within {within} of the best one, so mostly chance decided"
        " which of their configurations was chosen.",
        f"write {NEW_SWEEP}another `seed:`, which shows how much the choice matters,"
        f" or {more_rows(part.share)}; then: {PLAN}",
        next(iter(near)) if len(near) == 1 else None,
    )


def say_luck(
    near: Mapping[str, float],
    standings: Sequence[Standing],
    verdicts: Sequence[Verdict],
    part: ValidationPart | None,
) -> str:
    """Return in a line that verdicts rest on configurations that chance chose; nothing where none does.

    Args:
        near: of `chosen_by_chance`.
        standings: of all networks.
        verdicts: of which those count that claim something another choice could change.
        part: the validation rows, where they are known.
    """
    chosen = [
        s.architecture
        for s in standings
        if s.architecture in near and part is not None and _could_change(s, verdicts, part)
    ]
    if not chosen:
        return ""
    whose = names_of(chosen) if len(chosen) < MANY else f"{len(chosen)} networks"
    return f"Mostly chance chose the settings of {whose}: another search may differ."


def _could_change(standing: Standing, verdicts: Sequence[Verdict], part: ValidationPart) -> bool:
    """Return whether the luck of the choice could change a claim on an architecture."""
    moved = LUCK * share_error(standing.validation or 0.0, part.rows)
    return any(
        v.difference is not None and abs(v.difference) <= moved
        for v in verdicts
        if standing.architecture in (v.a, v.b) and v.verdict.startswith(CLAIMS)
    )


def more_rows(share: float | None) -> str:
    """Return what gives a search more validation rows, in a few words."""
    if share is None:
        return "more validation rows in the file that data.validation names"
    if share < WIDER_VALIDATION:
        return f"data.validation_share={WIDER_VALIDATION:g} under `overrides:`"
    return "more rows"
