"""Which columns of a table hold texts, labels and groups, and what their values are as text."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnsweep.data.classes.labels import written_list
from rnnsweep.data.config import DataConfig
from rnnsweep.data.tables import ReadOptions, Table, find_column
from rnnsweep.data.tables.table import place
from rnnsweep.data.tokens import join_tokens
from rnnsweep.data.written import DELIMITERS, QUOTES, character_of, columns_of
from rnnsweep.errors import UserError, nearest, nearest_first

TEXT = (
    *("text", "sentence", "content", "document", "review", "comment", "message", "tweet", "body"),
    *("question", "description", "abstract", "title", "headline", "utterance", "tokens", "words", "sequence"),
)
LABEL = ("label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "y")
PAIR = ("title", "description")  # as in AG's News: read together where no column is called text
# columns that often name what rows have in common, as author, user_id, reviewerID and speaker name; the
# subject of a study has an id, that of a letter does not
_GROUP = re.compile(
    r"(group|author|user|writer|reviewer|speaker|sender|person|participant|respondent|student|patient|customer"
    r"|client|account|household|family|session|conversation|dialogue?|thread|call|video|book|article"
    r"|hospital|school|site|source)(s?|id|name|no|nr|number|key|uuid|url|hash)"
    r"|from|(subject|document|doc|product|business|movie|item|url|domain|case|event)(id|key|uuid|number)"
)
TAGGING = "A label for each word (tagging) is no task of this corpus: data=files takes one label a text"
NUMBERS = "sequences of numbers are no texts, and data=files reads texts"
WANTED = "a text, or a list of tokens in every row, is read"
LISTED_COLUMNS = 12
LOOKED_AT = 100  # texts that decide whether all are written lists


def read_options(config: DataConfig) -> ReadOptions:
    """Return how the settings say that files are read."""
    c = config
    delimiter, quote = character_of(c.delimiter, DELIMITERS), character_of(c.quote, QUOTES)
    return ReadOptions(delimiter, quote, c.header, c.encoding, c.skip_bad)


class NoColumn(UserError):
    """No column has the name of a text or a label, or the name that the user gave for the label.

    Args:
        message: for the user.
        missing: what no column was found for, text or label.
        wanted: a column that the user named and that is not there.
        likely: setting -> the column that it may be by its values.
        others: columns that may be the label too -> how many values each has.
    """

    def __init__(
        self,
        message: str,
        missing: str,
        *,
        wanted: str = "",
        likely: Mapping[str, str] | None = None,
        others: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.missing, self.wanted = missing, wanted
        self.likely, self.others = dict(likely or {}), dict(others or {})


def plain(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(filter(str.isalnum, name.lower()))


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


def split_columns(path: Path, names: Sequence[str], config: DataConfig) -> list[str]:
    """Return the columns of ``data.split_text``; none where rows are drawn by the texts that are read.

    Raises:
        UserError: one is not there.
    """
    return [_existing(path, names, "data.split_text", name) for name in columns_of(config.split_text) or ()]


def label_column(path: Path, names: Sequence[str], config: DataConfig) -> str:
    """Return the column of the labels: the one that is named, or found by its name.

    Raises:
        UserError: there is none.
    """
    if config.label is not None and config.label not in names and not _are_numbered(names, config.label):
        message = f"data.label={config.label!r}: {path} has {_named(nearest_first(config.label, names))}"
        raise NoColumn(message, "label", wanted=config.label)
    if config.label is not None:
        return _existing(path, names, "data.label", config.label)
    column = find_column(names, LABEL)
    if column is None:
        message = f"{path}: no column of labels found among {_named(names)}; name it with data.label=COLUMN"
        raise NoColumn(f"{message} (rows without labels are for rnnsweep predict --file)", "label")
    return column


def text_and_label(path: Path, names: Sequence[str], config: DataConfig) -> tuple[tuple[str, ...], str]:
    """Return the columns of the text and that of the label; one that the user named is looked for first.

    Raises:
        UserError: there is none.
    """
    if config.label is not None:
        label_column(path, names, config)
    return text_columns(path, names, config.text_columns), label_column(path, names, config)


def group_column(path: Path, names: Sequence[str], config: DataConfig, read: Sequence[str]) -> str | None:
    """Return the column that groups rows: the one that is named, or one whose name says so, if any.

    Args:
        path: of the table.
        names: of its columns.
        config: the settings of the corpus.
        read: columns of the text and, the last one, the label, which group no rows unless they are named.

    Returns:
        A column, or None.

    Raises:
        UserError: the one that is named is not there, or holds the labels.
    """
    if config.group is not None:
        if config.group == read[-1]:
            raise UserError(
                f"data.group={config.group!r}: is the column of the labels in {path}; each label would be"
                f" in one part alone. Name a column of what rows share, as an author"
            )
        return _existing(path, names, "data.group", config.group)
    return next((name for name in names if name not in read and _GROUP.fullmatch(plain(name))), None)


def _existing(path: Path, names: Sequence[str], key: str, name: str) -> str:
    if name in names:
        return name
    if _are_numbered(names, name):
        raise UserError(f"{key}={name}: {path} has columns 1 to {len(names)}")
    raise UserError(f"{key}={name!r}: {path} has {_named(nearest_first(name, names))}.{nearest(name, names)}")


def _are_numbered(names: Sequence[str], wanted: str) -> bool:
    return wanted.isdecimal() and all(each.isdecimal() for each in names)


def _named(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in columns[:LISTED_COLUMNS])
    return f"columns {shown}" + (" ..." if len(columns) > LISTED_COLUMNS else "")
