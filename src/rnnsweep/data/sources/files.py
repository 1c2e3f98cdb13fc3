"""The user's own files: texts and labels, in one to three parts."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnsweep.data.config import DataConfig
from rnnsweep.data.labels import LabelOptions, RawLabels, is_number, read_labels, tell_numbers
from rnnsweep.data.remarks import Remark
from rnnsweep.data.rows import PARTS, TextRows, group_rows
from rnnsweep.data.tables import ReadOptions, Table, expand_paths, file_state, find_column, read_table
from rnnsweep.data.tokens import join_tokens
from rnnsweep.errors import UserError, nearest

TEXT = (
    *("text", "sentence", "content", "document", "review", "comment", "message", "tweet", "body"),
    *("question", "description", "abstract", "title", "headline", "utterance", "tokens", "words", "sequence"),
)
LABEL = ("label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "y")
PAIR = ("title", "description")  # as in AG's News: read together where no column is called text
GROUP = (  # columns that often name what rows have in common
    *("group", "group_id", "author", "author_id", "user", "user_id", "username", "speaker", "subject"),
    *("patient", "patient_id", "customer", "customer_id", "session", "session_id", "conversation_id"),
    *("document_id", "doc_id", "thread_id"),
)
LISTED_COLUMNS = 12


@dataclass(frozen=True)
class _File:
    """One file of a part: its table, and which of the columns are what."""

    part: str
    table: Table
    texts: list[str]
    tokenised: bool  # the texts are lists of tokens, joined
    label: str
    group: str | None

    @property
    def path(self) -> Path:
        return self.table.path


def state(config: DataConfig, cache: Path) -> Any:
    """Return what the files look like now."""
    return [[part, _folder_state(path)] for part, paths in _paths(config).items() for path in paths]


def _folder_state(path: Path) -> Any:
    if path.is_dir():  # a folder for each class
        return [file_state(inner) for inner in sorted(path.rglob("*")) if inner.is_file()]
    return file_state(path)


def read(config: DataConfig, cache: Path) -> TextRows:
    """Read the files; labels that are all numbers are ordered as numbers, others by their characters.

    Rows whose text is empty stay, so that scores count every row; each is read as one unknown token.

    Raises:
        UserError: a file is missing, empty, of one class, or lacks columns; a label is missing or is not
            one of the training rows'.
    """
    files = [_read_file(part, path, config) for part, paths in _paths(config).items() for path in paths]
    read = read_labels([_raw_labels(file) for file in files], _label_options(config))
    kept = [[n for n, name in enumerate(names) if name is not None] for names in read.names]
    names = [[name for name in of_file if name is not None] for of_file in read.names]
    labels = _labels(files, names)
    _refuse_strangers(files, names, labels)
    number = {label: n for n, label in enumerate(labels)}
    texts = [file.texts[n] for file, rows in zip(files, kept, strict=True) for n in rows]
    groups = _column(files, kept)
    counts = Counter(name for of_file in names for name in of_file)
    return TextRows(
        name=_name(_paths(config)["train"][0]),
        labels=labels,
        texts=texts,
        targets_N=np.array([number[name] for of_file in names for name in of_file], dtype=np.int64),
        groups_N=group_rows(texts, groups if config.group else None),
        parts_N=np.repeat(
            np.array([PARTS.index(file.part) for file in files], dtype=np.int8), list(map(len, kept))
        ),
        given=tuple(_paths(config)),
        spans_N=_spans(files, kept),
        tokenised=files[0].tokenised,
        remarks=(*read.remarks, *_reading_remarks(files, counts)),
        notes=_notes(files, kept),
        group_names=groups,
        group_column=files[0].group if groups else None,
    )


def _label_options(config: DataConfig) -> LabelOptions:
    return LabelOptions(config.skip_unlabelled, config.missing_is_class, config.fold_labels)


def _raw_labels(file: _File) -> RawLabels:
    names = file.table.class_names.get(file.label, ())
    return RawLabels(file.path, file.label, file.table.columns[file.label], names)


def _name(train: Path) -> str:
    """Name the corpus by its training file; ``reviews/train.csv`` is reviews."""
    stem = train.name.split(".")[0]
    if not stem.lower().startswith(("train-", "train_0", "training")) and stem.lower() != "train":
        return stem
    folder = train.parent.parent if train.parent.name == "data" else train.parent
    return folder.name or stem


def _paths(config: DataConfig) -> dict[str, list[Path]]:
    if config.train is None:
        raise UserError("data=files: data.train is not set; give it a CSV, TSV, JSON Lines or Parquet file")
    named = {part: getattr(config, part) for part in PARTS}
    return {part: expand_paths(f"data.{part}", value) for part, value in named.items() if value is not None}


def read_options(config: DataConfig) -> ReadOptions:
    """Return how the settings say that files are read."""
    return ReadOptions(
        config.delimiter_char, config.quote_char, config.header, config.encoding, config.skip_bad
    )


def _read_file(part: str, path: Path, config: DataConfig) -> _File:
    named: dict[str, Any] = {}

    def choose(names: Sequence[str]) -> list[str]:
        named["text"] = text_columns(path, names, config.text_columns)
        named["label"] = _label_column(path, names, config)
        named["group"] = _group_column(path, names, config)
        return list(dict.fromkeys([*named["text"], named["label"], *filter(None, [named["group"]])]))

    table = _read_or_explain(path, config, choose)
    texts, tokenised = texts_of(table, named["text"])
    if not any(texts):
        raise UserError(f"{path}: every row is empty in {', '.join(named['text'])}")
    return _File(part, table, texts, tokenised, named["label"], named["group"])


def _read_or_explain(path: Path, config: DataConfig, choose: Any) -> Table:
    """Read a table; where its columns are not found, say what the file seems to have instead."""
    try:
        return read_table(path, read_options(config), choose)
    except _NoColumn as error:
        raise UserError(f"{error}{_advice(path, config, error)}") from None


class _NoColumn(UserError):
    """A column was to be found by its name, and none is called so."""

    def __init__(self, message: str, names: Sequence[str], missing: str) -> None:
        super().__init__(message)
        self.names = tuple(names)
        self.missing = missing


def _advice(path: Path, config: DataConfig, error: _NoColumn) -> str:
    """Say what the rows look like: a header that is a row, several columns that hold 0 and 1."""
    table = read_table(path, read_options(config), lambda names: list(dict.fromkeys(filter(None, names))))
    rows = {name: list(map(str, values[:1000])) for name, values in table.columns.items()}
    flags = [
        name for name, values in rows.items() if set(values) <= {"0", "1", "0.0", "1.0", "True", "False"}
    ]
    if error.missing == "label" and len(flags) > 1:
        return (
            f". Columns {', '.join(map(repr, flags[:4]))} hold 0 and 1: several labels a text (multi-label)"
            f" is no task here; data.label={flags[0]} trains one of them"
        )
    if config.header and _is_data(table.names, rows):
        numbers = {name: n + 1 for n, name in enumerate(table.names)}
        text, label = _likeliest(rows)
        return (
            f". The first line looks like a row: data.header=false numbers the columns,"
            f" as data.text={numbers[text]} data.label={numbers[label]}"
        )
    return ""


def _is_data(names: Sequence[str], rows: dict[str, list[str]]) -> bool:
    """Return whether a header's names are values: numbers, or values of their own columns."""
    return any(is_number(name) or name in rows.get(name, ()) for name in names)


