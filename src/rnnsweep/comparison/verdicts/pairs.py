"""Two architectures, or one and the baseline, replicate beside replicate."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.comparison.evidence.records import Standing
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.statistics.cross_validation import fold_equivalence_p, fold_interval, fold_p
from rnnsweep.comparison.statistics.intervals import Interval, difference_interval, mean_interval
from rnnsweep.comparison.statistics.permutation import one_sample_p, sign_flip_p
from rnnsweep.comparison.statistics.power import equivalence_p
from rnnsweep.tasks import Score, score_named

FEWEST_FOR_EQUAL = 6  # two one-sided tests of fewer pairs would rest on the normal distribution alone


@dataclass(frozen=True)
class Pair:
    """Two architectures on the seeds that both have; with `single`, b is one number repeated."""

    a: str
    b: str
    scores_a: NDArray[np.float64]
    scores_b: NDArray[np.float64]
    baseline: bool = False
    single: bool = False
    seeds: tuple[str, ...] = ()
    score: Score = field(default_factory=score_named)
    fold_of: tuple[int, ...] = ()  # the fold that each pair was tested on
    folds: int = 0  # of a cross-validation; 0: one test part
    history: tuple[int, ...] = ()  # replicates at each look; the last is now
    former: tuple[int, ...] = ()  # at looks before those, when one of the two had another configuration
    comparable: bool = True  # False: they were tested on different rows, and no replicate is paired

    @property
    def differences(self) -> NDArray[np.float64]:
        """a - b for each seed."""
        return self.scores_a - self.scores_b

    def p(self, first: int | None = None) -> float:
        """P of no difference in the first replicates, before any correction."""
        differences = self.differences[:first]
        if len(differences) < 2:
            return 1.0
        if self.folds:
            return fold_p(differences, self.fold_of[:first], folds=self.folds)
        return one_sample_p(differences) if self.baseline else sign_flip_p(differences)

    def equal_p(self, margin: float, first: int | None = None) -> float:
        """P of a difference beyond the margin in the first replicates, before any correction."""
        differences = self.differences[:first]
        if self.folds:
            return fold_equivalence_p(differences, self.fold_of[:first], margin, folds=self.folds)
        return equivalence_p(differences, margin) if len(differences) >= FEWEST_FOR_EQUAL else 1.0

    def interval(self) -> Interval | None:
        """Interval of the mean difference, or None without a single pair."""
        if not len(self.differences):
            return None
        if self.folds:
            return fold_interval(self.differences, self.fold_of, folds=self.folds)
        if self.single:  # the difference from one number is as skewed as the scores are
            return mean_interval(self.differences)
        return difference_interval(self.scores_a, self.scores_b)


def same_rows(a: Standing, b: Standing) -> bool:
    """Return whether replicates of one seed were tested on the same rows, as far as that is known."""
    of_b = {one.seed: one.tested for one in b.replicates if one.tested}
    if b.baseline and len(b.replicates) == 1:  # its one fit is compared with every seed
        return all(one.tested in ("", *of_b.values()) for one in a.replicates) or not of_b
    return all(of_b.get(one.seed, "") in ("", one.tested) for one in a.replicates if one.tested)


def pair_of(a: Standing, b: Standing, plan: ReplicatePlan, *, baseline: bool = False) -> Pair:
    """Pair two architectures by the seeds that both have.

    Args:
        a: the first architecture.
        b: the second, or the baseline.
        plan: of the replicates.
        baseline: b is it.

    Returns:
        The pair; one without replicates where the two were tested on different rows.
    """
    if not same_rows(a, b):
        return _apart(a, b, baseline=baseline)
    first = {r.seed: r.test for r in a.replicates}
    second = {r.seed: r.test for r in b.replicates}
    seeds = plan.in_order(a.architecture, b.architecture, (seed for seed in first if seed in second))
    return Pair(
        a.architecture,
        b.architecture,
        np.array([first[s] for s in seeds]),
        np.array([second[s] for s in seeds]),
        baseline=baseline,
        seeds=tuple(seeds),
        **_folds(a, seeds),
        score=a.score,
        history=plan.history(a.architecture, b.architecture, len(seeds)),
        former=plan.former(a.architecture, b.architecture),
    )


def _apart(a: Standing, b: Standing, *, baseline: bool) -> Pair:
    none = np.zeros(0)
    return Pair(
        a.architecture, b.architecture, none, none, baseline=baseline, score=a.score, comparable=False
    )


def _folds(standing: Standing, seeds: Sequence[str]) -> dict[str, Any]:
    known = {one.seed: one for one in standing.replicates}
    return {
        "fold_of": tuple(known[seed].fold for seed in seeds),
        "folds": max((known[seed].folds for seed in seeds), default=0),
    }


def pair_against(a: Standing, linear: Standing, plan: ReplicatePlan) -> Pair:
    """Pair a network with the baseline: by split where it has replicates, else with its one number."""
    if len(linear.replicates) > 1:
        return pair_of(a, linear, plan, baseline=True)
    if not same_rows(a, linear):
        return _apart(a, linear, baseline=True)
    scores = {one.seed: one.test for one in a.replicates}
    seeds = plan.in_order(a.architecture, a.architecture, scores)
    return Pair(
        a.architecture,
        linear.architecture,
        np.array([scores[seed] for seed in seeds]),
        np.full(len(seeds), linear.replicates[0].test),
        baseline=True,
        score=a.score,
        single=True,
        seeds=tuple(seeds),
        **_folds(a, seeds),
        history=plan.history(a.architecture, a.architecture, len(seeds)),
        former=plan.former(a.architecture, a.architecture),
    )
