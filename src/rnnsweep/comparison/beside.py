"""What a network is beside the others: equal to the best, or as the verdicts say."""

from collections.abc import Sequence
from dataclasses import replace
from math import isclose

from rnnsweep.comparison.evidence.records import Standing, Verdict

ROUNDING = 1e-9  # a share of the score: means of the same numbers in another order differ by less


def tied_first(networks: Sequence[Standing]) -> list[str]:
    """Name the networks that have the best mean test score: the first of them, where no other equals it.

    Args:
        networks: best first.
    """
    best = networks[0].test.mean
    equal = (
        s
        for s in networks[1:]
        if best is not None and s.test.mean is not None and isclose(s.test.mean, best, rel_tol=ROUNDING)
    )
    return [networks[0].architecture, *(s.architecture for s in equal)]


def words_against(architecture: str, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Return what an architecture is beside each other one that it was compared with: better, worse ..."""
    words = {one.b: one.verdict for one in verdicts if one.a == architecture}
    return words | {one.a: _turned(one.verdict) for one in verdicts if one.b == architecture}


def _turned(word: str) -> str:
    for one, other in (("better", "worse"), ("worse", "better")):
        if word.startswith(one):
            return other + word.removeprefix(one)
    return word


def from_other_side(verdict: Verdict) -> Verdict:
    """Return a verdict whose intervals are of b - a."""
    low, high = (None if end is None else -end for end in (verdict.high, verdict.low))
    rows = verdict.new_rows
    turned = rows and replace(rows, estimate=-rows.estimate, low=-rows.high, high=-rows.low)
    return replace(verdict, low=low, high=high, new_rows=turned)
