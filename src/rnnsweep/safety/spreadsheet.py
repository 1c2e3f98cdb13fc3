"""CSV whose cells no spreadsheet runs."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet takes for a formula


def no_formula(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a text gets an apostrophe before it.

    Numbers, and texts that are numbers, stay as they are.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", " ")  # a spreadsheet begins a row at each \r
    return f"'{text}" if cell.startswith(FORMULA) and not reads_as_number(cell) else text


def csv_text(heads: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV under their heads."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(no_formula, heads))
    writer.writerows(map(no_formula, row) for row in rows)
    return file.getvalue()


def reads_as_number(text: str) -> bool:
    """Return whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
