"""Remarks on replicates that differ much: by their seeds, their splits, or the folds of their tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnsweep.comparison.evidence.records import HealthRemark, Replicate, Standing
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.safety.shell import command_line
from rnnsweep.tasks import Score

SPREAD = 0.1  # between the worst and the best replicate


@dataclass(frozen=True)
class _Beside:
    """A network's replicates, and what another scores on the same splits or folds."""

    who: str
    own: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Of the differences, from which what a split does to both is gone."""
        return _range([own - other for own, other in zip(self.own, self.other, strict=True)])


def spread_of_replicates(
    standings: Sequence[Standing], margin: float, *, drawn: bool = True
) -> Iterator[HealthRemark]:
    """Name networks whose settings train well only with some seeds, and splits that are hard for all.

    Replicates of other splits learn from other rows, and those of other folds are tested on others, too. So
    they are judged beside the baseline on the same splits, else beside the other networks. The baseline has
    no seed: a network that ranges no wider than it may owe that to the splits alone.

    Args:
        standings: of the networks and the baseline.
        margin: what counts as a difference.
        drawn: validation rows are drawn from those of the corpus; False: they are given, as a file.
    """
    shared: list[tuple[Standing, _Beside]] = []
    for standing in standings:
        scores, score = [one.test for one in standing.replicates], standing.score
        limit = _limit(score, margin)
        if standing.baseline or _range(scores) <= limit:
            continue
        folds = bool(_by_fold(standing.replicates))
        several = folds or (drawn and len({one.split for one in standing.replicates}) > 1)
        beside = _beside(standing, standings) if several else None
        if beside is None and not folds:
            ends = f"from {score.write(min(scores))} to {score.write(max(scores))}"
            own = f"its replicates differ by {apart(score, _range(scores))}, {ends}"
            yield _sensitive(standing.architecture, own, "split" if several else "")
        elif beside and beside.spread > limit and _range(beside.own) > _range(beside.other):
            kind = "fold" if folds else "split"
            own = f"beside {beside.who} on the same {kind} its replicates differ by"
            yield _sensitive(standing.architecture, f"{own} {apart(score, beside.spread)}", kind)
        elif beside and _range(beside.other) > limit:
            shared.append((standing, beside))
    hard = list(_hard_fold([s for s in standings if len(_by_fold(s.replicates)) > 1], margin))
    yield from hard or _of_splits(shared)


def _sensitive(name: str, differ: str, kind: str) -> HealthRemark:
    """Return the remark on settings that the search saw with one seed, and on one split or fold."""
    some = {"fold": "on some folds or with some seeds", "split": "with some seeds or splits"}
    saw = f"one {kind} and one seed" if kind else "one seed"
    only = some.get(kind, "with some seeds")
    sentence = f"{name}: {differ}: its settings train well only {only}. The search saw {saw}."
    return HealthRemark(sentence, "", name)


def _of_splits(shared: Sequence[tuple[Standing, _Beside]]) -> Iterator[HealthRemark]:
    """Say how much the splits alone do, where networks range no wider than another on the same ones."""
    if not shared:
        return
    (first, beside), folds = shared[0], any(_by_fold(standing.replicates) for standing, _ in shared)
    kind, score = "fold" if folds else "split of train and validation", first.score
    names = [standing.architecture for standing, other in shared if other.who == beside.who]
    most = max(_range([one.test for one in standing.replicates]) for standing, _ in shared)
    low, high = (score.write(end) for end in (min(beside.other), max(beside.other)))
    yield HealthRemark(
        f"Scores depend much on the {kind}: {beside.who} ranges from {low} to {high} over the same"
        f" {kind.split()[0]}s as the replicates of {names_of(names)}, which differ by"
        f" {'up to ' * (len(names) > 1)}{apart(score, most)}."
    )


def _limit(score: Score, margin: float) -> float:
    return 50 * margin if score.relative else SPREAD


def _range(scores: Sequence[float]) -> float:
    return max(scores, default=0.0) - min(scores, default=0.0)


def _by_fold(replicates: Sequence[Replicate]) -> dict[int, float]:
    """Return the mean of the replicates of each fold; without folds there is none."""
    folds = sorted({one.fold for one in replicates} - {0})
    return {fold: float(np.mean([one.test for one in replicates if one.fold == fold])) for fold in folds}


def _beside(standing: Standing, standings: Sequence[Standing]) -> _Beside | None:
    """Return the replicates beside those of the baseline, else beside the mean of the other networks.

    None where no two replicates have one of another on the same split.
    """
    linear = [s for s in standings if s.baseline]
    networks = [s for s in standings if not s.baseline and s is not standing and s.replicates]
    own = {one.seed: one.test for one in standing.replicates}
    for others in (linear, networks):
        scores = [{one.seed: one.test for one in s.replicates} for s in others]
        seeds = [seed for seed in own if scores and all(seed in of for of in scores)]
        if len(seeds) > 1:
            names = names_of([s.architecture for s in others])
            mean_of = f"the mean of {names}" if len(others) > 1 else names
            means = tuple(float(np.mean([of[seed] for of in scores])) for seed in seeds)
            who = f"the {names} baseline" if others is linear else mean_of
            return _Beside(who, tuple(own[seed] for seed in seeds), means)
    return None


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
