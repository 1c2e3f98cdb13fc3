"""Replicating until two are separated: whom to replicate next, and what looking several times costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnsweep.comparison.verdicts.records import Verdict

UNDECIDED = ("needs more", "not separable")


def look_factor(looks: int) -> int:
    """What p is multiplied by at so many looks at growing data, so that all of them together err in 5 %.

    Whoever adds replicates until a test speaks gives chance one more try each time. The k-th look may spend
    1 / (k (k + 1)) of the 5 %, and these shares add up to at most 1 however many follow (alpha spending,
    by Bonferroni's inequality; Lan and DeMets 1983 give the idea). 1 where nobody looked before deciding.
    """
    return looks * (looks + 1) if looks else 1


@dataclass(frozen=True)
class Step:
    """Two architectures that are to have `total` replicates each, and the verdict that asks for it."""

    architectures: tuple[str, ...]
    total: int
    verdict: Verdict


def next_step(verdicts: Sequence[Verdict], *, order: Sequence[str], most: int) -> Step | None:
    """Choose the pair whose verdict needs replicates most; None where no pair is worth more of them.

    That is the open pair of the best ranked: the answer turns on who leads, and then on who follows. Pairs
    that no affordable number is likely to separate are left as they are.

    Args:
        verdicts: as the replicates so far entitle one to.
        order: the architectures, the best first.
        most: replicates of each in all.
    """
    rank = {name: i for i, name in enumerate(order)}
    open_pairs = [v for v in verdicts if not v.baseline and v.verdict in UNDECIDED and _affordable(v, most)]
    if not open_pairs:
        return None
    chosen = min(open_pairs, key=lambda v: sorted((rank[v.a], rank[v.b])))
    return Step((chosen.a, chosen.b), chosen.pairs + (chosen.replicates_needed or 0), chosen)


def _affordable(verdict: Verdict, most: int) -> bool:
    more = verdict.replicates_needed
    return more is not None and more > 0 and verdict.pairs + more <= most
