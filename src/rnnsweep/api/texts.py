"""Texts to ask a model about, from a file or standard input, and the answers as a file."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rnnsweep.errors import UserError, nearest
from rnnsweep.safety.spreadsheet import no_formula

if TYPE_CHECKING:
    from rnnsweep.models import Answer

ANSWERS = (".csv", ".jsonl")
LINES = (".txt", ".ft", ".fasttext")  # a text a line, whatever else reads them


class Asked(list[str]):
    """Texts in the order of their rows; `columns` holds all columns of a table, and is empty for lines."""

    def __init__(
        self,
        texts: Iterable[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(texts)
        self.columns = dict(columns or {})
        self.notes = tuple(notes)  # on what was guessed while reading


def read_asked(file: str, *, column: str | None = None) -> Asked:
    """Read the text column of a table in any format that is trained on, else one text a line.

    Every line is a text, the empty one too, and ends at a line feed alone.

    Args:
        file: a path, or ``-`` for lines on standard input.
        column: of a table; None finds it by name.

    Raises:
        UserError: the file cannot be read, has no such column or no text.
    """
    from rnnsweep.data.tables import expand_paths, format_of
    from rnnsweep.data.tables.opening import inner_suffix

    path = Path(file).expanduser()
    is_table = path.is_dir() or (format_of(path) is not None and inner_suffix(path) not in LINES)
    if file != "-" and is_table:
        return _from_tables(expand_paths("--file", file), column)
    if column is not None:
        raise UserError(f"--column {column}: {file} is read line by line; only tables have columns")
    lines = [line.removesuffix("\r") for line in _content(file).split("\n")]
    if lines and not lines[-1]:
        lines.pop()  # what follows the last line feed is no line
    if not any(line.strip() for line in lines):
        raise UserError(f"{'standard input' if file == '-' else file}: has no text")
    return Asked(lines)


def _content(file: str) -> str:
    from rnnsweep.data.tables.opening import open_text, scan

    if file == "-":
        raw = sys.stdin.buffer.read()
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"-: not UTF-8 (byte 0x{raw[error.start]:02x}); send it as UTF-8") from error
    path = Path(file).expanduser()
    with open_text(path, scan(path, None).encoding) as opened:
        return opened.read()


def _from_tables(paths: Sequence[Path], column: str | None) -> Asked:
    from rnnsweep.data.sources._columns import text_columns, texts_of
    from rnnsweep.data.tables import ReadOptions, read_table

    texts: list[str] = []
    columns: dict[str, list[Any]] = {}
    notes: list[str] = []
    for path in paths:

        def choose(names: Sequence[str], path: Path = path) -> list[str]:
            shown = ", ".join(names[:12])
            if column is not None and column not in names:
                raise UserError(f"--column {column}: {path} has {shown}.{nearest(column, names)}")
            return list(names)

        table = read_table(path, ReadOptions(), choose)
        try:
            wanted = text_columns(path, table.names, None if column is None else [column])
        except UserError as error:
            raise UserError(f"{error}".split(";")[0] + "; give --column") from None
        for name in table.names:
            columns.setdefault(name, [None] * len(texts)).extend(table.columns[name])
        texts += texts_of(table, wanted)[0]
        for values in columns.values():
            values += [None] * (len(texts) - len(values))
        notes += [*table.notes, *filter(None, [table.swallowed])]
    return Asked(texts, columns, notes)


def write_answers(texts: Sequence[str], answers: "Sequence[Answer]", to: Path) -> Path:
    """Write a row for each text, in their order.

    Of lines: the text and what was answered. Of a table: all its columns, then the prediction, and of a
    classification its probability and that of each class. JSON Lines has the probabilities as an object.

    Raises:
        UserError: another suffix than .csv or .jsonl, or the file cannot be written.
    """
    if to.suffix not in ANSWERS:
        raise UserError(f"{to}: must end in {' or '.join(ANSWERS)}")
    asked = texts if isinstance(texts, Asked) else Asked(texts)
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            if to.suffix == ".csv":
                _write_csv(file, asked, answers)
            else:
                _write_json_lines(file, asked, answers)
    except OSError as error:
        raise UserError(f"{to}: cannot be written: {error.strerror or error}") from error
    return to


def _write_json_lines(file: TextIO, asked: Asked, answers: "Sequence[Answer]") -> None:
    for row, answer in zip(_rows(asked), answers, strict=True):
        fields = asdict(answer)
        if asked.columns:
            fields = _beside(row, {"prediction": fields.pop(next(iter(fields))), **fields})
        file.write(json.dumps({**row, **fields}, ensure_ascii=False, default=str) + "\n")


def _write_csv(file: TextIO, asked: Asked, answers: "Sequence[Answer]") -> None:
    rows = zip(_rows(asked), answers, strict=True)
    plain = csv.writer(file)
    if not asked.columns:
        names = [name for name, value in asdict(answers[0]).items() if not isinstance(value, dict)]
        plain.writerow(["text", *names])
        plain.writerows(
            [row["text"], *(no_formula(getattr(answer, name)) for name in names)] for row, answer in rows
        )
        return
    added = answers[0].columns() if answers else {}
    plain.writerow([*asked.columns, *_beside(asked.columns, added)])
    plain.writerows([*row.values(), *map(no_formula, answer.columns().values())] for row, answer in rows)


def _beside(row: Any, added: dict[str, Any]) -> dict[str, Any]:
    """Call what is added otherwise where the table has a column of that name."""
    return {f"rnnsweep {name}" if name in row else name: value for name, value in added.items()}


def _rows(asked: Asked) -> Iterator[dict[str, Any]]:
    if not asked.columns:
        yield from ({"text": text} for text in asked)
        return
    for values in zip(*asked.columns.values(), strict=True):
        yield dict(zip(asked.columns, values, strict=True))
