"""Racing: at each planned look replicates go where they decide, and who is settled gets no more.

What is asked is who leads and whether the leader beats the baseline, so a look keeps the leader and those
whose comparison with it is open. A stop never makes a claim, and every claim is made at a planned look of
`group_sequential`, so that the error rate is that of the design (Jennison and Turnbull 1999, chapter 16).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rnnsweep.comparison.beside import tied_first
from rnnsweep.comparison.evidence.records import HERE, NOT_COMPARABLE, Standing, Stop, TestScore
from rnnsweep.comparison.replicate_plan import ReplicatePlan, natural
from rnnsweep.comparison.row_scores import ByRow
from rnnsweep.comparison.statistics.power import equivalence_power, separation_power
from rnnsweep.comparison.verdicts.decisions import Decision, decide
from rnnsweep.comparison.words import names_of

HOPELESS = 0.1  # chance of settling a comparison within the plan, below which it gets no more replicates
CERTAIN = 1.96  # standard errors of the rows that a difference must exceed, were replicates free


@dataclass(frozen=True)
class Race:
    """Where a sweep's replicates go: how many each architecture gets in all, and who was stopped when."""

    wanted: Mapping[str, int]
    stopped: tuple[Stop, ...] = ()
    sentences: tuple[str, ...] = ()  # what each look decided


def race(
    standings: Sequence[Standing],
    *,
    plan: ReplicatePlan,
    margin: float,
    correct: ByRow | None = None,
    groups: ArrayLike | None = None,
    ended: Mapping[str, int] | None = None,
) -> Race:
    """Replay the planned looks at the replicates that there are, and say what comes next.

    The result is a function of the replicates alone: whoever asks again, after a crash or on another
    machine, gets the same.

    Args:
        standings: with the replicates that ended well, the baseline's among them.
        plan: with its looks so far: a look of the race claims no more than the verdicts may.
        margin: differences below this count as nothing.
        correct: as for `make_verdicts`.
        groups: as for `make_verdicts`.
        ended: replicates of each architecture that are over, failed ones among them; None: those that
            the standings have.

    Returns:
        How many replicates each architecture gets now, who got no more, and why.
    """
    plan = replace(plan, finished=True, now={s.architecture: s.configuration for s in standings})
    sizes = plan.sizes
    over = ended or {s.architecture: len(s.replicates) for s in standings}
    seeds = sorted({one.seed for s in standings for one in s.replicates}, key=natural)
    active = {s.architecture for s in standings}
    single = {s.architecture for s in standings if s.baseline and len(s.replicates) == 1}
    wanted = dict.fromkeys(active, sizes[0])
    stopped: list[Stop] = []
    sentences: list[str] = []
    for place, size in enumerate(sizes[:-1]):
        if any(over.get(name, 0) < size for name in active if name not in single):
            break  # this look is still to come
        at_look = [_at_look(s, seeds[:size]) for s in standings]
        decisions = decide(at_look, margin=margin, correct=correct, plan=plan, groups=groups)
        first = _first(at_look, active)
        if not first:
            break
        leader = first[0]
        going = _going(leader, active, decisions, sizes[-1], margin)
        stopped += [
            Stop(name, size, why) for name, why in going.items() if why and name in active and name != leader
        ]
        active = {name for name, why in going.items() if not why and name in active}
        sentences.append(_say(first, size, active, sizes[place + 1], over))
        if len(active) < 2:
            break
        for name in active:
            wanted[name] = sizes[place + 1]
    return Race(wanted, tuple(stopped), tuple(sentences))


def _at_look(standing: Standing, seeds: Sequence[str]) -> Standing:
    """The standing as it was at a look; one fit stays what it is."""
    if standing.baseline and len(standing.replicates) == 1:
        return standing
    replicates = tuple(one for one in standing.replicates if one.seed in seeds)
    scores = [one.test for one in replicates]
    mean = float(np.mean(scores)) if scores else None
    return replace(standing, replicates=replicates, test=TestScore(mean, None, None, len(scores)))


def _first(standings: Sequence[Standing], active: set[str]) -> list[str]:
    """Return the leader, and after it those whose mean score is exactly the same."""
    known = [s for s in standings if not s.baseline and s.architecture in active and s.test.mean is not None]
    return tied_first(sorted(known, key=lambda s: -(s.test.mean or 0.0))) if known else []


def _going(
    leader: str,
    active: set[str],
    decisions: Sequence[Decision],
    most: int,
    margin: float,
) -> dict[str, str]:
    """For each active architecture why it stops, or nothing where its comparison with the leader is open."""
    why = {}
    for one in decisions:
        if leader not in (one.a, one.b):
            continue
        other = one.b if one.a == leader else one.a
        if other in active:
            why[other] = _settled(one, leader, most, margin)
    return {**why, leader: ""}


def _settled(decision: Decision, leader: str, most: int, margin: float) -> str:
    word = decision.verdict
    if word in ("better", "worse"):
        return f"{'worse' if (word == 'better') == (decision.a == leader) else 'better'} than {leader}"
    if word == "equivalent":
        return f"equivalent to {leader}"
    if word == NOT_COMPARABLE:
        return f"tested on other rows than {leader}"
    new_rows = decision.new_rows
    if word.endswith(HERE) and (new_rows is None or abs(new_rows.estimate) < CERTAIN * new_rows.rows_error):
        return f"separated from {leader} on this test part, and more replicates cannot show it for new rows"
    return _hopeless(decision, leader, most, margin)


def _hopeless(decision: Decision, leader: str, most: int, margin: float) -> str:
    """Stop where not even the largest number of replicates is likely to settle it, read generously."""
    spread, size, pairs, level = (
        decision.spread,
        abs(decision.difference),
        decision.pairs,
        decision.next_level,
    )
    if not spread or decision.pair.folds:  # each further fold adds to its test
        return ""
    hopeless = f"{most} replicates are not likely to tell it from {leader}"
    if level <= 0:  # earlier looks, at other configurations, have used the 5 %
        return hopeless
    apart = separation_power(size / spread + pairs**-0.5, most, alpha=level)
    near = max(0.0, size - spread * pairs**-0.5)
    equal = equivalence_power(margin, spread, most, alpha=level, difference=near)
    return hopeless if max(apart, equal) < HOPELESS else ""


def _say(first: Sequence[str], size: int, active: set[str], following: int, over: Mapping[str, int]) -> str:
    """Name who gets more; after a search that continued, some have their replicates already."""
    leader, others = first[0], sorted(active - {first[0]})
    leads = "leads" if len(first) == 1 else f"has the same mean score as {names_of(first[1:])}"
    lacking = sorted(name for name in active if over.get(name, 0) < following)
    if others and 0 < len(lacking) < len(active):
        verb = "get" if len(lacking) > 1 else "gets"
        more = f"{names_of(lacking)} {verb} {following} as the others have"
        return f"{leader} {leads} after {size} replicates; {more}"
    if not others:
        return f"{leader} {leads} after {size} replicates, and every comparison with it is settled"
    return f"{leader} {leads} after {size} replicates; it and {', '.join(others)} get {following}"
