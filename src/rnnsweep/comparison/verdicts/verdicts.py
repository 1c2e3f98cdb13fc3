"""What may be said of two architectures: paired replicates, a family of tests, one word, one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.statistics.improvement import McNemar, mcnemar, probability_of_improvement
from rnnsweep.comparison.statistics.intervals import Interval, difference_interval, mean_interval
from rnnsweep.comparison.statistics.permutation import (
    fewest_pairs,
    holm,
    one_sample_p,
    sign_flip_p,
    smallest_p,
)
from rnnsweep.comparison.statistics.power import (
    equivalence_p,
    minimum_detectable_difference,
    replicates_to_equate,
    replicates_to_separate,
)
from rnnsweep.comparison.verdicts.records import Standing, Verdict
from rnnsweep.comparison.verdicts.sentences import say_verdict
from rnnsweep.comparison.verdicts.sequential import look_factor
from rnnsweep.tasks import Score, score_named

ALPHA = 0.05
MOST = 30  # replicates in all that are still worth asking for; beyond, the pair counts as not separable
Correct: TypeAlias = Mapping[str, ArrayLike | Mapping[str, NDArray[np.bool_]]]  # of each architecture
FEWEST_FOR_EQUAL = 6  # two one-sided tests of fewer pairs would rest on the normal distribution alone


@dataclass(frozen=True)
class Pair:
    """Two architectures on the seeds that both have; with `baseline`, b is one number repeated."""

    a: str
    b: str
    scores_a: NDArray[np.float64]
    scores_b: NDArray[np.float64]
    baseline: bool = False
    seeds: tuple[str, ...] = ()
    score: Score = field(default_factory=score_named)

    @property
    def differences(self) -> NDArray[np.float64]:
        """a - b for each seed."""
        return self.scores_a - self.scores_b

    def p(self) -> float:
        """P of no difference, before any correction."""
        return one_sample_p(self.differences) if self.baseline else sign_flip_p(self.differences)

    def interval(self) -> Interval | None:
        """Interval of the mean difference, or None without a single pair."""
        if not len(self.differences):
            return None
        if self.baseline:  # the difference from one number is as skewed as the scores are
            return mean_interval(self.differences)
        return difference_interval(self.scores_a, self.scores_b)


def make_verdicts(
    standings: Sequence[Standing],
    *,
    margin: float,
    sweep: str = "",
    correct: Correct | None = None,
    looks: int = 0,
) -> tuple[Verdict, ...]:
    """Give a verdict on each pair of architectures, and on each architecture against the linear baseline.

    Two families, each held to 5 % of false claims by Holm's correction: all pairs of architectures, and
    all comparisons with the baseline. `looks` counts the verdicts on which more replicates were decided;
    every p pays for them.
    """
    networks = [s for s in standings if not s.baseline]
    linear = next((s for s in standings if s.baseline and s.replicates), None)
    pairs = [_pair(a, b) for a, b in combinations(networks, 2)]
    against = [_against(a, linear) for a in networks] if linear else []
    return (
        *_judge_family(pairs, margin=margin, sweep=sweep, correct=correct or {}, looks=looks),
        *_judge_family(against, margin=margin, sweep=sweep, correct=correct or {}, looks=looks),
    )


def _pair(a: Standing, b: Standing) -> Pair:
    first = {r.seed: r.test for r in a.replicates}
    second = {r.seed: r.test for r in b.replicates}
    seeds = [seed for seed in first if seed in second]
    return Pair(
        a.architecture,
        b.architecture,
        np.array([first[s] for s in seeds]),
        np.array([second[s] for s in seeds]),
        seeds=tuple(seeds),
        score=a.score,
    )


def _against(a: Standing, linear: Standing) -> Pair:
    scores = np.array([r.test for r in a.replicates])
    return Pair(
        a.architecture,
        linear.architecture,
        scores,
        np.full_like(scores, linear.replicates[0].test),
        baseline=True,
        score=a.score,
    )


def _judge_family(
    pairs: Sequence[Pair], *, margin: float, sweep: str, correct: Correct, looks: int
) -> list[Verdict]:
    alone = [pair.p() if len(pair.differences) > 1 else 1.0 for pair in pairs]
    corrected = _paid(holm(alone), looks)
    equal = _paid(holm([_equal_p(pair, margin) for pair in pairs]), looks)
    # Holm asks this much of the next to fall; whoever looks again pays for that look
    following = look_factor(looks + 1 if looks else 0)
    left, left_equal = (following * max(1, sum(p > ALPHA for p in f)) for f in (corrected, equal))
    verdicts = []
    for pair, p_alone, p, p_equal in zip(pairs, alone, corrected, equal, strict=True):
        word = _word(pair, p, p_equal, left)
        total = _replicates(pair, left, left_equal, margin)
        word, needed = _needed(pair, word, left, total)
        verdict = _describe(pair, word, needed, p if len(pair.differences) > 1 else None, left)
        verdict = replace(
            verdict,
            p_alone=p_alone if len(pair.differences) > 1 else None,
            mcnemar=_mcnemar(pair, correct),
        )
        verdicts.append(
            replace(verdict, sentence=say_verdict(verdict, margin=margin, left=left, sweep=sweep))
        )
    return verdicts


def _paid(family: Sequence[float], looks: int) -> list[float]:
    factor = look_factor(looks)
    return [min(1.0, factor * p) for p in family]


def _mcnemar(pair: Pair, correct: Correct) -> McNemar | None:
    """McNemar's test on the test rows, replicate beside replicate of the same seed."""
    if not {pair.a, pair.b} <= set(correct):
        return None
    a, b = correct[pair.a], correct[pair.b]
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return mcnemar(np.asarray(a), np.asarray(b))
    seeds = [seed for seed in pair.seeds if seed in a and seed in b]
    if not seeds:
        return None
    return mcnemar(np.stack([a[s] for s in seeds]), np.stack([b[s] for s in seeds]))


def _equal_p(pair: Pair, margin: float) -> float:
    return equivalence_p(pair.differences, margin) if len(pair.differences) >= FEWEST_FOR_EQUAL else 1.0


def _word(pair: Pair, p: float, equal_p: float, left: int) -> str:
    """The verdict, or nothing where the tests are able to speak and do not."""
    n = len(pair.differences)
    if equal_p <= ALPHA:
        return "equivalent"
    if p <= ALPHA:
        return "better" if pair.differences.mean() > 0 else "worse"
    return "needs more" if smallest_p(n, comparisons=left) > ALPHA else ""


def _needed(pair: Pair, word: str, left: int, total: int | None) -> tuple[str, int | None]:
    """The verdict, and further replicates of each that it takes to settle the matter."""
    if word in ("better", "worse", "equivalent"):
        return word, 0
    n = len(pair.differences)
    affordable = total is not None and total <= MOST
    if word == "needs more":
        fewest = fewest_pairs(comparisons=left, alpha=ALPHA)
        return word, max(fewest, total if total and affordable else 0) - n
    more = None if total is None else max(1, total - n)
    return ("needs more" if affordable else "not separable"), more


def _replicates(pair: Pair, left: int, left_equal: int, margin: float) -> int | None:
    """Replicates in all that separate what is seen, or show that it is within the margin."""
    d = pair.differences
    if len(d) < 3:
        return None
    spread, seen = float(np.std(d, ddof=1)), abs(float(d.mean()))
    if seen < margin:
        return replicates_to_equate(margin, spread, alpha=ALPHA / left_equal)
    return replicates_to_separate(seen, spread, alpha=ALPHA / left)


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
    )
