"""Group-sequential testing: looks at growing replicates whose false claims add up to at most 5 %.

A comparison is looked at when a pair has n_1 < n_2 < ... replicates. Each look has a level of its own, the
levels add up to alpha, and a claim at any look is a claim. Nothing rests on a normal approximation: the test
at each look is exact, and the levels hold by Bonferroni's inequality, whatever the correlation of the looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import floor

from rnnsweep.comparison.statistics.permutation import EXACT

ALPHA = 0.05
RHO = 2.0  # of the power family: 1 spends as Pocock's boundaries do, 3 as those of O'Brien and Fleming


@dataclass(frozen=True)
class Look:
    """One look at a pair: its replicates, its level, and whether any score could reach that level."""

    pairs: int
    level: float
    able: bool


def spent(fraction: float, *, rho: float = RHO) -> float:
    """Share of alpha that may be spent up to a fraction of the largest number of replicates.

    The power family of Kim and DeMets 1987 (Biometrika 74:149), an alpha-spending function in the sense of
    Lan and DeMets 1983 (Biometrika 70:659).
    """
    return float(min(1.0, max(0.0, fraction)) ** rho)


def plan_looks(
    history: Sequence[int], *, most: int, comparisons: int = 1, alpha: float = ALPHA, steps: bool = True
) -> tuple[Look, ...]:
    """Return the level of each look at a pair.

    A look within the plan gets what the spending function has released and no earlier look has used. A look
    uses what the exact test can attain of its level, since p takes steps of 2 / 2**pairs: nothing where so
    few replicates can claim nothing. Beyond the plan each further look gets half of what is left.

    Args:
        history: replicates of the pair at each look, rising; the last is the look that is taken now.
        most: replicates of the plan.
        comparisons: of the family; Holm's first step divides a level by them.
        alpha: of all looks together.
        steps: the test's p takes steps of 2 / 2**pairs; False: any level can be reached, as by a t.
    """
    return _plan(tuple(history), most, comparisons, alpha, steps)


@lru_cache(maxsize=4096)
def _plan(
    history: tuple[int, ...], most: int, comparisons: int, alpha: float, steps: bool
) -> tuple[Look, ...]:
    looks = []
    used, over = 0.0, False
    for pairs in history:
        level = (alpha - used) / 2 if over else alpha * spent(pairs / most if most else 1.0) - used
        level = max(0.0, level)
        exact = pairs if steps else EXACT + 1
        able = _attained(level / comparisons, exact) > 0
        if able:
            used += max(i * _attained(level / i, exact) for i in range(1, comparisons + 1))
            over = pairs >= most
        looks.append(Look(pairs, level, able))
    return tuple(looks)


def _attained(level: float, pairs: int) -> float:
    """Return the largest p of the sign-flip test that is no larger than a level."""
    if pairs > EXACT:
        return level
    steps = 2 ** max(0, pairs - 1)
    return float(floor(level * steps * (1 + 1e-9)) / steps)


def sequential_p(p_values: Sequence[float], looks: Sequence[Look], *, alpha: float = ALPHA) -> float:
    """P of a pair over all its looks: at most `alpha` in at most `alpha` of cases without a difference.

    Each look's p is divided by its share of alpha, and the smallest of them counts: a claim that was made at
    an earlier look stands. Holm's correction may be applied to the result (Maurer and Bretz 2013,
    Statistics in Biopharmaceutical Research 5:311). Where no look could claim anything, the p of the last
    one tells how far it is from doing so.

    Args:
        p_values: of the looks, each of the replicates that there were.
        looks: of `plan_looks`, in the same order.
        alpha: of all looks together.
    """
    paid = [
        min(1.0, p * alpha / look.level) if look.level > 0 else 1.0
        for p, look in zip(p_values, looks, strict=True)
    ]
    able = [p for p, look in zip(paid, looks, strict=True) if look.able]
    return min(able, default=paid[-1] if paid else 1.0)
