"""CSV, TSV and files of any other delimiter, read by Python's csv module."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from rnnsweep.data.tables.dialect import (
    NAMES,
    Dialect,
    first_lines,
    guess_dialect,
    is_wrapped,
    quotes_are_characters,
)
from rnnsweep.data.tables.opening import Scan, inner_suffix, open_text, scan
from rnnsweep.data.tables.table import BadRows, Choose, ReadOptions, Table
from rnnsweep.errors import UserError

RETURN = "\ue00d"  # of Unicode's private use
USUAL = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


@dataclass
class _Rows:
    """What was read so far."""

    values: list[list[str]]
    spans: list[int]

    broken: int = 0  # rows over several lines
    first_broken: int = 0  # the line that the first of them begins at
    lines: "array[int]" = field(default_factory=lambda: array("q"))  # at which each begins


def read_delimited(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read the chosen columns of a delimited file.

    Raises:
        UserError: the file cannot be read, or a row has more or fewer values than the header.
    """
    content = scan(path, options.encoding)
    dialect, notes = _dialect(path, content, options, choose)
    with _open(path, content) as file:
        table = _read(path, file, dialect, options, choose)
    table.notes = [*filter(None, [content.note]), *notes]
    return table


@contextmanager
def _open(path: Path, content: Scan) -> Iterator[Iterable[str]]:
    """Open the lines of a file.

    csv's reader takes a carriage return outside quote marks for the end of a row. Where rows end in line
    feeds it is a character of a value, which some programs write so; it is `RETURN` until the row is read.
    """
    with open_text(path, content.encoding, newline="\n" if content.returns else "") as file:
        yield map(_hide_returns, file) if content.returns else file


def _hide_returns(line: str) -> str:
    if "\r" not in line:
        return line
    body, end = (line[:-2], "\r\n") if line.endswith("\r\n") else (line, "")
    return body.replace("\r", RETURN) + end


def _dialect(path: Path, content: Scan, options: ReadOptions, choose: Choose) -> tuple[Dialect, list[str]]:
    usual = USUAL.get(inner_suffix(path), ",")
    quote = options.quote
    notes = []
    if options.delimiter is None:
        with _open(path, content) as file:
            lines, whole = first_lines(file)
        dialect = guess_dialect(
            lines, usual=usual, whole=whole, choose=_anything(options, choose), quote=quote
        )
    else:
        dialect = Dialect(options.delimiter, '"' if quote is None else quote)
    if dialect.delimiter not in (usual, options.delimiter):
        notes.append(
            f"{path.name}: columns are separated by {NAMES.get(dialect.delimiter, repr(dialect.delimiter))}"
            f" (guessed; data.delimiter settles it)"
        )
    if dialect.delimiter == "\t" and quote is None and content.quotes:
        return _quoting_of_tabs(path, content, dialect, notes)
    return dialect, notes


def _quoting_of_tabs(
    path: Path, content: Scan, dialect: Dialect, notes: list[str]
) -> tuple[Dialect, list[str]]:
    plain = Dialect("\t", "")
    with _open(path, content) as file:
        characters = quotes_are_characters(plain.reader(file))
    if characters is None or (characters and _quotes_header(path, content, plain)):
        with _open(path, content) as file:
            characters = not _is_consistent(dialect, file)
    if characters:
        notes.append(
            f"{path.name}: quote marks are read as characters (data.quote='\"' reads them as quoting)"
        )
    return (plain if characters else dialect), notes


def _quotes_header(path: Path, content: Scan, plain: Dialect) -> bool:
    """Return whether each name of the header is in quote marks, as where a program quotes every value."""
    with _open(path, content) as file:
        header: list[str] = next((row for row in plain.reader(file) if row), [])
    return all(map(is_wrapped, header))


def _is_consistent(dialect: Dialect, file: Any) -> bool:
    try:
        return len({len(row) for row in dialect.reader(file) if row}) == 1
    except csv.Error:
        return False


def _anything(options: ReadOptions, choose: Choose) -> Choose:
    """Without a header, columns are known by their number alone."""
    if options.header:
        return choose
    return lambda names: choose([str(n + 1) for n in range(len(names))])


