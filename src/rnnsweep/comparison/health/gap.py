"""Why best validation scores are above those of the test: the rows, what a training keeps, the search."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.disagreement import unchosen_gap
from rnnsweep.comparison.evidence.records import HealthRemark, Standing
from rnnsweep.comparison.trials import FOLD, overrides_of
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.tasks import Score

GAP = 0.03  # validation minus test
SPLIT = ("data.split_seed", FOLD)  # settings that say which rows are for validation
CHOSE = "the search: it chose the trial by this score, with the luck of its one seed."


def gap(
    standings: Sequence[Standing],
    margin: float,
    runs: pd.DataFrame,
    *,
    curves: pd.DataFrame | None = None,
    drawn: bool = True,
) -> Iterator[HealthRemark]:
    """Name networks whose best validation score is far above the test mean, and what each source adds.

    The gap is the sum of two: by how much the replicates are better on validation rows than on test rows,
    and by how much the best trial is better on validation rows than the replicates. Where replicates have
    other validation rows than the search, the second is of the rows, too: the baseline, which is fitted on
    all these splits and not searched, says how much.

    Args:
        standings: of the networks and the baseline.
        margin: what counts as a difference.
        runs: of the sweep, which say on what split each was trained.
        curves: of the replicates, of the score on the validation part.
        drawn: validation rows are drawn from those of the corpus; False: they are given, as a file.

    Returns:
        One remark, or none.
    """
    networks = [s for s in standings if not s.baseline]
    known = [(s, s.validation, s.test.mean) for s in networks]
    gaps = [(s, v - t) for s, v, t in known if v is not None and t is not None]
    large = [one for one in gaps if one[1] > (5 * margin if one[0].score.relative else GAP)]
    if not large:
        return
    wide = [standing for standing, _ in large]
    score, names = wide[0].score, [one.architecture for one in wide]
    above = float(np.mean([size for _, size in large]))
    unchosen = [own for own in map(unchosen_gap, wide) if own is not None]
    why = ["The replicates have no validation score that would say why."]
    if unchosen:
        own, linear = float(np.mean(unchosen)), next((s for s in standings if s.baseline), None)
        why = [*_of_replicates(score, own, linear, several=_several(wide, curves))]
        if drawn and _on_other_rows(wide, runs):
            why += _of_other_rows(score, above - own, linear, wide)
        else:
            why += _of_search(score, above - own, whole=own <= 0)
    mean = " on average" if len(wide) > 1 else ""
    yield HealthRemark(
        f"{names_of(names)}: the best trial's validation score is {apart(score, above)} better than the test"
        f" mean{mean}. {' '.join(why)} Trust the test column.",
        "",
        names[0] if len(names) == 1 else None,
    )


def _of_replicates(score: Score, own: float, linear: Standing | None, *, several: bool) -> Iterator[str]:
    """Say how far apart validation and test are for replicates: by the rows, and by what a training keeps."""
    yield f"The replicates, which were not chosen by their scores, are {_side(score, own)}."
    if own <= 0:
        return
    if not several:
        yield "So much do validation rows and test rows differ."
        return
    keeps = "each training keeps the best of its validations"
    rows = unchosen_gap(linear) if linear is not None and len(linear.replicates) > 1 else None
    if linear is None or rows is None:
        yield f"Validation rows and test rows differ, and {keeps}."
        return
    yield (
        f"The {linear.architecture} baseline, which chooses by validation little more than its penalty, is"
        f" {_side(score, rows)}. So validation rows and test rows differ by about that."
    )
    if own > rows:
        yield f"{apart(score, own - rows)} more are mostly because {keeps}."


def _of_search(score: Score, rest: float, *, whole: bool) -> Iterator[str]:
    """Say what is left of a gap where the search and the replicates have the same validation rows."""
    if whole:
        yield f"So the gap comes from {CHOSE}"
    elif rest > 0:
        yield f"The other {apart(score, rest)} come from {CHOSE}"
    else:
        yield "The search's choice adds nothing."


def _of_other_rows(
    score: Score, rest: float, linear: Standing | None, wide: Sequence[Standing]
) -> Iterator[str]:
    """Say what is left of a gap where the replicates have other validation rows than the search.

    Args:
        score: of which the gap is.
        rest: by how much the best trial is better on its validation rows than the replicates on theirs.
        linear: the baseline.
        wide: the networks with a gap.

    Returns:
        Sentences.
    """
    if rest <= 0:
        yield "The best trial is no better on its validation rows than the replicates on theirs."
        return
    yield (
        f"The best trial is {apart(score, rest)} better on the search's validation rows than the replicates"
        " on theirs, which are other rows."
    )
    own = [] if linear is None else [_easier(linear, one) for one in wide]
    known = [size for size in own if size is not None]
    if linear is None or not known:
        missing = "without a baseline" if linear is None else "without a baseline on the same splits"
        yield (
            "That has two causes: the search's rows may be easier, and the search chose the trial by this"
            f" score. They cannot be told apart {missing}."
        )
        return
    easier = float(np.mean(known))
    who = f"The {linear.architecture} baseline, which is not searched, is"
    if easier <= 0:
        yield f"{who} no better there, so the rows are not easier: that comes from {CHOSE}"
    elif easier >= rest:
        yield (
            f"{who} {apart(score, easier)} better there: so much easier are those rows. The search's choice"
            " adds nothing."
        )
    else:
        yield (
            f"{who} {apart(score, easier)} better there: so much easier are those rows. The other"
            f" {apart(score, rest - easier)} come from {CHOSE}"
        )


def _side(score: Score, size: float) -> str:
    """Return by how much a validation score is better or worse than that of the test rows."""
    than = "better" if size >= 0 else "worse"
    return f"{apart(score, abs(size))} {than} on validation rows than on test rows"


def _easier(linear: Standing, network: Standing) -> float | None:
    """By how much the baseline is better on the search's validation rows than on those of the replicates.

    None where it has no fit on the search's split beside its replicates.
    """
    repeats = linear.replicates
    if linear.validation is None or linear.run_id in {one.run_id for one in repeats}:
        return None
    seeds = {one.seed for one in network.replicates if one.validation is not None}
    own = [one.validation for one in repeats if one.seed in seeds and one.validation is not None]
    return linear.validation - float(np.mean(own)) if len(own) > 1 else None


def _on_other_rows(wide: Sequence[Standing], runs: pd.DataFrame) -> bool:
    """Return whether replicates were validated on other rows than the search's trials."""
    splits = dict(zip(runs["run_id"].astype(str), runs["overrides"].map(_split), strict=True))
    return any(splits.get(one.run_id) != _split(own.overrides) for own in wide for one in own.replicates)


def _split(overrides: object) -> frozenset[str]:
    return frozenset(o for o in overrides_of(overrides) if o.partition("=")[0].strip() in SPLIT)


def _several(wide: Sequence[Standing], curves: pd.DataFrame | None) -> bool:
    """Return whether trainings are validated more than once, so that each keeps the best of several."""
    if curves is None or not len(curves):
        return True
    ids = {one.run_id for standing in wide for one in standing.replicates}
    key = f"validation/{wide[0].score.name}"
    own = curves[curves["run_id"].astype(str).isin(ids) & (curves["key"] == key)]
    return not len(own) or int(own.groupby("run_id").size().max()) > 1