def _likeliest(rows: dict[str, list[str]]) -> tuple[str, str]:
    """Return the columns most like texts (the longest values) and most like labels (the fewest)."""
    text = max(rows, key=lambda name: sum(map(len, rows[name])))
    others = [name for name in rows if name != text and len(set(rows[name])) > 1]
    return text, min(others or list(rows), key=lambda name: len(set(rows[name])))


def texts_of(table: Table, columns: Sequence[str]) -> tuple[list[str], bool]:
    """Return the text of each row, its columns joined by a blank, and whether the texts are lists of tokens.

    Raises:
        UserError: a value is neither text nor a list of texts.
    """
    values = [table.columns[name] for name in columns]
    if len(values) == 1 and any(isinstance(value, list | tuple) for value in values[0]):
        return [_joined(table.path, columns[0], n, value) for n, value in enumerate(values[0], 1)], True
    return [" ".join(filter(None, map(_as_text, row))) for row in zip(*values, strict=True)], False


def _joined(path: Path, column: str, row: int, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, list | tuple) or not all(isinstance(token, str) for token in value):
        numbers = isinstance(value, list | tuple) and any(isinstance(v, int | float) for v in value)
        raise UserError(
            f"{path}: row {row} has {str(value)[:40]} in column {column!r}; "
            + ("numbers: sequences of numbers are no texts, and no task of data=files" if numbers else "")
            + ("" if numbers else "a text, or a list of tokens in every row, is read")
        )
    return join_tokens(value)


