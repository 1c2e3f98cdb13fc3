"""One file of a part: its table, and which of the columns are what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
from rnnsweep.data.sources._likely_columns import as_texts, explained
from rnnsweep.data.tables import Table, read_table
from rnnsweep.data.tables.delimited import refuse_twice
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

    Columns are compared after a second reading, of all of them: most files need none.

    Raises:
        UserError: the file lacks columns, or has no text.
    """
    file = _read(part, path, config)
    rows, empty = len(file.table), file.texts.count("")
    alone = config.text is None and len(file.columns) == 1  # two columns of texts are read together
    if not alone or not is_often_empty(empty, rows):
        return file
    named = list(file.table.names)
    every = read_table(path, replace(read_options(config), every=True), lambda names: named)
    column = fuller_text(dict(as_texts(every)), [*file.columns, file.label])
    if column is None:
        return file
    refuse_twice(path, every.header, column)
    other = _of_table(part, replace(every, names=file.table.names), replace(config, text=column))
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
    try:
        table = read_table(path, read_options(config), lambda names: _columns(path, names, config).every)
    except NoColumn as error:
        raise explained(path, config, error) from None
    return _of_table(part, table, config)


def _of_table(part: str, table: Table, config: DataConfig) -> OneFile:
    """Return what is read of a table; columns that are not read are left out of it."""
    named = _columns(table.path, table.names, config)
    table = replace(table, columns={name: table.columns[name] for name in named.every})
    refuse_tags(table, named.texts, named.label)
    texts, tokenised = texts_of(table, named.texts)
    if not any(texts):
        raise UserError(f"{table.path}: every row is empty in {', '.join(named.texts)}")
    table.notes += column_notes(table, named.texts, named.label, config)
    table.notes += missing_notes(table, texts)
    split = tuple(texts_of(table, [name])[0] for name in named.split)
    return OneFile(part, table, texts, tokenised, named.texts, named.label, named.group, split)


@dataclass(frozen=True)
class _Columns:
    """Which of a table's columns are what."""

    texts: tuple[str, ...]
    label: str
    group: str | None
    split: list[str]

    @property
    def every(self) -> list[str]:
        """Those that are read, each once."""
        return list(dict.fromkeys(filter(None, [*self.texts, self.label, self.group, *self.split])))


def _columns(path: Path, names: Sequence[str], config: DataConfig) -> _Columns:
    texts, label = text_and_label(path, names, config)
    group = group_column(path, names, config, [*texts, label])
    return _Columns(texts, label, group, split_columns(path, names, config))
