"""The files of `predict`: texts to ask a model about, or standard input, and the answers."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rnnsweep.data.tables import ReadOptions, expand_paths, format_of, read_table
from rnnsweep.data.tables.opening import inner_suffix, open_text, scan
from rnnsweep.errors import UserError, nearest
from rnnsweep.json_text import plain
from rnnsweep.safety.spreadsheet import no_formula

if TYPE_CHECKING:
    from rnnsweep.models import Answer, TextModel

ANSWERS = (".csv", ".jsonl")
LINES = (".txt", ".ft", ".fasttext")  # a text a line, whatever else reads them


class TextsToAnswer(list[str]):
    """Texts in the order of their rows; `columns` holds all columns of a table, and is empty for lines.

    Args:
        texts: in the order of their rows.
        columns: of the table that the texts are from; None or empty for lines.
        notes: on what was guessed while reading.
        header: what the file calls the columns; empty: their names.
    """

    def __init__(
        self,
        texts: Iterable[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
        notes: Sequence[str] = (),
        header: Sequence[str] = (),
    ) -> None:
        super().__init__(texts)
        self.columns = dict(columns or {})
        self.notes = tuple(notes)  # on what was guessed while reading
        self.header = tuple(header) or tuple(self.columns)  # what the file calls the columns


def check_file(file: str) -> None:
    """Find what a path or pattern of texts stands for.

    Raises:
        UserError: there is no such file.
    """
    if not Path(file).expanduser().exists():  # a pipe of the shell, as <(zcat x), is none of expand_paths
        expand_paths("--file", file)


def read_asked(file: str, *, column: str | None = None, model: "TextModel | None" = None) -> TextsToAnswer:
    """Read the text column of a table in any format that is trained on, else one text a line.

    Every line is a text, the empty one too. It ends at a line feed alone, or at a carriage return in a file
    that has no line feed.

    Args:
        file: a path, or ``-`` for lines on standard input.
        column: of a table; None takes those that the model was trained on, or finds one by name.
        model: the model to be asked; how its training table was read is how this one is.

    Raises:
        UserError: the file cannot be read, has no such column or no text.
    """
    path = Path(file).expanduser()
    is_table = path.is_dir() or (format_of(path) is not None and inner_suffix(path) not in LINES)
    if file != "-" and is_table:
        return _from_tables(expand_paths("--file", file), [column] if column else None, *_reading_of(model))
    if column is not None:
        raise UserError(f"--column {column}: {file} is read line by line; only tables have columns")
    content = _content(file)
    end = "\n" if "\n" in content else "\r"
    lines = [line.removesuffix("\r") for line in content.split(end)]
    if lines and not lines[-1]:
        lines.pop()  # what follows the last end of a line is no line
    if not any(line.strip() for line in lines):
        raise UserError(f"{'standard input' if file == '-' else file}: has no text")
    return _without_labels(file, lines)


def _without_labels(file: str, lines: Sequence[str]) -> TextsToAnswer:
    """Leave out the classes that each line of a file of fastText begins with."""
    from rnnsweep.data.tables.lines import MARK

    if not all(line.lstrip().startswith(MARK) for line in lines if line.strip()):
        return TextsToAnswer(lines)
    texts = []
    for line in lines:
        text = line.lstrip()
        while text.startswith(MARK):
            text = text.partition(" ")[2].lstrip()
        texts.append(text)
    return TextsToAnswer(texts, notes=[f"{file}: the classes that lines begin with ({MARK}) are left out"])


def _reading_of(model: "TextModel | None") -> tuple[tuple[str, ...], ReadOptions]:
    """Return the columns of text of the table that a model was trained on, and how that was read.

    The facts of a model may come from anybody: what does not fit is left out.
    """
    known = model.facts.get("reading") if model is not None else None
    facts = known if isinstance(known, dict) else {}
    text = facts.get("text")
    named = text if isinstance(text, list) and all(isinstance(name, str) for name in text) else []
    delimiter, quote = (
        value if isinstance(value, str) and len(value) <= 1 and value not in "\r\n" else None
        for value in (facts.get("delimiter") or None, facts.get("quote"))
    )
    return tuple(named), ReadOptions(delimiter, quote, facts.get("header") is not False, every=True)


def _content(file: str) -> str:
    if file == "-":
        raw = sys.stdin.buffer.read()
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"-: not UTF-8 (byte 0x{raw[error.start]:02x}); send it as UTF-8") from error
    path = Path(file).expanduser()
    with open_text(path, scan(path, None).encoding) as opened:
        return opened.read()


def _from_tables(
    paths: Sequence[Path], wanted: Sequence[str] | None, trained: Sequence[str], options: ReadOptions
) -> TextsToAnswer:
    from rnnsweep.data.sources._columns import texts_of

    texts: list[str] = []
    columns: dict[str, list[Any]] = {}
    header: dict[str, str] = {}
    notes: list[str] = []
    for path in paths:
        named: list[str] = []

        def choose(names: Sequence[str], path: Path = path, named: list[str] = named) -> list[str]:
            named[:] = _text_columns(path, names, wanted, trained)
            known = format_of(path)
            if known is None or not known.name.startswith("JSON"):
                return list(names)
            inner = (name for name in names if name.rpartition(".")[0] in names and name not in named)
            return [name for name in names if name not in set(inner)]  # a part of another column

        table = read_table(path, options, choose)
        for name, values in table.columns.items():
            columns.setdefault(name, [None] * len(texts)).extend(values)
        header |= dict(zip(table.names, table.header or table.names, strict=True))
        texts += texts_of(table, named)[0]
        for values in columns.values():
            values += [None] * (len(texts) - len(values))
        notes += [*table.notes, *filter(None, [table.swallowed])]
        notes.append(f"{path.name}: texts are in {', '.join(map(repr, named))}")
    return TextsToAnswer(texts, columns, list(dict.fromkeys(notes)), [header[name] for name in columns])


def _text_columns(
    path: Path, names: Sequence[str], wanted: Sequence[str] | None, trained: Sequence[str]
) -> tuple[str, ...]:
    """Return the columns of the texts: those that are asked for, those of the training, or found by name."""
    from rnnsweep.data.sources._columns import text_columns

    if wanted is not None and not set(wanted) <= set(names):
        shown = ", ".join(names[:12])
        raise UserError(f"--column {wanted[0]}: {path} has {shown}.{nearest(wanted[0], names)}")
    if wanted is None and set(trained) & set(names):
        _refuse_part(path, names, trained)
        wanted = trained
    try:
        return text_columns(path, names, wanted)
    except UserError as error:
        raise UserError(f"{error}".split(";")[0] + "; give --column") from None


def _refuse_part(path: Path, names: Sequence[str], trained: Sequence[str]) -> None:
    """Refuse a table that has some of the columns that the model reads, and not all."""
    if missing := [name for name in trained if name not in names]:
        known = next(name for name in trained if name in names)
        raise UserError(
            f"{path}: has no column {missing[0]!r}; the model reads {', '.join(map(repr, trained))}."
            f" Add it, or name the one column to read: --column {known}"
        )


def write_answers(texts: Sequence[str], answers: "Sequence[Answer]", to: Path) -> Path:
    """Write a row for each text, in their order.

    Of lines: the text and what was answered. Of a table: all its columns, then the prediction, and of a
    classification its probability and that of each class. JSON Lines has the probabilities as an object.

    Raises:
        UserError: another suffix than .csv or .jsonl, or the file cannot be written.
    """
    if to.suffix not in ANSWERS:
        raise UserError(f"{to}: must end in {' or '.join(ANSWERS)}")
    asked = texts if isinstance(texts, TextsToAnswer) else TextsToAnswer(texts)
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            if to.suffix == ".csv":
                _write_csv(file, asked, answers)
            else:
                _write_json_lines(file, asked, answers)
    except OSError as error:
        raise UserError(f"{to}: cannot be written: {error.strerror or error}") from error
    return to


def _write_json_lines(file: TextIO, asked: TextsToAnswer, answers: "Sequence[Answer]") -> None:
    for row, answer in zip(_rows(asked), answers, strict=True):
        fields = asdict(answer)
        if asked.columns:
            fields = _beside(row, {"prediction": fields.pop(next(iter(fields))), **fields})
        file.write(json.dumps(plain({**row, **fields}), ensure_ascii=False, default=str) + "\n")


def _write_csv(file: TextIO, asked: TextsToAnswer, answers: "Sequence[Answer]") -> None:
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
    plain.writerow([*asked.header, *_beside(asked.columns, added)])
    plain.writerows(
        [*map(_cell, row.values()), *map(no_formula, answer.columns().values())] for row, answer in rows
    )


def _cell(value: Any) -> Any:
    """Return a value as it is written in CSV: a list or an object as JSON, what is no number as nothing."""
    if isinstance(value, list | tuple | dict):
        return json.dumps(plain(value), ensure_ascii=False, default=str)
    return "" if isinstance(value, float) and math.isnan(value) else value


def _beside(row: Any, added: dict[str, Any]) -> dict[str, Any]:
    """Call what is added otherwise where the table has a column of that name."""
    return {f"rnnsweep {name}" if name in row else name: value for name, value in added.items()}


def _rows(asked: TextsToAnswer) -> Iterator[dict[str, Any]]:
    if not asked.columns:
        yield from ({"text": text} for text in asked)
        return
    for values in zip(*asked.columns.values(), strict=True):
        yield dict(zip(asked.columns, values, strict=True))