def _read(path: Path, file: Any, dialect: Dialect, options: ReadOptions, choose: Choose) -> Table:
    reader = dialect.reader(file)
    try:
        header: list[str] = next((row for row in reader if row and not _declares(row, reader.line_num)), [])
    except csv.Error as error:
        raise _unreadable(path, reader.line_num, dialect, error) from error
    header = [name.replace(RETURN, "\r") for name in header]
    names = (
        [name.strip("\ufeff \t\r\n") for name in header]
        if options.header
        else [str(n + 1) for n in range(len(header))]
    )
    if not any(names):
        raise UserError(f"{path}: the file has no rows")
    named_here = tuple(names) if options.every else ()
    names = _each_named(names) if options.every else names
    columns = list(choose(_usable(names)))
    for name in columns:
        refuse_twice(path, names, name)
    places = [names.index(name) for name in columns]
    bad = BadRows.of(path, options)
    first = [] if options.header else [(reader.line_num, header)]
    once = header if options.header and len(header) > 1 else None
    rows = _collect(chain(first, _numbered(path, reader, dialect)), once, places, names, bad)
    if not rows.values:
        raise UserError(f"{path}: the file has no rows")
    return Table(
        path,
        tuple(_usable(names)),
        dict(zip(columns, map(list, zip(*rows.values, strict=True)), strict=True)),
        rows.spans,
        swallowed=_swallowed(path, rows, dialect),
        skipped=bad.skipped,
        header=named_here,
        lines=rows.lines,
    )


def _each_named(names: Sequence[str]) -> list[str]:
    """Return a name for each column: its own, or one of its place where it has none or another's."""
    different: list[str] = []
    for place, name in enumerate(names, 1):
        own = name if name and name not in different else f"{name} (column {place})".strip()
        while own in different:
            own += "'"
        different.append(own)
    return different


def _declares(row: Sequence[str], line: int) -> bool:
    first = ",".join(row).lower()
    return line == 1 and first.startswith("sep=") and len(first) <= 5


def _usable(names: Sequence[str]) -> list[str]:
    """Return the columns that have a name, each once."""
    return list(dict.fromkeys(name for name in names if name))


def refuse_twice(path: Path, names: Sequence[str], name: str) -> None:
    """Raise UserError where a column that is read shares its name with another."""
    if names.count(name) > 1:
        raise UserError(f"{path}: has {names.count(name)} columns that are called {name!r}; rename one")


def _numbered(path: Path, reader: Any, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise _unreadable(path, reader.line_num, dialect, error) from error


def _unreadable(path: Path, line: int, dialect: Dialect, error: csv.Error) -> UserError:
    way = "; where quote marks are characters set data.quote=none" if dialect.quote else ""
    return UserError(f"{path}, line {line}: {error}{way}")


def _collect(rows: Any, header: list[str] | None, places: list[int], names: list[str], bad: BadRows) -> _Rows:
    width = len(names)
    read = _Rows([], [])
    before = 0
    for line, row in rows:
        if row == header:
            bad.add(line, "the header once more, as where files were joined")
            before = line
            continue
        if len(row) != width:
            named = ", ".join(names)[:80]
            bad.add(line, f"{len(row)} values, but the header names {width} columns ({named})")
            before = line
            continue
        broken = sum(map(_line_breaks, row)) if line > before + 1 else 0
        if broken:
            read.broken += 1
            read.first_broken = read.first_broken or line - broken
        read.values.append([row[place].replace(RETURN, "\r") for place in places])
        read.spans.append(1 + broken)
        read.lines.append(line - broken)
        before = line
    return read


def _line_breaks(value: str) -> int:
    return max(value.count("\n"), value.count("\n") + value.count("\r") - value.count("\r\n"))


def _swallowed(path: Path, rows: _Rows, dialect: Dialect) -> str:
    if not rows.broken:
        return ""
    lines, count = sum(rows.spans), len(rows.values)
    return (
        f"{path.name}: {lines:,} lines gave {count:,} rows: {rows.broken:,} rows have line breaks inside"
        f" quote marks (the first at line {rows.first_broken}), which belong to their texts; where"
        " quote marks are characters, and no lines should be joined, set data.quote=none"
    )
