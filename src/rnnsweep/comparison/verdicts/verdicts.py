"""What may be said of two architectures: paired replicates, a family of tests, one word, one sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.row_scores import ByRow, RowScores
from rnnsweep.comparison.statistics.group_sequential import Look, sequential_p
from rnnsweep.comparison.statistics.improvement import probability_of_improvement
from rnnsweep.comparison.statistics.intervals import Interval, difference_interval, mean_interval
from rnnsweep.comparison.statistics.new_rows import NewRows, rows_needed
from rnnsweep.comparison.statistics.permutation import holm, one_sample_p, sign_flip_p
from rnnsweep.comparison.statistics.power import (
    equivalence_p,
    minimum_detectable_difference,
    replicates_to_equate,
    replicates_to_separate,
)
from rnnsweep.comparison.verdicts.records import HERE, Standing, Verdict
from rnnsweep.comparison.verdicts.sentences import say_verdict
from rnnsweep.tasks import Score, score_named

ALPHA = 0.05
MOST = 30  # replicates in all that are still worth asking for; beyond, the pair counts as not separable
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
    history: tuple[int, ...] = ()  # replicates at each look; the last is now

    @property
    def differences(self) -> NDArray[np.float64]:
        """a - b for each seed."""
        return self.scores_a - self.scores_b

    def p(self, first: int | None = None) -> float:
        """P of no difference in the first replicates, before any correction."""
        differences = self.differences[:first]
        if len(differences) < 2:
            return 1.0
        return one_sample_p(differences) if self.single else sign_flip_p(differences)

    def interval(self) -> Interval | None:
        """Interval of the mean difference, or None without a single pair."""
        if not len(self.differences):
            return None
        if self.single:  # the difference from one number is as skewed as the scores are
            return mean_interval(self.differences)
        return difference_interval(self.scores_a, self.scores_b)


def make_verdicts(
    standings: Sequence[Standing],
    *,
    margin: float,
    correct: ByRow | None = None,
    plan: ReplicatePlan | None = None,
    groups: ArrayLike | None = None,
) -> tuple[Verdict, ...]:
    """Give a verdict on each pair of architectures, and on each architecture against the baseline.

    Two families, each held to 5 % of false claims by Holm's correction: all pairs of architectures, and
    all comparisons with the baseline.

    Args:
        standings: with their replicates.
        margin: differences below this count as nothing.
        correct: for each architecture and seed, whether each test row was predicted rightly: gives what
            holds on new rows, and McNemar's test.
        plan: of the replicates; every look at them pays. None takes what is there for the plan.
        groups: of the test rows, where rows belong together.
    """
    plan = plan or ReplicatePlan()
    rows = RowScores(correct or {}, groups)
    networks = [s for s in standings if not s.baseline]
    linear = next((s for s in standings if s.baseline and s.replicates), None)
    pairs = [_pair(a, b, plan) for a, b in combinations(networks, 2)]
    against = [_against(a, linear, plan) for a in networks] if linear else []
    return (
        *_judge_family(pairs, margin=margin, rows=rows, plan=plan),
        *_judge_family(against, margin=margin, rows=rows, plan=plan),
    )


def _pair(a: Standing, b: Standing, plan: ReplicatePlan, *, baseline: bool = False) -> Pair:
    first = {r.seed: r.test for r in a.replicates}
    second = {r.seed: r.test for r in b.replicates}
    seeds = sorted((seed for seed in first if seed in second), key=natural)
    return Pair(
        a.architecture,
        b.architecture,
        np.array([first[s] for s in seeds]),
        np.array([second[s] for s in seeds]),
        baseline=baseline,
        seeds=tuple(seeds),
        score=a.score,
        history=plan.history(a.architecture, b.architecture, len(seeds)),
    )


def natural(seed: str) -> tuple[tuple[int, str], ...]:
    """Order seeds by their numbers, as replicates are."""
    parts = re.findall(r"\d+|\D+", seed)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _against(a: Standing, linear: Standing, plan: ReplicatePlan) -> Pair:
    """Pair a network with the baseline: by split where it has replicates, else with its one number."""
    if len(linear.replicates) > 1:
        return _pair(a, linear, plan, baseline=True)
    scores = sorted(a.replicates, key=lambda one: natural(one.seed))
    return Pair(
        a.architecture,
        linear.architecture,
        np.array([r.test for r in scores]),
        np.full(len(scores), linear.replicates[0].test),
        baseline=True,
        score=a.score,
        single=True,
        seeds=tuple(r.seed for r in scores),
        history=plan.history(a.architecture, a.architecture, len(scores)),
    )


@dataclass(frozen=True)
class _Family:
    """Comparisons that are corrected together, and what is left of the 5 % for those that are open."""

    plan: ReplicatePlan
    size: int
    margin: float
    left: int = 1  # comparisons that are not separated yet: Holm asks this much of the next to fall
    left_equal: int = 1  # the same for equivalence


def _judge_family(
    pairs: Sequence[Pair], *, margin: float, rows: RowScores, plan: ReplicatePlan
) -> list[Verdict]:
    looks = [plan.looks(pair.history, len(pairs)) for pair in pairs]
    by_row = [rows.pair(pair.a, pair.b, pair.seeds, single=pair.single) for pair in pairs]
    beyond = [rows.on_new_rows(d_RN) for d_RN in by_row]
    corrected = _corrected(
        [[pair.p(n.pairs) for n in own] for pair, own in zip(pairs, looks, strict=True)], looks
    )
    equal = _corrected(
        [[_equal_p(pair, margin, n.pairs) for n in own] for pair, own in zip(pairs, looks, strict=True)],
        looks,
    )
    new = _corrected(
        [[_new_rows_p(rows, d_RN, n.pairs) for n in own] for d_RN, own in zip(by_row, looks, strict=True)],
        looks,
    )
    left, left_equal = (max(1, sum(p > ALPHA for p in f)) for f in (corrected, equal))
    family = _Family(plan, len(pairs), margin, left, left_equal)
    verdicts = []
    for i, pair in enumerate(pairs):
        found = beyond[i]
        found = None if found is None else replace(found, p=new[i])
        word = _word(pair, corrected[i], equal[i], looks[i], found)
        word, needed = _needed(pair, word, family)
        several = len(pair.differences) > 1
        verdict = replace(
            _describe(pair, word, needed, corrected[i] if several else None, left),
            p_alone=pair.p() if several else None,
            mcnemar=rows.mcnemar(pair.a, pair.b, pair.seeds),
            new_rows=found,
            rows_needed=rows_needed(found) if found and word.endswith(HERE) else None,
        )
        sentence = say_verdict(
            verdict,
            margin=margin,
            left=left,
            able=any(look.able for look in looks[i]),
            fewest=_fewest(pair, family),
        )
        verdicts.append(replace(verdict, sentence=sentence))
    return verdicts


def _corrected(p_values: Sequence[Sequence[float]], looks: Sequence[Sequence[Look]]) -> list[float]:
    """Holm's correction of what each pair's looks come to."""
    return holm([sequential_p(own, at) for own, at in zip(p_values, looks, strict=True)])


def _new_rows_p(rows: RowScores, d_RN: NDArray[np.float64] | None, first: int) -> float:
    found = rows.on_new_rows(d_RN, first)
    return 1.0 if found is None else found.p


def _equal_p(pair: Pair, margin: float, first: int) -> float:
    differences = pair.differences[:first]
    return equivalence_p(differences, margin) if len(differences) >= FEWEST_FOR_EQUAL else 1.0


def _word(pair: Pair, p: float, equal_p: float, looks: Sequence[Look], beyond: NewRows | None) -> str:
    """The verdict, or nothing where the tests are able to speak and do not."""
    if equal_p <= ALPHA:
        return "equivalent"
    able = any(look.able for look in looks)
    if p <= ALPHA and able:
        word = "better" if pair.differences.mean() > 0 else "worse"
        return word if beyond is None or beyond.p <= ALPHA else f"{word}{HERE}"
    return "" if able else "needs more"


def _needed(pair: Pair, word: str, family: _Family) -> tuple[str, int | None]:
    """The verdict, and further replicates of each that it takes to settle the matter."""
    if word and word != "needs more":
        return word, 0
    n = len(pair.differences)
    limit = max(MOST, family.plan.most)
    total = _replicates(pair, family)
    affordable = total is not None and total <= limit
    if word == "needs more":
        fewest = _fewest(pair, family)
        if fewest is None:
            return "not separable", None
        return word, max(fewest, total if total and affordable else 0) - n
    more = None if total is None else max(total - n, 2, n // 4)  # fewer would be the same look again
    return ("needs more" if affordable else "not separable"), more


def _fewest(pair: Pair, family: _Family) -> int | None:
    limit = max(MOST, family.plan.most)
    return family.plan.fewest(_seen(pair), max(family.left, 1), limit=limit)


def _seen(pair: Pair) -> tuple[int, ...]:
    """The history with what is there now, whether or not it is a look."""
    n = len(pair.differences)
    return pair.history if pair.history and pair.history[-1] == n else (*pair.history, n)


def _replicates(pair: Pair, family: _Family) -> int | None:
    """Replicates in all that separate what is seen, or show that it is within the margin."""
    d = pair.differences
    level = family.plan.next_level(_seen(pair), family.size)
    if len(d) < 3 or level <= 0:
        return None
    spread, seen = float(np.std(d, ddof=1)), abs(float(d.mean()))
    if seen < family.margin:
        return replicates_to_equate(family.margin, spread, alpha=level / family.left_equal, difference=seen)
    return replicates_to_separate(seen, spread, alpha=level / family.left)


def _describe(pair: Pair, word: str, needed: int | None, p: float | None, left: int) -> Verdict:
    n = len(pair.differences)
    interval = pair.interval() if n > 1 else None
    spread = float(np.std(pair.differences, ddof=1)) if n > 2 else 0.0
    return Verdict(
        a=pair.a,
        b=pair.b,
        difference=interval.estimate if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=p,
        verdict=word,
        replicates_needed=needed,
        sentence="",
        pairs=n,
        improvement=probability_of_improvement(pair.scores_a, pair.scores_b) if n > 1 else None,
        detectable=minimum_detectable_difference(spread, n, alpha=ALPHA / left) if spread else None,
        baseline=pair.baseline,
        score=pair.score,
        single=pair.single,
        spread=spread if n > 2 else None,
    )
