"""What would show on new rows a difference that is seen on these, in words."""

import math
from collections.abc import Iterator

from rnnsweep.comparison.statistics.new_rows import NewRows, Remedies
from rnnsweep.comparison.statistics.remedies import FEW_UNITS
from rnnsweep.comparison.verdicts.decisions import MOST
from rnnsweep.comparison.words import rounded

USUAL_ROWS = 100_000  # of a test part; more are not named to the row
LARGEST_SHARE = 0.5  # of all rows, for the test: more would leave too few to train on


def say_remedies(new_rows: NewRows, remedies: Remedies | None, test_share: float | None) -> str:
    """Return how many test rows or replicates it takes, as the end of a sentence; nothing: no telling.

    Args:
        new_rows: what is known so far.
        remedies: None where it does not tell.
        test_share: of all rows, drawn for the test; 0: the rows are given; None: not known.
    """
    if remedies is None and new_rows.grouped and new_rows.squares is not None:
        few = f"; {_why_unknown(new_rows)} to tell how many groups it takes"
        return f"{few}: a new sweep with data.folds=5 tests on every row" if test_share else few
    ways = " or ".join(_ways(new_rows, remedies or Remedies(), test_share))
    return f", which takes {ways}" if ways else ""


def _why_unknown(new_rows: NewRows) -> str:
    """Return why the variance of groups is known too badly: they are few, or unequal."""
    if new_rows.rows < FEW_UNITS:
        return "the test rows are in too few groups"
    if sum(new_rows.largest) > 0.5:
        return "most test rows are in too few large groups"
    largest = f"the largest of the {new_rows.rows:,} groups has {100 * new_rows.largest[0]:.0f} % of the rows"
    return f"groups of test rows differ so much in size ({largest}) that their variance is too uncertain"


def _ways(new_rows: NewRows, remedies: Remedies, test_share: float | None) -> Iterator[str]:
    """Yield more test rows, or more of both where that takes half the rows; and replicates where they do."""
    rows, most, beside = remedies.rows, remedies.rows_of_most, ""
    if not remedies.replicates and most and (rows is None or 2 * most <= rows):
        rows, beside = most, f" and {MOST} replicates of each instead of {new_rows.replicates}"
    usual = max(USUAL_ROWS, 10 * new_rows.rows)
    units = "groups of test rows" if new_rows.grouped else "test rows"
    if rows and new_rows.rows < rows <= usual:
        where = _where_from(rows / new_rows.rows, test_share)
        yield f"about {rounded(rows)} {units} instead of {new_rows.rows:,}{where}{beside}"
    elif rows and rows > usual and not remedies.replicates:
        yield f"more than {usual:,} {units}"
    if remedies.replicates:
        now = new_rows.replicates
        yield f"about {remedies.replicates} replicates of each instead of {now} in a new sweep"


def _where_from(factor: float, test_share: float | None) -> str:
    """Return what gives `factor` times as many test rows: a larger share of them, or more of them."""
    if test_share is None:
        return ""
    if not test_share:
        return " (a larger test file)"
    needed = math.ceil(100 * test_share * factor) / 100
    if needed > LARGEST_SHARE:
        return " (more than this corpus has to spare)"
    return f" (data.test_share={needed:g} in a new sweep)"
