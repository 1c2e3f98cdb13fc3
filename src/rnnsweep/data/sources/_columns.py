"""Which columns of a table hold texts, labels and groups, and what their values are as text."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnsweep.data.classes.labels import written_list
from rnnsweep.data.classes.numbers import is_dates, is_number
from rnnsweep.data.config import DataConfig
from rnnsweep.data.tables import ReadOptions, Table, find_column, read_table
from rnnsweep.data.tables.table import place
from rnnsweep.data.tokens import join_tokens
from rnnsweep.errors import UserError, nearest, nearest_first

TEXT = (
    *("text", "sentence", "content", "document", "review", "comment", "message", "tweet", "body"),
    *("question", "description", "abstract", "title", "headline", "utterance", "tokens", "words", "sequence"),
)
LABEL = ("label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "y")
PAIR = ("title", "description")  # as in AG's News: read together where no column is called text
FLAGS = {"0", "1", "0.0", "1.0", "True", "False"}
# columns that often name what rows have in common, as author, user_id, reviewerID and speaker name
_GROUP = re.compile(
    r"(group|author|user|writer|reviewer|speaker|sender|person|participant|respondent|student|subject|patient|customer"
    r"|client|account|household|family|session|conversation|dialogue?|thread|call|video|book|article"
    r"|hospital|school|site|source)(s?|id|name|no|nr|number|key|uuid|url|hash)"
    r"|(document|doc|product|business|movie|item|url|domain|case|event)(id|key|uuid|number)"
)
_TAG = re.compile(r"O|[BIESLU]-\S+")  # of a word, in the formats of CoNLL
_TAGS = re.compile(r"(ner|pos|chunk|word|token|bio|iob)(tags?|labels?)")
TAGGING = "A label for each word (tagging) is no task of this corpus: data=files takes one label a text"
NUMBERS = "sequences of numbers are no texts, and data=files reads texts"
WANTED = "a text, or a list of tokens in every row, is read"
LISTED_COLUMNS = 12
MOST_ABOVE = 20  # rows above the names of the columns
LOOKED_AT = 100  # texts that decide whether all are written lists


def read_options(config: DataConfig) -> ReadOptions:
    """Return how the settings say that files are read."""
    c = config
    return ReadOptions(c.delimiter_char, c.quote_char, c.header, c.encoding, c.skip_bad)


class NoColumn(UserError):
    """A column was to be found by its name, and no column has such a name.

    Args:
        message: for the user.
        missing: the setting that no column was found for.
        likely: setting -> the column that it may be by its values.
    """

    def __init__(self, message: str, missing: str, likely: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.missing = missing
        self.likely = dict(likely or {})  # setting -> the column that it may be by its values


def explained(path: Path, config: DataConfig, error: NoColumn) -> NoColumn:
    """Return the error with what the rows look like: likely columns, a header that is a row, flags."""
    try:
        columns = first_rows(path, config)
    except UserError:  # its rows are not as long as its first line: the error says enough
        return error
    if unusable := _later_header(columns) or _unusable(columns, error.missing):
        return NoColumn(f"{error}{unusable}", error.missing)
    if likely := _likely_settings(columns, config, error.missing):
        be = "By its values it may be" if len(likely) == 1 else "By their values they may be"
        named = " ".join(f"{key}={shlex.quote(name)}" for key, name in likely.items())
        return NoColumn(f"{error}. {be} {named}", error.missing, likely)
    if not config.header or not _is_row(columns):
        return error
    text, label = _likeliest([values for _, values in columns])
    numbered = f"data.header=false numbers the columns, as data.text={text + 1} data.label={label + 1}"
    return NoColumn(f"{error}. The first line looks like a row: {numbered}", error.missing)


def _unusable(columns: Sequence[tuple[str, list[str]]], missing: str) -> str:
    """Return why no column of a file can be used by a task that is here; nothing where one can."""
    if any(_TAGS.fullmatch(_plain(name)) or is_tags(values) for name, values in columns):
        return f". {TAGGING}"
    flags = [name for name, values in columns if name and values and set(values) <= FLAGS]
    if missing == "label" and len(flags) > 1:
        return (
            f". Columns {', '.join(map(repr, flags[:4]))} hold 0 and 1: several labels a text (multi-label)"
            f" is no task here; data.label={flags[0]} trains one of them"
        )
    text, _ = _likeliest([values for _, values in columns])
    if missing == "text" and all(map(_is_numeric, columns[text][1])):
        return f". Its columns hold numbers: {NUMBERS}"
    return ""


def _later_header(columns: Sequence[tuple[str, list[str]]]) -> str:
    """Return where the names of the columns are, below the title of a table for people."""
    for row, values in enumerate(zip(*(values[:MOST_ABOVE] for _, values in columns), strict=True), 2):
        text, label = (find_column(values, known) for known in (TEXT, LABEL))
        if text is not None and label is not None and text != label:
            return f". Row {row} of the file has the names {text!r} and {label!r}: leave out what is above it"
    return ""


def _likely_settings(
    columns: Sequence[tuple[str, list[str]]], config: DataConfig, missing: str
) -> dict[str, str]:
    """Return the columns that may be meant, by setting: a label has few values, a text has long ones."""
    names = [name for name, _ in columns]
    text, label = _likeliest([values for _, values in columns])
    values = columns[label][1]
    is_class = 2 * len(set(values)) <= len(values) and not is_dates(values)
    if not config.header or _is_row(columns) or not is_class or text == label or not names[label]:
        return {}
    first = {} if missing == "label" else {"data.text": names[text]}
    return {**first, "data.label": names[label]} if all(first.values()) else {}


def _is_row(columns: Sequence[tuple[str, list[str]]]) -> bool:
    """Return whether what should be a header looks like a row: it has a number, or a value of its column."""
    return any(name and (is_number(name) or name in values) for name, values in columns)


def first_rows(path: Path, config: DataConfig) -> list[tuple[str, list[str]]]:
    """Return each column of a file: its name, and its first values as text."""
    table = read_table(path, replace(read_options(config), header=False), list)
    columns = [
        (name, list(map(as_text, values[:1000])))
        for name, values in table.columns.items()
        if not any(isinstance(value, dict) for value in values[:1000])  # its inner columns are there
    ]
    if config.header and [name for name, _ in columns] == [str(n + 1) for n in range(len(columns))]:
        columns = [(values[0].strip(), values[1:]) for _, values in columns]
    return columns


def is_tags(values: Sequence[str]) -> bool:
    """Return whether values are the labels of single words, as B-LOC and O."""
    labels = [value for value in values if value]
    return any(value != "O" for value in labels) and all(map(_TAG.fullmatch, labels))


def _is_numeric(value: str) -> bool:
    pieces = value.strip("[] ").replace(",", " ").split()
    return bool(pieces) and all(is_number(piece.strip("[]") or "0") for piece in pieces)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _likeliest(columns: Sequence[list[str]]) -> tuple[int, int]:
    """Return which columns are most like texts (the longest values) and most like labels (the fewest)."""
    text = max(range(len(columns)), key=lambda n: sum(map(len, columns[n])))
    different = {n: len(set(values)) for n, values in enumerate(columns) if n != text}
    labels = {n: count for n, count in different.items() if count > 1} or different or {text: 1}
    return text, min(labels, key=labels.__getitem__)


def texts_of(table: Table, columns: Sequence[str]) -> tuple[list[str], bool]:
    """Return the text of each row, its columns joined by a blank, and whether the texts are lists of tokens.

    Raises:
        UserError: a value is neither text nor a list of texts.
    """
    values = [table.columns[name] for name in columns]
    for name, column in zip(columns, values, strict=True):
        _refuse_no_text(table, name, column, alone=len(columns) == 1)
    if len(values) == 1:
        values = [list(_unwritten(values[0]))]
    if len(values) == 1 and any(isinstance(value, list | tuple) for value in values[0]):
        return [_joined(table, columns[0], n, value) for n, value in enumerate(values[0])], True
    return [" ".join(filter(None, map(as_text, row))) for row in zip(*values, strict=True)], False


def _refuse_no_text(table: Table, column: str, values: Sequence[Any], *, alone: bool) -> None:
    kinds = (dict, bytes, set) if alone else (dict, bytes, set, list, tuple)
    for row, value in enumerate(values):
        if isinstance(value, kinds):
            what = {bytes: "bytes", dict: "an object"}.get(type(value), "a list")
            raise UserError(
                f"{table.path}: {place(row, table.lines)} has {what} in column {column!r}"
                f" ({str(value)[:40]}); {WANTED}"
            )


def _unwritten(values: Sequence[Any]) -> Sequence[Any]:
    """Return lists for texts that are all written lists, as ``['the', 'soup']`` in a CSV file."""
    texts = [value for value in values[:LOOKED_AT] if isinstance(value, str) and value.strip()]
    if not texts or not all(text.strip()[0] in "[(" and text.strip()[-1] in "])" for text in texts):
        return values
    read = [written_list(value) if isinstance(value, str) else value for value in values]
    whole = all(each is not None for each, value in zip(read, values, strict=True) if value)
    return read if whole else values


def _joined(table: Table, column: str, row: int, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, list | tuple) or not all(isinstance(token, str) for token in value):
        why = f"numbers: {NUMBERS}" if isinstance(value, list | tuple) and _has_numbers(value) else WANTED
        raise UserError(
            f"{table.path}: {place(row, table.lines)} has {str(value)[:40]} in column {column!r}; {why}"
        )
    return join_tokens(value)


def _has_numbers(values: Sequence[Any]) -> bool:
    """Return whether a list holds numbers, or lists of numbers, as the readings of several sensors."""
    return any(
        isinstance(value, int | float) or (isinstance(value, list | tuple) and _has_numbers(value))
        for value in values
    )


def refuse_tags(table: Table, columns: Sequence[str], label: str) -> None:
    """Refuse lists of labels that are as long as the lists of tokens beside them.

    Raises:
        UserError: the labels are of words.
    """
    if len(columns) != 1:
        return
    pairs = zip(table.columns[columns[0]], table.columns[label], strict=True)
    lists = [(len(a), len(b)) for a, b in pairs if isinstance(a, list) and isinstance(b, list)]
    if lists and all(tokens == labels for tokens, labels in lists):
        raise UserError(f"{table.path}: column {label!r} has as many labels as there are tokens. {TAGGING}")


def as_text(value: Any) -> str:
    """Return a value as text; what is missing is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(value).strip()
    # JSON may spell halves of characters (\ud800), which no encoding can write
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def text_columns(path: Path, names: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns of the text: those that are named, or found by their names.

    Raises:
        UserError: there is none.
    """
    if wanted is not None:
        return tuple(_existing(path, names, "data.text", name) for name in wanted)
    pair = [find_column(names, [name]) for name in PAIR]
    column = find_column(names, TEXT)
    if column is None:
        message = f"{path}: no column of texts found among {_named(names)}; name it with data.text=COLUMN"
        raise NoColumn(message, "text")
    if column in pair and None not in pair:
        return tuple(name for name in pair if name is not None)
    return (column,)


def label_column(path: Path, names: Sequence[str], config: DataConfig) -> str:
    """Return the column of the labels: the one that is named, or found by its name.

    Raises:
        UserError: there is none.
    """
    if config.label is not None:
        return _existing(path, names, "data.label", config.label)
    column = find_column(names, LABEL)
    if column is None:
        message = f"{path}: no column of labels found among {_named(names)}; name it with data.label=COLUMN"
        raise NoColumn(f"{message} (rows without labels are for rnnsweep predict --file)", "label")
    return column


def group_column(path: Path, names: Sequence[str], config: DataConfig) -> str | None:
    """Return the column that groups rows: the one that is named, or one whose name says so, if any.

    Raises:
        UserError: the one that is named is not there.
    """
    if config.group is not None:
        return _existing(path, names, "data.group", config.group)
    return next((name for name in names if _GROUP.fullmatch(_plain(name))), None)


def _existing(path: Path, names: Sequence[str], key: str, name: str) -> str:
    if name in names:
        return name
    if name.isdecimal() and all(each.isdecimal() for each in names):
        raise UserError(f"{key}={name}: {path} has columns 1 to {len(names)}")
    raise UserError(f"{key}={name!r}: {path} has {_named(nearest_first(name, names))}.{nearest(name, names)}")


def _named(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in columns[:LISTED_COLUMNS])
    return f"columns {shown}" + (" ..." if len(columns) > LISTED_COLUMNS else "")
