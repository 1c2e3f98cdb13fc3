"""What is decided of two architectures: paired replicates, a family of tests, one word.

Everything that may claim a difference goes through `decide`: verdicts, the race, and the simulations of how
often claims are wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.evidence.records import HERE, NOT_COMPARABLE, Standing
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.row_scores import ByRow, RowScores
from rnnsweep.comparison.statistics.group_sequential import ALPHA, Look, sequential_p
from rnnsweep.comparison.statistics.new_rows import NewRows
from rnnsweep.comparison.statistics.permutation import holm
from rnnsweep.comparison.statistics.power import replicates_to_equate, replicates_to_separate
from rnnsweep.comparison.verdicts.pairs import Pair, pair_against, pair_of

MOST = 30  # replicates in all that are still worth asking for; beyond, the pair counts as not separable


@dataclass(frozen=True)
class Decision:
    """What is decided of one pair: a word of `VERDICTS`, and what it rests on."""

    pair: Pair
    verdict: str
    replicates_needed: int | None  # further ones of each; 0 where the matter is settled, None: no telling
    p: float  # of all looks, after Holm's correction
    new_rows: NewRows | None  # p corrected in the same way
    able: bool  # whether any look so far could claim a difference at all
    left: int  # comparisons of the family that are not separated
    left_on_new_rows: int = 1  # comparisons of the family that are not shown on new rows
    next_level: float = 0.0  # of the next look at the pair: the end of the plan, or one beyond it
    in_new_sweep: int | None = None  # replicates that settle what is not separable, with the whole 5 %

    @property
    def a(self) -> str:
        """The first architecture."""
        return self.pair.a

    @property
    def b(self) -> str:
        """The second architecture, or the baseline."""
        return self.pair.b

    @property
    def pairs(self) -> int:
        """Replicates that both have."""
        return len(self.pair.differences)

    @property
    def difference(self) -> float:
        """The mean of a - b over replicates; 0 without any."""
        return float(self.pair.differences.mean()) if self.pairs else 0.0

    @property
    def spread(self) -> float | None:
        """The standard deviation of the paired differences; None of fewer than three."""
        return float(np.std(self.pair.differences, ddof=1)) if self.pairs > 2 else None


def decide(
    standings: Sequence[Standing],
    *,
    margin: float,
    correct: ByRow | None = None,
    plan: ReplicatePlan | None = None,
    groups: ArrayLike | None = None,
) -> tuple[Decision, ...]:
    """Return a decision on each pair of architectures, and on each architecture against the baseline.

    Args:
        standings: with their replicates.
        margin: differences below this count as nothing.
        correct: as for `make_verdicts`.
        plan: as for `make_verdicts`.
        groups: of the test rows, where rows belong together.

    Returns:
        In the order of `make_verdicts`.
    """
    plan = plan or ReplicatePlan()
    rows = RowScores(correct or {}, groups)
    networks = [s for s in standings if not s.baseline]
    linear = next((s for s in standings if s.baseline and s.replicates), None)
    pairs = [pair_of(a, b, plan) for a, b in combinations(networks, 2)]
    against = [pair_against(a, linear, plan) for a in networks] if linear else []
    return (
        *_decide_family(pairs, margin=margin, rows=rows, plan=plan),
        *_decide_family(against, margin=margin, rows=rows, plan=plan),
    )


@dataclass(frozen=True)
class _Family:
    """Comparisons that are corrected together, and what is left of the 5 % for those that are open."""

    plan: ReplicatePlan
    size: int
    margin: float
    left: int = 1  # comparisons that are not separated yet: Holm asks this much of the next to fall
    left_equal: int = 1  # the same for equivalence


def _decide_family(
    pairs: Sequence[Pair], *, margin: float, rows: RowScores, plan: ReplicatePlan
) -> list[Decision]:
    """Decide on each pair; one that was tested on different rows is of no family, and claims nothing."""
    decided = iter(
        _decide_comparable([p for p in pairs if p.comparable], margin=margin, rows=rows, plan=plan)
    )
    return [
        next(decided) if p.comparable else Decision(p, NOT_COMPARABLE, None, 1.0, None, False, 0)
        for p in pairs
    ]


def _decide_comparable(
    pairs: Sequence[Pair], *, margin: float, rows: RowScores, plan: ReplicatePlan
) -> list[Decision]:
    looks = [plan.looks(p.history, len(pairs), steps=not p.folds, former=p.former) for p in pairs]
    by_row = [rows.pair(pair.a, pair.b, pair.seeds, single=pair.single) for pair in pairs]
    beyond = [rows.on_new_rows(d_RN) for d_RN in by_row]
    corrected = _corrected(looks, lambda i, first: pairs[i].p(first))
    equal = _corrected(looks, lambda i, first: pairs[i].equal_p(margin, first))
    new = _corrected(looks, lambda i, first: _new_rows_p(rows, by_row[i], first))
    left, left_equal, left_new = (max(1, sum(p > ALPHA for p in f)) for f in (corrected, equal, new))
    family = _Family(plan, len(pairs), margin, left, left_equal)
    decisions = []
    for i, pair in enumerate(pairs):
        shown = beyond[i]
        on_new_rows = None if shown is None else replace(shown, p=new[i])
        able = any(look.able for look in looks[i])
        # where no replicate's rows are known, nothing is said of new ones
        holds = on_new_rows.p <= ALPHA if on_new_rows else not rows.values
        word, needed = _needed(
            pair,
            _word(pair, corrected[i], equal[i], able=able, holds=holds),
            family,
        )
        level = plan.next_level(_seen(pair), len(pairs))
        open_for_good = word == "not separable" and not pair.folds
        anew = _replicates(pair, family, ALPHA) if open_for_good else None
        decisions.append(
            Decision(pair, word, needed, corrected[i], on_new_rows, able, left, left_new, level, anew)
        )
    return decisions


def _corrected(looks: Sequence[Sequence[Look]], p: Callable[[int, int], float]) -> list[float]:
    """Return the p of each pair over all its looks, by Holm; `p` is that of a pair's first replicates."""
    return holm([sequential_p([p(i, look.pairs) for look in own], own) for i, own in enumerate(looks)])


