"""How many test rows or replicates would show on new rows a difference that is seen on these.

The same variance as that of the interval on new rows, for other numbers of rows and replicates.
"""

from collections.abc import Callable
from math import ceil

from scipy import special

from rnnsweep.comparison.statistics.new_rows import NewRows, Remedies, Squares
from rnnsweep.comparison.statistics.power import POWER

LARGEST = 1000  # times the rows that there are; a larger factor is none
FEW_UNITS = 10  # equal groups, below which their own variance is known too badly to advise by


def find_remedies(found: NewRows, *, alpha: float, most: int, power: float = POWER) -> Remedies | None:
    """Return what shows the seen difference in `power` of cases; None where too few groups tell nothing.

    More rows divide the variance of rows and of the rest, more replicates that of replicates and of the rest.
    Further groups are taken to be as unequal as these, so that equal groups that say as much grow alike.

    Args:
        found: the difference, with its mean squares.
        alpha: two-sided level of the comparison, after correction.
        most: replicates of each that are affordable.
        power: chance to show it.
    """
    squares, size = found.squares, abs(found.estimate)
    if squares is None or size == 0 or found.counted < FEW_UNITS:
        return None
    spare = float(special.ndtri(power))

    def shows(changed: Squares) -> bool:
        return changed.half_width(alpha) + spare * changed.error <= size

    def rows_with(of: Squares) -> int | None:
        factor = _smallest(lambda times: shows(of.with_rows(times)))
        return None if factor is None else ceil(factor * found.rows)

    affordable = range(found.replicates + 1, most + 1)
    replicates = next((n for n in affordable if shows(squares.with_replicates(n))), None)
    return Remedies(
        rows_with(squares),
        replicates,
        rows_with(squares.with_replicates(most)) if found.replicates < most else None,
    )


def _smallest(is_enough: Callable[[float], bool]) -> float | None:
    """Return about the smallest factor from 1 on that is enough, by bisection; None above `LARGEST`."""
    low, high = 1.0, float(LARGEST)
    if is_enough(low):
        return low
    if not is_enough(high):
        return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
