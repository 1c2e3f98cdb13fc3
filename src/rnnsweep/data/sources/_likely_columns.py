"""Which columns of a table may hold texts and labels by their values, where their names do not tell."""

import random
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rnnsweep.data.classes.numbers import is_dates, is_number, is_quantity
from rnnsweep.data.config import DataConfig
from rnnsweep.data.sources._columns import (
    LABEL,
    NUMBERS,
    TAGGING,
    TEXT,
    NoColumn,
    as_text,
    plain,
    read_options,
    text_columns,
)
from rnnsweep.data.tables import Table, find_column, read_table
from rnnsweep.errors import UserError, nearest

Columns = Sequence[tuple[str, list[str]]]  # each name, with a sample of its values as text

T = TypeVar("T")

FLAGS = {"0", "1", "0.0", "1.0", "True", "False"}
FEW_VALUES = 20  # of a column of words, up to which it is likelier a label than a column of few numbers
MOST_ABOVE = 20  # rows above the names of the columns
MOST_LISTED = 4
SAMPLE = 1000  # rows by whose values a column is chosen
WORDS = 4  # of a text at least, on average
_TAG = re.compile(r"O|[BIESLU]-\S+")  # of a word, in the formats of CoNLL
_TAGS = re.compile(r"(ner|pos|chunk|word|token|bio|iob)(tags?|labels?)")
_ADDRESS = re.compile(r"\S*(?:@|://|www\.)\S*")
_NO_WORD = re.compile(r"[\d_=\\|{}]|\w\.\w|/.*/")  # in a piece of a text: it is a name, a number or a path
# characters of scripts that put no blanks between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def explained(path: Path, config: DataConfig, error: NoColumn) -> NoColumn:
    """Return the error with what the rows look like: likely columns, a header that is a row, flags."""
    try:
        columns = read_columns(path, config)
    except UserError:  # its rows are not as long as its first line: the error says enough
        return error
    missing, wanted = error.missing, error.wanted
    text, labels = _likeliest(path, columns, config)
    near = nearest(wanted, [name for n, (name, _) in enumerate(columns) if n in labels]) if wanted else ""
    unusable = "" if wanted else _unusable(columns, missing, text)
    if more := _later_header(columns) or (near and f".{near}") or unusable:
        return NoColumn(f"{error}{more}", missing, wanted=wanted)
    if _is_row(columns) and config.header:
        numbered = f"as data.text={text + 1} data.label={labels[0] + 1}"
        is_row = f". The first line looks like a row: data.header=false numbers the columns, {numbered}"
        return NoColumn(f"{error}{is_row}", missing, wanted=wanted)
    likely, others = _likely_settings(columns, config, missing, text, labels)
    if not likely:
        return error
    be = "By its values it may be" if len(likely) == 1 else "By their values they may be"
    named = " ".join(f"{key}={shlex.quote(name)}" for key, name in likely.items())
    more = f"; {say_others(others)}" if others else ""
    message = f"{error}. {be} {named}{more}"
    return NoColumn(message, missing, wanted=wanted, likely=likely, others=others)


def say_others(others: Mapping[str, int]) -> str:
    """Return which other columns may be the label, their numbers of values there, and how to take one."""
    names = list(others)
    listed = ", ".join(f"{name} ({others[name]} values)" for name in names[:MOST_LISTED])
    more = " ..." if len(names) > MOST_LISTED else ""
    many = "another that may be meant" if len(names) == 1 else "others that may be meant"
    return f"{many}, by a sample of up to {SAMPLE:,} rows: {listed}{more}: data.label={shlex.quote(names[0])}"


def _unusable(columns: Columns, missing: str, text: int) -> str:
    """Return why no column of a file can be used by a task that is here; nothing where one can."""
    if any(_TAGS.fullmatch(plain(name)) or _are_tags(values) for name, values in columns):
        return f". {TAGGING}"
    flags = [name for name, values in columns if name and values and set(values) <= FLAGS]
    if missing == "label" and len(flags) > 1:
        return (
            f". Columns {', '.join(map(repr, flags[:4]))} hold 0 and 1: several labels a text (multi-label)"
            f" is no task here; data.label={flags[0]} trains one of them"
        )
    if missing == "text" and all(map(_is_numeric, columns[text][1])):
        return f". Its columns hold numbers: {NUMBERS}"
    return ""


def _later_header(columns: Columns) -> str:
    """Return where the names of the columns are, below the title of a table for people."""
    for row, values in enumerate(zip(*(values[:MOST_ABOVE] for _, values in columns), strict=True), 2):
        text, label = (find_column(values, known) for known in (TEXT, LABEL))
        if text is not None and label is not None and text != label:
            return f". Row {row} of the file has the names {text!r} and {label!r}: leave out what is above it"
    return ""


