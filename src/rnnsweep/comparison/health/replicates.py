"""Remarks on replicates that differ much: by their seeds, their splits, or the folds of their tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnsweep.comparison.evidence.records import HealthRemark, Replicate, Standing
from rnnsweep.comparison.row_scores import ByRow
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.data.large_groups import LargeGroup, LargeGroups
from rnnsweep.safety.shell import command_line
from rnnsweep.tasks import Score

SPREAD = 0.1  # between the worst and the best replicate
MUCH = 1 / 3  # of a spread: what one group of rows makes of it is said


@dataclass(frozen=True)
class _Beside:
    """A network's replicates, and what another scores on the same splits or folds."""

    who: str
    own: tuple[float, ...]
    other: tuple[float, ...]
    seeds: tuple[str, ...]
    others: tuple[str, ...]  # the architectures that the other scores are the mean of

    @property
    def spread(self) -> float:
        """Of the differences, from which what a split does to both is gone."""
        return _range([own - other for own, other in zip(self.own, self.other, strict=True)])


@dataclass(frozen=True)
class GroupedRows:
    """Whether each replicate is right on each test row, and the groups of these rows."""

    values: ByRow
    groups_N: ArrayLike
    large: LargeGroups

    def largest_part(
        self, name: str, seeds: Sequence[str], others: Sequence[str] = ()
    ) -> tuple[LargeGroup, float] | None:
        """Return the group that makes most of a network's spread, and the spread without its rows.

        None where none of them makes much of it, or it is not known on which rows replicates are right.

        Args:
            name: of the network.
            seeds: of its replicates.
            others: networks, or the baseline, beside whose mean on the same split it is judged.
        """
        of = [[self.values.get(one, {}).get(seed) for seed in seeds] for one in (name, *others)]
        known = [[row_N for row_N in own if row_N is not None and row_N.dtype == np.bool_] for own in of]
        if not seeds or any(len(own) < len(seeds) for own in known):
            return None
        d_RN = np.stack(known[0]).astype(np.float64)
        if others:
            d_RN -= np.mean([np.stack(own) for own in known[1:]], axis=0)
        without: list[tuple[float, int]] = []
        for place, group in enumerate(self.large.groups):
            left_N = np.asarray(self.groups_N) != group.group
            if left_N.any():
                without.append((float(np.ptp(d_RN[:, left_N].mean(axis=1))), place))
        spread, place = min(without, default=(np.inf, 0))
        much = spread <= (1 - MUCH) * float(np.ptp(d_RN.mean(axis=1)))
        return (self.large.groups[place], spread) if much else None


def spread_of_replicates(
    standings: Sequence[Standing], margin: float, *, drawn: bool = True, rows: GroupedRows | None = None
) -> Iterator[HealthRemark]:
    """Name networks whose settings train well only with some seeds, and splits that are hard for all.

    Replicates of other splits learn from other rows, and those of other folds are tested on others, too. So
    they are judged beside the baseline on the same splits, else beside the other networks. The baseline has
    no seed: a network that ranges no wider than it may owe that to the splits alone. Rows of one large group
    may be right or wrong together: then the spread is of that group, and not of the settings.

    Args:
        standings: of the networks and the baseline.
        margin: what counts as a difference.
        drawn: validation rows are drawn from those of the corpus; False: they are given, as a file.
        rows: of the test part, where they are in groups and replicates were tested on the same ones.

    Returns:
        The remarks, those on networks first.
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
            seeds = [one.seed for one in standing.replicates]
            of_group = rows.largest_part(standing.architecture, seeds) if rows else None
            yield _sensitive(standing, own, "split" if several else "", of_group, limit)
        elif beside and beside.spread > limit and _range(beside.own) > _range(beside.other):
            kind = "fold" if folds else "split"
            own = f"beside {beside.who} on the same {kind} its replicates differ by"
            own += f" {apart(score, beside.spread)}"
            of_group = rows.largest_part(standing.architecture, beside.seeds, beside.others) if rows else None
            yield _sensitive(standing, own, kind, of_group, limit)
        elif beside and _range(beside.other) > limit:
            shared.append((standing, beside))
    hard = list(_hard_fold([s for s in standings if len(_by_fold(s.replicates)) > 1], margin))
    yield from hard or _of_splits(shared)


def _sensitive(
    standing: Standing, differ: str, kind: str, of_group: tuple[LargeGroup, float] | None, limit: float
) -> HealthRemark:
    """Return the remark on settings that the search saw with one seed, and on one split or fold.

    Args:
        standing: of the network.
        differ: by how much its replicates do.
        kind: what they differ by beside the seed.
        of_group: the group of test rows that makes much of the difference, and what is left without it.
        limit: a difference that is left without it, and is no larger, is not blamed on the settings.
    """
    name = standing.architecture
    if of_group is not None:
        group, left = of_group
        differ += (
            f", and by {apart(standing.score, left)} without the {group.rows:,} test rows of {group.name!r}"
        )
        if left <= limit:
            why = "this one group makes much of the difference, so it says little of the settings"
            return HealthRemark(f"{name}: {differ}: {why}.", "", name)
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
            named = tuple(s.architecture for s in others)
            return _Beside(who, tuple(own[seed] for seed in seeds), means, tuple(seeds), named)
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
