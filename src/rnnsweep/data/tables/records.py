"""JSON Lines, JSON arrays, and JSON objects of columns."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rnnsweep.data.tables.opening import open_text, scan
from rnnsweep.data.tables.table import BadRows, Choose, ReadOptions, Table, unusual
from rnnsweep.errors import UserError

_BLANKS = re.compile(r"\s*")
SAMPLE = 1000  # records whose keys are taken for a file's columns, where the wanted ones are among them


def read_json_lines(path: Path, options: ReadOptions, choose: Choose, *, whole: bool = True) -> Table:
    """Return the chosen columns of a file of one JSON object a line; one that is missing in a row is None.

    Args:
        path: of the file.
        options: its encoding, and whether bad lines are skipped.
        choose: receives the names of the columns, returns those to read.
        whole: a file that is one array of objects is read as that.

    Raises:
        UserError: a line is not a JSON object.
    """
    content = scan(path, options.encoding)
    if whole and _is_array(path, content.encoding):
        return read_json(path, options, choose)
    bad = BadRows.of(path, options)
    names = _names(islice(_records(path, content.encoding, BadRows.of(path, options)), SAMPLE))
    try:
        columns = choose(list(names))
    except UserError:
        names = _names(_records(path, content.encoding, BadRows.of(path, options)))
        if not names:
            raise UserError(f"{path}: the file has no rows") from None
        columns = choose(list(names))
    values: dict[str, list[Any]] = {name: [] for name in columns}
    lines: list[int] = []
    for record in _records(path, content.encoding, bad, lines):
        for name, column in values.items():
            column.append(record.get(name))
    table = _table(path, list(names), values)
    table.spans, table.lines = [1] * len(table), unusual(lines)
    table.notes, table.skipped = list(filter(None, [content.note])), bad.skipped
    return table


def _is_array(path: Path, encoding: str) -> bool:
    with open_text(path, encoding) as file:
        return file.read(1000).lstrip("\ufeff \t\r\n").startswith("[")


def read_json(path: Path, options: ReadOptions, choose: Choose) -> Table:
    """Read an array of objects, or an object of columns; a file of one object a line is read as JSON Lines.

    Raises:
        UserError: the file is none of these.
    """
    content = scan(path, options.encoding)
    with open_text(path, content.encoding) as file:
        text = file.read().lstrip("\ufeff")
    try:
        whole = json.loads(text)
    except RecursionError as error:
        raise UserError(f"{path}: not JSON (it is nested too deeply)") from error
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
        if _is_json(next(filter(str.strip, text.split("\n")))):
            return read_json_lines(path, options, choose, whole=False)
        whole = list(_concatenated(path, text))
    names, columns = _columns_of(path, whole, choose)
    table = _table(path, names, columns)
    table.notes = list(filter(None, [content.note]))
    return table


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _concatenated(path: Path, text: str) -> Iterator[Any]:
    """Yield the values of a text that holds one after the other, each over several lines."""
    decoder, place = json.JSONDecoder(), _end_of_blanks(text, 0)
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
        yield value
        place = _end_of_blanks(text, place)


def _end_of_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)  # in place: a copy of the rest for each value would be quadratic
    return place if blanks is None else blanks.end()


def _columns_of(path: Path, whole: Any, choose: Choose) -> tuple[list[str], dict[str, list[Any]]]:
    whole = _rows_of(whole)
    _refuse_several(path, whole)
    if isinstance(whole, Mapping) and whole and all(isinstance(value, list) for value in whole.values()):
        lengths = {name: len(value) for name, value in whole.items()}
        if len(set(lengths.values())) != 1:
            raise UserError(f"{path}: its columns are of different lengths ({lengths})")
        return list(whole), {name: whole[name] for name in choose(list(whole))}
    if isinstance(whole, Mapping):
        whole = [whole]
    if not isinstance(whole, list):
        raise UserError(f"{path}: must hold an array of JSON objects, or one object a line")
    for number, record in enumerate(whole, 1):
        if not isinstance(record, Mapping):
            raise UserError(f"{path}: row {number}, {str(record)[:40]!r}, is not a JSON object")
    whole = list(map(_flat, whole))
    names = list(_names(whole))
    if not names:
        raise UserError(f"{path}: the file has no rows")
    return names, {name: [record.get(name) for record in whole] for name in choose(names)}


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add what is in inner objects: ``{"review": {"text": "x"}}`` has the columns review and review.text."""
    inner = {
        f"{name}.{key}": value
        for name, values in record.items()
        if isinstance(values, Mapping)
        for key, value in _flat(values).items()
    }
    return {**record, **inner, **record} if inner else record


def _rows_of(whole: Any) -> Any:
    """Return the one list of objects in an object, as ``{"version": 1, "data": [{...}, ...]}`` has."""
    if not isinstance(whole, Mapping):
        return whole
    columns, rows = whole.get("columns"), whole.get("data")
    if isinstance(columns, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return [dict(zip(columns, row, strict=False)) for row in rows]  # as pandas' orient="split"
    indexed = [value for value in whole.values() if isinstance(value, Mapping)]
    if len(whole) > 1 and len(indexed) == len(whole) and len({tuple(value) for value in indexed}) == 1:
        if len(whole) > len(indexed[0]):
            return indexed  # as pandas' orient="index": more rows than columns
        return {name: list(value.values()) for name, value in whole.items()}  # as pandas' DataFrame.to_json
    inner = list(filter(_is_table, whole.values()))
    return inner[0] if len(inner) == 1 else whole


def _refuse_several(path: Path, whole: Any) -> None:
    if isinstance(whole, Mapping) and len(whole) > 1 and all(map(_is_table, whole.values())):
        named = ", ".join(list(whole)[:6])
        raise UserError(f"{path}: holds several tables ({named}); write each to a file of its own")


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _names(records: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    return {name: None for record in records for name in record}


def _table(path: Path, names: list[str], columns: dict[str, list[Any]]) -> Table:
    if not next(iter(columns.values()), []):
        raise UserError(f"{path}: the file has no rows")
    return Table(path, tuple(names), columns)


def _records(
    path: Path, encoding: str, bad: BadRows, lines: list[int] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield each object of a file of one a line.

    Args:
        path: of the file.
        encoding: of it.
        bad: takes the lines that hold none.
        lines: takes the number of each object's line; None: nobody asks.
    """
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, 1):
            line = line.lstrip("\ufeff") if number == 1 else line
            if line.strip():
                record = _record(number, line, bad)
                if record is not None:
                    if lines is not None:
                        lines.append(number)
                    yield _flat(record)


def _record(number: int, line: str, bad: BadRows) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        bad.add(number, f"not JSON ({error}); each line must be one object")
        return None
    if not isinstance(record, dict):
        bad.add(number, f"{line.strip()[:40]!r} is not a JSON object")
        return None
    return record
