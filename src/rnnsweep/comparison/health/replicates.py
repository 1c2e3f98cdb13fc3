"""Remarks on replicates that differ much: by their seeds, or by the folds that they were tested on."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnsweep.comparison.evidence.records import HealthRemark, Replicate, Standing
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.safety.shell import command_line
from rnnsweep.tasks import Score

SPREAD = 0.1  # between the worst and the best replicate


def spread_of_replicates(standings: Sequence[Standing], margin: float) -> Iterator[HealthRemark]:
    """Name networks whose settings train well only with some seeds, and a fold that is hard for all.

    Replicates of other folds differ by the rows that they are tested on, too. So with folds a replicate is
    compared with the median of all on its fold: what they share is the fold's.

    Args:
        standings: of the networks and the baseline.
        margin: what counts as a difference.
    """
    for standing in standings:
        scores, score = [one.test for one in standing.replicates], standing.score
        if standing.baseline or not scores:
            continue
        folds = all(one.fold for one in standing.replicates)
        values = _beside_all(standing, standings) if folds else scores
        spread = max(values, default=0.0) - min(values, default=0.0)
        if spread > _limit(score, margin):
            beside = "beside the others on the same fold " if folds else ""
            only = "on some folds or with some seeds" if folds else "with some seeds"
            saw = "one fold and one seed" if folds else "one seed"
            ends = "" if folds else f", from {score.write(min(scores))} to {score.write(max(scores))}"
            yield HealthRemark(
                f"{standing.architecture}: {beside}its replicates differ by {apart(score, spread)}{ends}: its"
                f" settings train well only {only}. The search saw {saw}.",
                "",
                standing.architecture,
            )
    yield from _hard_fold([s for s in standings if len(_by_fold(s.replicates)) > 1], margin)


def _limit(score: Score, margin: float) -> float:
    return 50 * margin if score.relative else SPREAD


def _by_fold(replicates: Sequence[Replicate]) -> dict[int, float]:
    """Return the mean of the replicates of each fold; without folds there is none."""
    folds = sorted({one.fold for one in replicates} - {0})
    return {fold: float(np.mean([one.test for one in replicates if one.fold == fold])) for fold in folds}


def _beside_all(standing: Standing, standings: Sequence[Standing]) -> list[float]:
    """Return by how much each replicate is above the median of all architectures on its fold."""
    of_all = [_by_fold(s.replicates) for s in standings]
    beside = {
        one.fold: [scores[one.fold] for scores in of_all if one.fold in scores] for one in standing.replicates
    }
    return [one.test - float(np.median(beside[one.fold])) for one in standing.replicates]


def _hard_fold(standings: Sequence[Standing], margin: float) -> Iterator[HealthRemark]:
    """Name the fold on which all score less than on their others, where it is far below the best one."""
    by_name = {s.architecture: _by_fold(s.replicates) for s in standings}
    if len(by_name) < 2:
        return
    shared = set.intersection(*(set(scores) for scores in by_name.values()))
    level = {fold: float(np.mean([scores[fold] for scores in by_name.values()])) for fold in sorted(shared)}
    if len(level) < 2:
        return
    hard, easy = min(level, key=lambda k: level[k]), max(level, key=lambda k: level[k])
    score = standings[0].score
    agreed = all(scores[hard] < np.mean(list(scores.values())) for scores in by_name.values())
    if not agreed or level[easy] - level[hard] <= _limit(score, margin):
        return
    settings = [one for one in standings[0].overrides if one.startswith("data")]
    yield HealthRemark(
        f"Fold {hard} is hard for all: the mean of {names_of(list(by_name))} is {score.write(level[hard])} on"
        f" it, and {score.write(level[easy])} on fold {easy}. So replicates differ by what they are"
        " tested on, not by their seeds alone.",
        f"see what is in it: {command_line('data', *settings, f'data.fold={hard}')}",
    )
