"""Tables of text from CSV, TSV, JSON Lines and Parquet files."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from rnnsweep.errors import UserError

Columns: TypeAlias = dict[str, list[str]]

csv.field_size_limit(1 << 30)  # the library's own limit, 131,072 characters, is shorter than some texts


def file_state(path: Path) -> list[str | int]:
    """Give what changes when a file's content may have changed: its place, size and times."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _refuse_unreadable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def read_delimited(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a delimited file with the number of each one's last line; blank lines are left out.

    Raises:
        UserError: the file cannot be opened or is not UTF-8.
    """
    _refuse_unreadable(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter, strict=False)
        try:
            for row in rows:
                if row:
                    yield rows.line_num, row
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from error
        except csv.Error as error:
            raise UserError(f"{path}, line {rows.line_num}: {error}") from error


def _not_utf8(path: Path, error: UnicodeDecodeError) -> UserError:
    byte = error.object[error.start]
    return UserError(
        f"{path}: not UTF-8 (byte 0x{byte:02x}); save it as UTF-8, as with: iconv -f LATIN1 -t UTF-8"
    )


def read_table(path: Path) -> Columns:
    """Read a file with named columns; values become text, missing ones become empty.

    Raises:
        UserError: no such file, a suffix that is not known, an empty file, or one that does not parse.
    """
    _refuse_unreadable(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: must end in one of {', '.join(READERS)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    columns = reader(path)
    if not columns or not next(iter(columns.values())):
        raise UserError(f"{path}: the file has no rows")
    return columns


def _read_csv(path: Path) -> Columns:
    return _under_header(path, read_delimited(path, ","))


def _read_tsv(path: Path) -> Columns:
    return _under_header(path, read_delimited(path, "\t"))


def _under_header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Columns:
    _, header = next(rows, (0, []))
    names = [name.strip() for name in header]
    _refuse_twice(path, names)
    values: list[list[str]] = []
    for line, row in rows:
        if len(row) != len(names):
            raise UserError(
                f"{path}, line {line}: {len(row)} values, but the header names {len(names)} columns "
                f"({', '.join(names)[:80]})"
            )
        values.append(row)
    return {name: [row[place] for row in values] for place, name in enumerate(names)}


def _read_json_lines(path: Path) -> Columns:
    records = list(_records(path))
    names = {name: None for record in records for name in record}
    return {name: [_as_text(record.get(name)) for record in records] for name in names}


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _record(path, number, line)
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from error


def _record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}, line {number}: not JSON ({error}); each line must be one object") from error
    if not isinstance(record, dict):
        raise UserError(f"{path}, line {number}: {line.strip()[:40]!r} is not a JSON object")
    return record


def _read_parquet(path: Path) -> Columns:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise UserError(f"{path}: cannot be read as Parquet ({reason})") from error
    _refuse_twice(path, table.column_names)
    return {name: list(map(_as_text, table[name].to_pylist())) for name in table.column_names}


def _refuse_twice(path: Path, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: has {names.count(name)} columns that are called {name!r}; rename one")


def _as_text(value: Any) -> str:
    text = "" if value is None else str(value)
    # JSON may spell halves of characters (\ud800), which no encoding can write
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".tab": _read_tsv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}


def find_column(columns: Sequence[str], known: Sequence[str]) -> str | None:
    """Find the first of the known names among columns, whatever their case."""
    lower = {name.lower(): name for name in reversed(columns)}
    return next((lower[name] for name in known if name in lower), None)
