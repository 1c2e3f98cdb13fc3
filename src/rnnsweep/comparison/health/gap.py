"""Why best validation scores are above those of the test: the rows, what a training keeps, the search."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.disagreement import unchosen_gap
from rnnsweep.comparison.evidence.records import HealthRemark, Standing
from rnnsweep.comparison.trials import split_of
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.tasks import Score

GAP = 0.03  # validation minus test
CHOSE = "the search, which chose the trial by this score, with the luck of its one seed."


def gap(
    standings: Sequence[Standing],
    margin: float,
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
        why = [*_of_replicates(score, own, linear, wide, several=_several(wide, curves))]
        if drawn and _on_other_rows(wide):
            why += _of_other_rows(score, above - own, linear, wide)
        else:
            why += _of_search(score, above - own, whole=own <= 0)
    mean = " on average" if len(wide) > 1 else ""
    yield HealthRemark(
        f"Trust the test column: the best trial's validation score of {names_of(names)} is"
        f" {apart(score, above)} better than the test mean{mean}. {' '.join(why)}",
        "",
        names[0] if len(names) == 1 else None,
    )


def _of_replicates(
    score: Score, own: float, linear: Standing | None, wide: Sequence[Standing], *, several: bool
) -> Iterator[str]:
    """Say how far apart validation and test are for replicates: by the rows, and by what a training keeps.

    Args:
        score: of which the gap is.
        own: by how much the replicates of `wide` are better on validation rows.
        linear: the baseline.
        wide: the networks with a gap.
        several: trainings are validated more than once.

    Returns:
        Sentences.
    """
    whose = f" of {names_of([one.architecture for one in wide])}"
    who = f"The replicates{whose}, which were not chosen by their scores, are"
    if own <= 0:
        yield f"{who} no better on validation rows than on test rows."
        return
    better = f"{who} {apart(score, own)} better on validation rows than on test rows"
    keeps = "each training keeps the best of its validations"
    rows = unchosen_gap(linear) if linear is not None and len(linear.replicates) > 1 else None
    if not several:
        yield f"{better}: the rows differ by that much."
    elif linear is None or rows is None:
        yield f"{better}: these rows differ, and {keeps}."
    elif rows <= 0:
        yield f"{better}. The fits of the {linear.architecture} baseline are not."
        yield f"So that is mostly because {keeps}."
    else:
        yield (
            f"{better}. The fits of the {linear.architecture} baseline are {apart(score, rows)} better"
            " there: the rows differ by that much."
        )
        if own > rows:
            yield f"The rest is mostly because {keeps}."


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
        "The best trial is better on the search's validation rows than the replicates on theirs, which are"
        " other rows."
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
    easier, who = float(np.mean(known)), f"{linear.architecture} baseline, which is not searched"
    if easier <= 0:
        yield f"The {who}, is not better on them: they are not easier. So the difference comes from {CHOSE}"
    elif easier >= rest:
        yield f"So is the {who}, by at least as much: those rows are easier."
        yield "The search's choice adds nothing."
    else:
        other = apart(score, rest - easier)
        yield f"So is the {who}, by {apart(score, easier)}: those rows are easier."
        yield f"The other {other} come from {CHOSE}"


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


def _on_other_rows(wide: Sequence[Standing]) -> bool:
    """Return whether replicates were validated on other rows than the search's trials."""
    return any(one.split != split_of(own.overrides) for own in wide for one in own.replicates)


def _several(wide: Sequence[Standing], curves: pd.DataFrame | None) -> bool:
    """Return whether trainings are validated more than once, so that each keeps the best of several."""
    if curves is None or not len(curves):
        return True
    ids = {one.run_id for standing in wide for one in standing.replicates}
    key = f"validation/{wide[0].score.name}"
    own = curves[curves["run_id"].astype(str).isin(ids) & (curves["key"] == key)]
    return not len(own) or int(own.groupby("run_id").size().max()) > 1