def _as_text(value: Any) -> str:
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
        raise _NoColumn(message, names, "text")
    if column in pair and None not in pair:
        return tuple(name for name in pair if name is not None)
    return (column,)


def _label_column(path: Path, names: Sequence[str], config: DataConfig) -> str:
    if config.label is not None:
        return _existing(path, names, "data.label", config.label)
    column = find_column(names, LABEL)
    if column is None:
        raise _NoColumn(
            f"{path}: no column of labels found among {_named(names)}; name it with data.label=COLUMN"
            " (rows without labels are for rnnsweep predict --file)",
            names,
            "label",
        )
    return column


def _group_column(path: Path, names: Sequence[str], config: DataConfig) -> str | None:
    if config.group is not None:
        return _existing(path, names, "data.group", config.group)
    return find_column(names, GROUP)


def _existing(path: Path, names: Sequence[str], key: str, name: str) -> str:
    if name in names:
        return name
    if name.isdecimal() and all(each.isdecimal() for each in names):
        raise UserError(f"{key}={name}: {path} has columns 1 to {len(names)}")
    raise UserError(f"{key}={name!r}: {path} has {_named(names)}.{nearest(name, names)}")


def _named(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in columns[:LISTED_COLUMNS])
    return f"columns {shown}" + (" ..." if len(columns) > LISTED_COLUMNS else "")


def _labels(files: Sequence[_File], names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    train = [
        label for file, of_file in zip(files, names, strict=True) if file.part == "train" for label in of_file
    ]
    labels = set(train)
    if len(labels) < 2:
        only = f"all rows have the label {train[0]!r}" if train else "no row has a label"
        raise UserError(f"{files[0].path}: {only}; two or more are needed")
    if all(map(is_number, labels)):
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    return tuple(sorted(labels))


def _refuse_strangers(
    files: Sequence[_File], names: Sequence[Sequence[str]], labels: tuple[str, ...]
) -> None:
    for file, of_file in zip(files, names, strict=True):
        strangers = sorted(set(of_file) - set(labels))
        if strangers:
            shown = ", ".join(map(repr, strangers[:5]))
            raise UserError(
                f"{file.path}: label {shown} is not in the training rows ({', '.join(labels[:8])})"
            )


def _column(files: Sequence[_File], kept: Sequence[Sequence[int]]) -> list[str] | None:
    """Return the group of each row, where every file has the column."""
    if any(file.group is None for file in files):
        return None
    return [
        _as_text(file.table.columns[file.group or ""][n])
        for file, rows in zip(files, kept, strict=True)
        for n in rows
    ]


def _spans(files: Sequence[_File], kept: Sequence[Sequence[int]]) -> Any:
    if any(file.table.spans is None for file in files):
        return None
    spans = (file.table.spans or [] for file in files)
    return np.array([of_file[n] for of_file, rows in zip(spans, kept, strict=True) for n in rows], np.int64)


def _reading_remarks(files: Sequence[_File], counts: Counter[str]) -> Iterator[Remark]:
    for file in files:
        if file.table.swallowed:
            yield Remark("swallowed", file.table.swallowed)
    numbers = tell_numbers(counts)
    if numbers:
        yield numbers


def _notes(files: Sequence[_File], kept: Sequence[Sequence[int]]) -> tuple[str, ...]:
    notes = [note for file in files for note in file.table.notes]
    for file in files:
        skipped = file.table.skipped
        if skipped:
            rows = (
                "1 row that cannot be read is"
                if len(skipped) == 1
                else f"{len(skipped):,} rows that cannot be read are"
            )
            notes.append(f"{file.path.name}: {rows} left out (data.skip_bad), the first: {skipped[0]}")
    return tuple(dict.fromkeys(notes))
