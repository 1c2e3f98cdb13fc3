"""How a delimited file is written: its delimiter, and whether quote marks quote.

Python's csv module reads and writes every dialect without loss once the dialect is known; what is found out
here is the dialect. A guess is accepted only where it fits the rows, and it is told.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from rnnsweep.data.tables.table import Choose
from rnnsweep.errors import UserError

csv.field_size_limit(1 << 30)  # the library's own limit, 131,072 characters, is shorter than some texts
DELIMITERS = (",", "\t", ";", "|", "^", "~", "\x1f", "\x01", ":")
NAMES = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar", " ": "a blank"}
SAMPLE_ROWS = 2000
NEEDING = ('"', "#", "\r", "\ue00d")  # what programs put quote marks around, beside delimiters and line ends


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quote mark; `quote` is empty where quote marks are characters."""

    delimiter: str
    quote: str = '"'
    blanks: bool = False  # blanks after a delimiter are no part of the value
    backslash: bool = False  # a backslash takes a quote mark's meaning

    def reader(self, lines: Iterable[str], *, strict: bool = True) -> Any:
        """Return csv's reader of lines."""
        if not self.quote:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            skipinitialspace=self.blanks,
            doublequote=not self.backslash,
            escapechar="\\" if self.backslash else None,
            strict=strict,
        )


def guess_dialect(
    lines: Sequence[str], *, usual: str, whole: bool, choose: Choose, quote: str | None
) -> Dialect:
    """Return the dialect that fits the first lines of a file.

    Args:
        lines: the first lines, with their ends.
        usual: the delimiter that the file's suffix stands for; it is preferred where it fits.
        whole: `lines` is the whole file; else its last row may be cut off.
        choose: raises UserError where a header does not have the columns that are wanted.
        quote: the quote mark, "" for none, None to find it out.
    """
    declared = _declared(lines)
    others = [usual, *(each for each in DELIMITERS if each != usual)]
    ranked = []
    for variant in _variants(lines, quote):
        for delimiter in [declared] if declared else others:
            dialect = replace(variant, delimiter=delimiter)
            score = _fit(dialect, lines, whole, choose)
            if score == (True, True):
                return dialect
            ranked.append((score, dialect))
    best, dialect = max(ranked, key=lambda entry: entry[0])  # the first of equals
    return dialect if best[0] or best[1] else Dialect(declared or usual, '"' if quote is None else quote)


def _variants(lines: Sequence[str], quote: str | None) -> Iterator[Dialect]:
    if quote is not None:
        yield Dialect(",", quote)
        return
    yield Dialect(",")
    yield Dialect(",", blanks=True)
    if any('\\"' in line for line in lines) and not any('""' in line for line in lines):
        yield Dialect(",", backslash=True)


def _declared(lines: Sequence[str]) -> str:
    """Return the delimiter that a first line ``sep=;`` names, as spreadsheets write it."""
    first = lines[0].strip("\r\n") if lines else ""
    return first[4:] if first.lower().startswith("sep=") and len(first) == 5 else ""


def _fit(dialect: Dialect, lines: Sequence[str], whole: bool, choose: Choose) -> tuple[bool, bool]:
    """Return whether all rows have the header's number of values, and the header what is wanted."""
    if _declared(lines):
        lines = lines[1:]
    try:
        rows = [row for row in dialect.reader(lines) if row]
        complete = True
    except csv.Error:
        rows = _readable(dialect, lines)
        complete = not whole and len(rows) > 1
    if not whole and rows:
        rows.pop()
    if not rows or len(rows[0]) < 2:
        return (False, False)
    fits = complete and all(len(row) == len(rows[0]) for row in rows)
    return (fits, _has_wanted(rows[0], choose))


def _readable(dialect: Dialect, lines: Sequence[str]) -> list[list[str]]:
    """Return the rows up to one that cannot be read."""
    rows = []
    try:
        for row in dialect.reader(lines):
            rows.append(row)
    except csv.Error:
        pass
    return [row for row in rows if row]


def _has_wanted(header: Sequence[str], choose: Choose) -> bool:
    try:
        choose([name.strip() for name in header])
    except UserError:
        return False
    return True


def quotes_are_characters(rows: Iterable[list[str]]) -> bool | None:
    """Return whether the quote marks of a tab-separated file, read without quoting, are characters.

    A program that quotes wraps a value in quote marks, doubles those inside, and wraps either whole columns
    or the values that need it. Where each row has as many values as the header and some quote mark follows
    none of these rules, they are characters. None: rows differ in their number of values, so that only
    quoting can explain the file.
    """
    wrapped, width, odd = _Wrapped(), 0, False
    for row in rows:
        width = width or len(row)
        if row and len(row) != width:
            return None
        odd |= not wrapped.takes(row)
    return odd or bool(wrapped.loose & wrapped.bare)


class _Wrapped:
    """The columns whose values are wrapped in quote marks."""

    def __init__(self) -> None:
        self.loose: set[int] = set()  # columns with a value that is wrapped without need
        self.bare: set[int] = set()  # columns with a value that is not wrapped

    def takes(self, row: Sequence[str]) -> bool:
        """Enter a row; return False where a quote mark in it cannot be one of a program that quotes."""
        for column, value in enumerate(row):
            if '"' not in value:
                if value:
                    self.bare.add(column)
            elif not is_wrapped(value):
                return False
            elif not _needs_quotes(value[1:-1]):
                self.loose.add(column)
        return True


def is_wrapped(value: str) -> bool:
    """Return whether a value is in quote marks, with those inside doubled."""
    return len(value) >= 2 and value[0] == value[-1] == '"' and '"' not in value[1:-1].replace('""', "")


def _needs_quotes(inner: str) -> bool:
    return not inner or any(mark in inner for mark in NEEDING) or inner != inner.strip()


def first_lines(file: Iterable[str]) -> tuple[list[str], bool]:
    """Return the first lines, and whether they are all."""
    lines = list(islice(file, SAMPLE_ROWS + 1))
    return lines[:SAMPLE_ROWS], len(lines) <= SAMPLE_ROWS
