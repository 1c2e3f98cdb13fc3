"""Texts to ask a model about, from a file or standard input, and the answers as a file."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rnnsweep.errors import UserError, nearest

if TYPE_CHECKING:
    from rnnsweep.models import Prediction

ANSWERS = (".csv", ".jsonl")
COLUMNS = ("text", "label", "probability", "tokens", "known")


def read_asked(file: str, *, column: str | None = None) -> list[str]:
    """Read texts: the text column of a CSV, TSV, JSON Lines or Parquet file, else one text a line.

    Args:
        file: a path, or ``-`` for lines on standard input.
        column: of a table; None finds it by name.

    Raises:
        UserError: the file cannot be read, is not UTF-8, has no such column or no text.
    """
    from rnnsweep.data.sources.formats import READERS

    path = Path(file)
    if file != "-" and path.suffix.lower() in READERS:
        return _from_table(path, column)
    if column is not None:
        raise UserError(f"--column {column}: {file} is read line by line; only tables have columns")
    texts = [line for line in _content(file).splitlines() if line.strip()]
    if not texts:
        raise UserError(f"{'standard input' if file == '-' else file}: has no text")
    return texts


def _content(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8") from error


def _from_table(path: Path, column: str | None) -> list[str]:
    from rnnsweep.data.sources.files import PAIR, TEXT
    from rnnsweep.data.sources.formats import find_column, read_table

    columns = read_table(path)
    if column is not None and column not in columns:
        raise UserError(
            f"--column {column}: {path} has {', '.join(list(columns)[:12])}.{nearest(column, columns)}"
        )
    named = column or find_column(list(columns), TEXT)
    if named is None:
        raise UserError(f"{path}: no column of texts among {', '.join(list(columns)[:12])}; give --column")
    pair = [name for name in (find_column(list(columns), [one]) for one in PAIR) if name is not None]
    read = pair if column is None and named in pair and len(pair) == len(PAIR) else [named]
    rows = zip(*(columns[name] for name in read), strict=True)
    return [" ".join(filter(None, (value.strip() for value in values))) for values in rows]


def write_answers(texts: Sequence[str], answers: "Sequence[Prediction]", to: Path) -> Path:
    """Write a row for each text: text, label, probability, tokens, known; JSON Lines has all probabilities.

    Raises:
        UserError: another suffix than .csv or .jsonl, or the file cannot be written.
    """
    if to.suffix not in ANSWERS:
        raise UserError(f"{to}: must end in {' or '.join(ANSWERS)}")
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            _write(file, texts, answers, as_csv=to.suffix == ".csv")
    except OSError as error:
        raise UserError(f"{to}: cannot be written: {error.strerror or error}") from error
    return to


def _write(file: TextIO, texts: Sequence[str], answers: "Sequence[Prediction]", *, as_csv: bool) -> None:
    if not as_csv:
        file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(texts, answers))
        return
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(_rows(texts, answers))


def _rows(texts: Sequence[str], answers: "Sequence[Prediction]") -> Iterator[dict[str, object]]:
    for text, answer in zip(texts, answers, strict=True):
        yield {"text": text, **asdict(answer)}
