"""Networks whose mean test scores are exactly equal: of these none leads."""

from collections.abc import Sequence
from math import isclose

from rnnsweep.comparison.evidence.records import Standing

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
