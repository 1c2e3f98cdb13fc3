"""One file of a part: its table, and which of the columns are what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnsweep.data.config import DataConfig
from rnnsweep.data.sources._column_notes import column_notes, fuller_text, is_often_empty, missing_notes
from rnnsweep.data.sources._columns import (
    NoColumn,
    group_column,
    read_options,
    refuse_tags,
    split_columns,
    text_and_label,
    texts_of,
)
from rnnsweep.data.sources._likely_columns import explained
from rnnsweep.data.tables import Table, read_table
from rnnsweep.errors import UserError


@dataclass(frozen=True)
class OneFile:
    """A table as read, and its columns."""

    part: str
    table: Table
    texts: list[str]
    tokenised: bool  # the texts are lists of tokens, joined
    columns: tuple[str, ...]  # of the texts
    label: str
    group: str | None
    split: tuple[list[str], ...] = ()  # texts of each column of data.split_text
    fuller: bool = False  # the column of texts was taken in place of one that its name says

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.table.path


def read_file(part: str, path: Path, config: DataConfig) -> OneFile:
    """Read one file; a column found by its name that is often empty gives way to one of longer texts.

    Raises:
        UserError: the file lacks columns, or has no text.
    """
    file = _read(part, path, config)
    rows, empty = len(file.table), file.texts.count("")
    if config.text is not None or not is_often_empty(empty, rows):
        return file
    column = fuller_text(path, config, [*file.columns, file.label])
    if column is None:
        return file
    other = _read(part, path, replace(config, text=column))
    other.table.notes.append(
        f"{path.name}: texts are read from {column!r}, as {empty:,} of {rows:,} in {file.columns[0]!r} are"
        " empty and it has longer ones (data.text settles it)"
    )
    return replace(other, fuller=True)


def read_all(paths: Sequence[tuple[str, Path]], config: DataConfig) -> list[OneFile]:
    """Read the files of all parts, the first of training first: where its texts are, they are in the others.

    Raises:
        UserError: as `read_file`.
    """
    first = read_file(*paths[0], config)
    if first.fuller:
        config = replace(config, text=list(first.columns))
    return [first, *(_read(*each, config) for each in paths[1:])]


def _read(part: str, path: Path, config: DataConfig) -> OneFile:
    named: dict[str, Any] = {}

    def choose(names: Sequence[str]) -> list[str]:
        named["text"], named["label"] = text_and_label(path, names, config)
        named["group"] = group_column(path, names, config, [*named["text"], named["label"]])
        named["split"] = split_columns(path, names, config, named["text"])
        read = [*named["text"], named["label"], named["group"], *named["split"]]
        return list(dict.fromkeys(filter(None, read)))

    try:
        table = read_table(path, read_options(config), choose)
    except NoColumn as error:
        raise explained(path, config, error) from None
    refuse_tags(table, named["text"], named["label"])
    texts, tokenised = texts_of(table, named["text"])
    if not any(texts):
        raise UserError(f"{path}: every row is empty in {', '.join(named['text'])}")
    table.notes += column_notes(table, named["text"], named["label"], config)
    table.notes += missing_notes(table, texts)
    split = tuple(texts_of(table, [name])[0] for name in named["split"])
    return OneFile(part, table, texts, tokenised, named["text"], named["label"], named["group"], split)
