"""Bring your own scores: verdicts and the report for runs of any tool."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep import comparison
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths

if TYPE_CHECKING:
    import pandas as pd


def compare_scores(
    frame: "pd.DataFrame",
    baseline: str | None = None,
    *,
    lower: bool = False,
    margin: float | None = None,
    name: str = "scores",
    report: str | Path | None = None,
    looks: Sequence[int] = (),
) -> "comparison.Comparison":
    """Compare architectures by test scores that any tool measured, and write the report.

    Args:
        frame: columns `architecture`, `seed`, `score`: one line for each run. With a fourth column `row`,
            one line for each test row of each run (1 right, 0 wrong, or any score whose mean is the run's):
            verdicts then cover new test rows, too, in units of a fifth column `group` where rows belong
            together, as the sentences of one document. Runs with the same seed are compared as pairs.
        baseline: the architecture that the others are compared with apart; one run of it is enough.
        lower: lower scores are better, as of a loss.
        margin: smallest difference that matters; None: .002 of scores between 0 and 1, else 1 %.
        name: of the comparison.
        report: file to write; None: mlruns/comparisons/NAME.html.
        looks: seeds of each architecture at earlier comparisons, where seeds were added since: all of them
            share the 5 % of false claims. Later seeds have larger numbers.

    Returns:
        The comparison, with the path of its report.

    Raises:
        UserError: a missing column, a value that is no number, a run that occurs twice, fewer than two
            architectures, an unknown baseline, more seeds at an earlier look than there are.
    """
    compared = comparison.compare_foreign(
        frame, name=name, baseline=baseline, lower=lower, margin=margin, looks=looks
    )
    path = Path(report) if report is not None else find_paths().mlruns / "comparisons" / f"{name}.html"
    return replace(compared, report=comparison.write_report(replace(compared, report=path), path))


def read_scores(file: str | Path, columns: Mapping[str, str] | None = None) -> "pd.DataFrame":
    """Read a table of scores: CSV, TSV, JSON Lines or Parquet.

    Args:
        file: the table.
        columns: {architecture | seed | score | row | group: its column}, where it has another name.

    Raises:
        UserError: the file cannot be read, or has no such column.
    """
    import pandas as pd

    from rnnsweep.data.tables import ReadOptions, read_table

    path, column_of = Path(file), dict(columns or {})
    table = read_table(path, ReadOptions(), lambda names: names)
    for name, column in column_of.items():
        if column not in table.names:
            raise UserError(f"{path}: no column {column!r} for {name}; there is {', '.join(table.names)}")
    try:
        frame = pd.DataFrame(table.columns)
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.end]
        raise UserError(
            f"{path}: {half!r}: must be a whole character, not half of a pair of UTF-16"
        ) from None
    taken = frame.drop(columns=[c for c in frame if c in column_of and c not in column_of.values()])
    return taken.rename(columns={column: name for name, column in column_of.items()})
