"""Cells of CSV files that no spreadsheet runs."""

from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet takes for a formula


def no_formula(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a text gets an apostrophe before it.

    Numbers, and texts that are numbers, stay as they are.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", " ")  # a spreadsheet begins a row at each \r
    return f"'{text}" if cell.startswith(FORMULA) and not _is_number(cell) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
