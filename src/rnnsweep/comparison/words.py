"""Names, numbers and differences of scores, as tables and sentences write them."""

from collections.abc import Sequence

from rnnsweep.tasks import Score
from rnnsweep.tasks.score import LOWER

DASH = "–"
P, P_ON_NEW_ROWS = "p (corrected)", "p on new rows (corrected)"  # heads of columns, wherever a pair has a p
MOST_NAMES, FEW_NAMES = 12, 6  # of a sentence, and those that are written of more


def say_corrected(pairs: int) -> str:
    """Return in words that the p of a list's pairs are corrected for their number; nothing of one pair."""
    return f"each p is corrected for these {pairs} pairs" if pairs > 1 else ""


def shorten(name: str, most: int) -> str:
    """Cut a name in its middle, as names that share a beginning differ at their ends."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def short(value: float) -> str:
    """Write a number in few characters: 0.65, 12k, 3.4M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.4g}"


def rounded(number: float) -> str:
    """Write an estimate with two digits that say something: 690,000."""
    return f"{float(f'{number:.2g}'):,.0f}"


def apart(score: Score, value: float, *, sign: bool = False) -> str:
    """Write a difference of natural values with its unit: ``1.23 points``."""
    return f"{score.difference(value, sign=sign)} {score.words}"


def say_constant(score: Score) -> str:
    """Name what a network must beat: one answer for every row."""
    if score.constant:
        return f"always answering the {score.constant} of the training rows"
    return "always naming the largest class"


def under(score: Score) -> str:
    """Return how a worse score lies to a better one: below, or above where lower is better."""
    return "above" if score.direction == LOWER else "below"


def names_of(names: Sequence[str]) -> str:
    """Join names for a sentence: a, b and c."""
    if len(names) == 1:
        return names[0]
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:FEW_NAMES])} and {len(names) - FEW_NAMES} others"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def interval(
    low: float | None, high: float | None, *, score: Score, sign: bool = False, withheld: str = DASH
) -> str:
    """Return an interval in natural values as text.

    Args:
        low: lower end, turned; None: withheld.
        high: upper end, turned.
        score: of which the interval is.
        sign: it is of a difference: both ends get a sign.
        withheld: what is written in place of an interval that is withheld.
    """
    if low is None or high is None:
        return withheld
    ends = score.turned_interval(low, high)
    if sign:
        return f"{ends[0]:+.4f} to {ends[1]:+.4f}"
    return " to ".join(score.write(score.turned(end)) for end in ends)


def summary(mean: float | None, low: float | None, high: float | None, replicates: int, score: Score) -> str:
    """Return a mean with its interval and number of replicates, as 0.82 (0.81 to 0.83, 8 replicates).

    Args:
        mean: turned.
        low: lower end, turned; None: withheld.
        high: upper end, turned.
        replicates: how many there are.
        score: of which the mean is.
    """
    ends = interval(low, high, score=score, withheld="no interval")
    return f"{score.write(mean)} ({ends}, {replicates} replicate{'s' * (replicates != 1)})"
