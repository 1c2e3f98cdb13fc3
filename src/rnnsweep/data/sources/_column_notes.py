"""What is said of the columns of a table that were found by their names."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rnnsweep.data.classes.labels import MISSING
from rnnsweep.data.classes.numbers import is_dates, is_number
from rnnsweep.data.config import DataConfig
from rnnsweep.data.sources._columns import LABEL, TEXT, group_column, plain
from rnnsweep.data.sources._likely_columns import SAMPLE, WORDS, read_columns, sample
from rnnsweep.data.tables import Table

FEWEST_GROUPS = 10  # values of a column of which some rows belong together
JOINED = 0.1  # of the rows that share a value with another row, from which on a column of names joins rows
NUMBERED = ("id", "index", "row", "number", "no", "nr")  # columns that number rows, from 1 again in each file
EMPTY = 0.1  # of the values of a column from which on a fuller one is better
PARTS_NAMED = ("split", "fold", "partition", "subset", "is_test", "is_train", "is_valid")


# that often hold half of what a row says, beside a column that is found
SECOND = (
    *("context", "passage", "premise", "hypothesis", "answer", "summary", "subject", "reply", "response"),
    *("sentence1", "sentence2", "question1", "question2", "text1", "text2", "text_a", "text_b"),
)


def column_notes(table: Table, texts: Sequence[str], label: str, config: DataConfig) -> list[str]:
    """Return which columns were taken where others could be meant, and which one names parts in vain.

    Args:
        table: as read.
        texts: columns that were taken for the text.
        label: column that was taken for the target.
        config: the settings of the corpus.
    """
    notes = []
    for key, known, taken in (("text", (*TEXT, *SECOND), texts), ("label", LABEL, [label])):
        others = [name for name in table.names if name.lower() in known and name not in taken]
        if getattr(config, key) is None and others:
            notes.append(
                f"{table.path.name}: {key}s are read from {', '.join(map(repr, taken))}, not from"
                f" {', '.join(map(repr, others[:4]))} (data.{key} settles it)"
            )
    parts = [name for name in table.names if name.lower() in PARTS_NAMED and name not in (*texts, label)]
    if parts and config.validation is None and config.test is None:
        notes.append(
            f"{table.path.name}: column {parts[0]!r} is not read, and parts are drawn from all rows; to keep"
            f" its parts, write each to a file: data.train, data.validation, data.test"
        )
    return notes


def is_often_empty(empty: int, rows: int) -> bool:
    """Return whether so many values of a column are empty that one of longer texts is read in its place."""
    return rows > 0 and empty >= EMPTY * rows


def other_texts(path: Path, config: DataConfig, read: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table that may hold texts too, by their names or their values.

    Args:
        path: of the table.
        config: the settings of the corpus.
        read: columns of the text and the label.
    """
    return tuple(_other_texts(read_columns(path, config), read))


def _other_texts(columns: Iterable[tuple[str, Sequence[str]]], read: Sequence[str]) -> Iterator[str]:
    for name, values in columns:
        if name and name not in read and (name.lower() in (*TEXT, *SECOND) or _are_texts(values)):
            yield name


def fuller_text(columns: Mapping[str, Sequence[str]], read: Sequence[str]) -> str | None:
    """Return a column of longer texts, where the one that is read is often empty; None where there is none.

    Args:
        columns: a sample of the values of each, as text.
        read: columns of the text and the label.
    """
    values = columns.get(read[0], [])
    if not is_often_empty(values.count(""), len(values)):
        return None
    fuller = [
        name
        for name in _other_texts(columns.items(), read)
        if columns[name].count("") < values.count("") and _words(columns[name]) > _words(values)
    ]
    return max(fuller, key=lambda name: _words(columns[name]), default=None)


def _words(values: Sequence[str]) -> int:
    return sum(len(value.split()) for value in values)


def _are_texts(values: Sequence[str]) -> bool:
    """Return whether most values differ and have several words, as texts do and names and dates do not."""
    known = [value for value in values if value]
    return _words(known) >= WORDS * len(known) > 0 and 2 * len(set(known)) > len(known)


def say_repeating(path: Path, config: DataConfig, read: Sequence[str]) -> str:
    """Return which columns may group rows by their values, where none does by its name; else nothing.

    Values tell no author from a product: so they are named, and no rows are kept together by them.

    Args:
        path: of the table.
        config: the settings of the corpus.
        read: columns of the text and the label.
    """
    every = dict(read_columns(path, config, whole=True))
    if group_column(path, list(every), config, read) is not None:
        return ""
    # few rows of a group are neighbours where the file is sorted by it; many are anywhere
    likely = {
        name
        for name, values in every.items()
        for some in (values[:SAMPLE], sample(values))
        if _count_repeating({name: some}, read)
    }
    counts = _count_repeating({name: every[name] for name in every if name in likely}, read)
    if not counts:
        return ""
    listed = ", ".join(f"{name!r} ({number:,} values)" for name, number in list(counts.items())[:4])
    setting = f"data.group={shlex.quote(next(iter(counts)))}"
    return (
        "no column has a name that groups rows, as author or user_id; columns whose values repeat may:"
        f" {listed}: {setting} keeps rows with one value on one side. Set it if new rows will have"
        " other values than the training rows: scores are then lower, and true of such rows. data.group=null"
        " says that no column groups them"
    )


def _count_repeating(columns: Mapping[str, Sequence[str]], read: Sequence[str]) -> dict[str, int]:
    """Return {column: its different values} of those that may group rows."""
    counts: dict[str, int] = {}
    for name, values in columns.items():
        known = [value for value in values if value]
        if name in read or is_dates(known) or plain(name) in NUMBERED:
            continue
        rows_of = Counter(known)
        shared = sum(rows for rows in rows_of.values() if rows > 1)
        # names of which most occur once, as of people, still join many rows; so do numbers, by chance
        joins = len(rows_of) <= len(known) / 2 or (
            shared >= JOINED * len(values) and not all(map(is_number, known))
        )
        if len(rows_of) >= FEWEST_GROUPS and joins:
            counts[name] = len(rows_of)
    return counts


def missing_notes(table: Table, texts: Sequence[str]) -> list[str]:
    """Say how many texts are what programs write for no value."""
    counts = Counter(text for text in texts if text and text.lower() in MISSING)
    if not counts:
        return []
    listed = ", ".join(f"{text!r} {rows:,}" for text, rows in counts.most_common(4))
    are = "1 text is" if counts.total() == 1 else f"{counts.total():,} texts are"
    return [f"{table.path.name}: {are} what programs write for no value: {listed}"]