def _likely_settings(
    columns: Columns, config: DataConfig, missing: str, text: int, labels: Sequence[int]
) -> tuple[dict[str, str], dict[str, int]]:
    """Return the columns that may be meant, by setting, and others that may be the label.

    A setting of the user is not among them.

    Args:
        columns: of the table.
        config: the settings of the corpus.
        missing: what no column was found for.
        text: the column that is most like texts.
        labels: columns that may be labels, the likeliest first.
    """
    classes = {columns[n][0]: len(_known(columns[n][1])) for n in labels if _is_class(columns[n][1])}
    classes.pop("", None)
    label = next(iter(classes), None)
    first = {"data.text": columns[text][0]} if missing == "text" else {}
    if not config.header or not all(first.values()):
        return {}, {}
    if missing == "text" and config.label is not None:
        return first, {}
    if label is None:
        return {}, {}
    del classes[label]
    return {**first, "data.label": label}, classes


def _is_row(columns: Columns) -> bool:
    """Return whether what should be a header looks like a row: it has a number, or a value of its column."""
    return any(name and (is_number(name) or name in values) for name, values in columns)


def read_columns(path: Path, config: DataConfig, *, whole: bool = False) -> list[tuple[str, list[str]]]:
    """Return each column of a file: its name, and a `sample` of its values as text, or all of them."""
    table = read_table(path, replace(read_options(config), header=False), list)
    columns = as_texts(table, whole=whole)
    if config.header and [name for name, _ in columns] == [str(n + 1) for n in range(len(columns))]:
        columns = [(values[0].strip(), values[1:]) for _, values in columns]
    return columns


def as_texts(table: Table, *, whole: bool = False) -> list[tuple[str, list[str]]]:
    """Return each column of a table with a `sample` of its values as text, or all of them."""
    return [
        (name, list(map(as_text, values if whole else sample(values))))
        for name, values in table.columns.items()
        if not any(isinstance(value, dict) for value in values[:SAMPLE])  # its inner columns are there
    ]


def sample(values: Sequence[T]) -> Sequence[T]:
    """Return the first values and others drawn from the rest, the same places of every column.

    A file may be sorted by its label or its groups, so that its first rows hold one of them.
    """
    if len(values) <= SAMPLE:
        return values
    places = random.Random(0).sample(range(MOST_ABOVE, len(values)), SAMPLE - MOST_ABOVE)
    return [*values[:MOST_ABOVE], *(values[place] for place in sorted(places))]


def _are_tags(values: Sequence[str]) -> bool:
    """Return whether values are the labels of single words, as B-LOC and O."""
    labels = [value for value in values if value]
    return any(value != "O" for value in labels) and all(map(_TAG.fullmatch, labels))


def _is_numeric(value: str) -> bool:
    pieces = value.strip("[] ").replace(",", " ").split()
    return bool(pieces) and all(is_number(piece.strip("[]") or "0") for piece in pieces)


def _likeliest(path: Path, columns: Columns, config: DataConfig) -> tuple[int, list[int]]:
    """Return the column that is most like texts, and the others, those first that are most like labels.

    The text is what is read as text where that is known, else the column of the most words. A label has
    few values; words are likelier one than numbers, which may count something.
    """
    try:
        read = text_columns(path, [name for name, _ in columns], config.text_columns)
    except UserError:
        read = ()
    by_name = sorted(range(len(columns)), key=lambda n: columns[n][0])  # their order in the file is no matter
    unnamed = [n for n in by_name if columns[n][0] != config.label]
    wordiest = max(unnamed or by_name, key=lambda n: _likeness_to_texts(columns[n][1]))
    texts = [n for n, (name, _) in enumerate(columns) if name in read] or [wordiest]
    labels = [n for n in range(len(columns)) if n not in (*texts, wordiest)]
    return texts[0], sorted(labels or [texts[0]], key=lambda n: _rank(columns[n][1]))


def _likeness_to_texts(values: Sequence[str]) -> tuple[int, int, int]:
    """Return what columns are compared by: the one that is most like texts has the most.

    Each different value counts once: authors, products and homepages repeat. Its first word does not count,
    which is all that an id has. Where most values repeat and have few words, as classes do, none count: then
    length decides, without addresses of people and pages.
    """
    known = _known(values)
    words = list(map(_words, known))
    are_texts = sum(words) >= WORDS * len(words) or not _is_class(values)
    following = sum(max(0, count - 1) for count in words) if are_texts else 0
    return following, sum(len(_ADDRESS.sub("", value)) for value in known), sum(map(len, values))


def _words(value: str) -> int:
    """Return about how many words a value has: names of files, addresses and numbers are none."""
    pieces = _ADDRESS.sub("", value).split()
    unspaced = len(_UNSPACED.findall(value)) // 2
    return unspaced + sum(
        any(map(str.isalpha, piece)) and not _NO_WORD.search(piece) and not _UNSPACED.search(piece)
        for piece in pieces
    )


def _rank(values: Sequence[str]) -> tuple[bool, bool, int]:
    """Return what columns are sorted by, so that the likeliest label is first."""
    known = _known(values)
    return not _is_class(values), len(known) > FEW_VALUES or all(map(is_quantity, known)), len(known)


def _is_class(values: Sequence[str]) -> bool:
    """Return whether values may be the classes of rows: some differ, most repeat, and they are no dates.

    Empty ones do not count: a comment that few rows have repeats nothing.
    """
    return 1 < len(_known(values)) <= sum(map(bool, values)) / 2 and not is_dates(values)


def _known(values: Sequence[str]) -> set[str]:
    return set(filter(None, values))
