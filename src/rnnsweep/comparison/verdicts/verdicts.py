"""What may be said of two architectures: what was decided, with intervals and power, in one sentence."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import isclose

from numpy.typing import ArrayLike

from rnnsweep.comparison.evidence.records import HERE, Standing, Verdict
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.row_scores import ByRow, RowScores
from rnnsweep.comparison.statistics.group_sequential import ALPHA
from rnnsweep.comparison.statistics.improvement import probability_of_improvement
from rnnsweep.comparison.statistics.permutation import smallest_p
from rnnsweep.comparison.statistics.power import minimum_detectable_difference
from rnnsweep.comparison.statistics.remedies import find_remedies
from rnnsweep.comparison.verdicts.decisions import MOST, Decision, decide
from rnnsweep.comparison.verdicts.sentences import say_verdict


def make_verdicts(
    standings: Sequence[Standing],
    *,
    margin: float,
    correct: ByRow | None = None,
    plan: ReplicatePlan | None = None,
    groups: ArrayLike | None = None,
    test_share: float | None = None,
) -> tuple[Verdict, ...]:
    """Return a verdict on each pair of architectures, and on each architecture against the baseline.

    Two families, each held to 5 % of false claims by Holm's correction: all pairs of architectures, and
    all comparisons with the baseline.

    Args:
        standings: with their replicates.
        margin: differences below this count as nothing.
        correct: for each architecture and seed, whether each test row was predicted rightly: gives what
            holds on new rows, and McNemar's test.
        plan: of the replicates; every look at them pays. None takes what is there for the plan.
        groups: of the test rows, where rows belong together.
        test_share: of all rows, drawn for the test; 0: the rows are given; None: not known.
    """
    rows = RowScores(correct or {}, groups)
    made = decide(standings, margin=margin, correct=correct, plan=plan, groups=groups)
    family = Counter(one.pair.baseline for one in made if one.pair.comparable)
    return tuple(
        _described(one, family=family[one.pair.baseline], margin=margin, rows=rows, test_share=test_share)
        for one in made
    )


def _described(
    decision: Decision, *, family: int, margin: float, rows: RowScores, test_share: float | None
) -> Verdict:
    """Return what was decided of a pair of a `family` of so many, with intervals, power and one sentence."""
    pair, n, spread, new_rows = decision.pair, decision.pairs, decision.spread, decision.new_rows
    interval = pair.interval() if n > 1 else None
    independent = n > 1 and not pair.folds  # folds share training rows
    verdict = Verdict(
        a=pair.a,
        b=pair.b,
        difference=interval.estimate if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=decision.p if n > 1 else None,
        verdict=decision.verdict,
        replicates_needed=decision.replicates_needed,
        sentence="",
        pairs=n,
        improvement=probability_of_improvement(pair.scores_a, pair.scores_b) if independent else None,
        detectable=minimum_detectable_difference(spread, n, alpha=ALPHA / decision.left)
        if spread and independent
        else None,
        folds=pair.folds,
        baseline=pair.baseline,
        score=pair.score,
        single=pair.single,
        spread=spread,
        mcnemar=rows.mcnemar(pair.a, pair.b, pair.seeds),
        new_rows=new_rows,
        remedies=find_remedies(new_rows, alpha=ALPHA / decision.left_on_new_rows, most=MOST)
        if new_rows and decision.verdict.endswith(HERE)
        else None,
        able=decision.able,
        smallest_p=pair.comparable
        and not pair.folds
        and isclose(decision.p, smallest_p(n, comparisons=family)),
        in_new_sweep=decision.in_new_sweep,
    )
    sentence = say_verdict(
        verdict,
        margin=margin,
        left=decision.left,
        test_share=test_share,
        grouped=rows.groups_N is not None,
    )
    return replace(verdict, sentence=sentence)
