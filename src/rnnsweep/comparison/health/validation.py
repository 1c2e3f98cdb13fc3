"""What validation scores are worth: of how few rows they are, and why they are above those of the test."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.disagreement import unchosen_gap
from rnnsweep.comparison.evidence.records import HealthRemark, Standing, Verdict
from rnnsweep.comparison.health.convergence import NEW_SWEEP, PLAN
from rnnsweep.comparison.predictions import ValidationPart
from rnnsweep.comparison.statistics.new_rows import share_error
from rnnsweep.comparison.trials import feasible_trials, last_attempts
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.tasks import Score

FEWEST_COMPLETE = 3  # trials, of which the better half says how near to each other they are
WIDER_VALIDATION = 0.25  # data.validation_share that is advised where it is smaller
GAP = 0.03  # validation minus test
CLAIMS = ("better", "worse", "equivalent")  # how verdicts begin that claim something
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


def say_luck(near: Mapping[str, float], standings: Sequence[Standing], verdicts: Sequence[Verdict]) -> str:
    """Return in a line that verdicts rest on configurations that chance chose; nothing where none does.

    Args:
        near: of `chosen_by_chance`.
        standings: of all networks.
        verdicts: of which those that claim something count.
    """
    claimed = {name for v in verdicts if v.verdict.startswith(CLAIMS) for name in (v.a, v.b)}
    chosen = [s.architecture for s in standings if s.architecture in near and s.architecture in claimed]
    if not chosen:
        return ""
    whose = names_of(chosen) if len(chosen) < MANY else f"{len(chosen)} networks"
    return f"Mostly chance chose the settings of {whose}: another search may differ."


def more_rows(share: float | None) -> str:
    """Return what gives a search more validation rows, in a few words."""
    if share is None:
        return "more validation rows in the file that data.validation names"
    if share < WIDER_VALIDATION:
        return f"data.validation_share={WIDER_VALIDATION:g} under `overrides:`"
    return "more rows"


def gap(
    standings: Sequence[Standing], margin: float, curves: pd.DataFrame | None = None
) -> Iterator[HealthRemark]:
    """Name networks whose best validation score is far above the test mean, and what each source adds."""
    networks = [s for s in standings if not s.baseline]
    known = [(s, s.validation, s.test.mean) for s in networks]
    gaps = [(s, v - t) for s, v, t in known if v is not None and t is not None]
    wide = [one for one in gaps if one[1] > (5 * margin if one[0].score.relative else GAP)]
    if not wide:
        return
    score, names = wide[0][0].score, [one.architecture for one, _ in wide]
    above = float(np.mean([size for _, size in wide]))
    unchosen = [own for own in (unchosen_gap(one) for one, _ in wide) if own is not None]
    why = "The replicates have no validation score that would say why."
    if unchosen:
        why = _sources(
            score, above, float(np.mean(unchosen)), _of_baseline(standings), _several(wide, curves)
        )
    mean = " on average" if len(wide) > 1 else ""
    yield HealthRemark(
        f"{names_of(names)}: the best trial's validation score is {apart(score, above)} better than the test"
        f" mean{mean}. {why} Trust the test column.",
        "",
        names[0] if len(names) == 1 else None,
    )


def _sources(score: Score, above: float, own: float, linear: tuple[str, float] | None, several: bool) -> str:
    """Return what of a gap is of the rows, of the choice within a training, and of the search's choice."""
    other = above - own
    replicates = f"Replicates, which the search did not choose by their scores, are {_side(score, own)}"
    chosen = "that the search chose the trial by this score, with the luck of its one seed."
    if own <= 0:
        return f"{replicates}: so the gap is {chosen}"
    share = (
        f"the other {apart(score, other)} are {chosen}" if other > 0 else "the search's choice adds nothing."
    )
    if not several:
        return f"{replicates}: so much do validation rows and test rows differ; {share}"
    keeps = "each training keeps the best of its validations"
    if linear is None:
        return f"{replicates}: validation rows and test rows differ, and {keeps}; {share}"
    name, rows = linear
    rest = f"; {apart(score, own - rows)} more are mostly that {keeps}" if own > rows else ""
    return (
        f"{replicates}; the {name} baseline, which chooses by validation little more than its penalty, is"
        f" {_side(score, rows)}. So validation rows and test rows differ by about that{rest}; {share}"
    )


def _side(score: Score, gap: float) -> str:
    """Return by how much a validation score is better or worse than that of the test rows."""
    than = "better" if gap >= 0 else "worse"
    return f"{apart(score, abs(gap))} {than} on validation rows than on test rows"


def _of_baseline(standings: Sequence[Standing]) -> tuple[str, float] | None:
    """Return the baseline's name and how much better it is on validation; None without replicates of it."""
    for one in standings:
        own = unchosen_gap(one) if one.baseline and len(one.replicates) > 1 else None
        if own is not None:
            return one.architecture, own
    return None


def _several(wide: Sequence[tuple[Standing, float]], curves: pd.DataFrame | None) -> bool:
    """Return whether trainings are validated more than once, so that each keeps the best of several."""
    if curves is None or not len(curves):
        return True
    ids = {one.run_id for standing, _ in wide for one in standing.replicates}
    key = f"validation/{wide[0][0].score.name}"
    own = curves[curves["run_id"].astype(str).isin(ids) & (curves["key"] == key)]
    return not len(own) or int(own.groupby("run_id").size().max()) > 1