def _new_rows_p(rows: RowScores, d_RN: NDArray[np.float64] | None, first: int) -> float:
    interval = rows.on_new_rows(d_RN, first)
    return 1.0 if interval is None else interval.p


def _word(pair: Pair, p: float, equal_p: float, *, able: bool, holds: bool) -> str:
    """The verdict, or nothing where the tests are able to speak and do not."""
    if equal_p <= ALPHA:
        return "equivalent"
    if p <= ALPHA and able:
        word = "better" if pair.differences.mean() > 0 else "worse"
        return word if holds else f"{word}{HERE}"
    return "" if able else "needs more"


def _needed(pair: Pair, word: str, family: _Family) -> tuple[str, int | None]:
    """The verdict, and further replicates of each that it takes to settle the matter."""
    if word and word != "needs more":
        return word, 0
    n = len(pair.differences)
    if pair.folds:  # once each fold was a test part, further replicates repeat them
        covered = len(set(pair.fold_of))
        return ("needs more", max(1, pair.folds - n)) if covered < pair.folds else ("not separable", None)
    limit = max(MOST, family.plan.most)
    total = _replicates(pair, family, family.plan.next_level(_seen(pair), family.size))
    affordable = total is not None and total <= limit
    if word == "needs more":
        fewest = family.plan.fewest(_seen(pair), family.left, limit=limit)
        if fewest is None:
            return "not separable", None
        return word, max(fewest, total if total and affordable else 0) - n
    more = None if total is None else max(total - n, 2, n // 4)  # fewer would be the same look again
    return ("needs more" if affordable else "not separable"), more


def _seen(pair: Pair) -> tuple[int, ...]:
    """All looks, with what is there now, whether or not it is a look."""
    n = len(pair.differences)
    now = () if pair.history and pair.history[-1] == n else (n,)
    return (*pair.former, *pair.history, *now)


def _replicates(pair: Pair, family: _Family, level: float) -> int | None:
    """Replicates in all that separate what is seen at a level, or show that it is within the margin."""
    d = pair.differences
    if len(d) < 3 or level <= 0:
        return None
    spread, difference = float(np.std(d, ddof=1)), abs(float(d.mean()))
    if difference < family.margin:
        return replicates_to_equate(
            family.margin, spread, alpha=level / family.left_equal, difference=difference
        )
    return replicates_to_separate(difference, spread, alpha=level / family.left)
