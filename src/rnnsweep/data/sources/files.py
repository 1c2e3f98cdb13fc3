"""The user's own files: texts and labels, in one to three parts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnsweep.data.config import DataConfig
from rnnsweep.data.rows import PARTS, TextRows, group_by_text
from rnnsweep.data.sources.formats import Columns, file_state, find_column, read_table
from rnnsweep.errors import UserError, nearest

TEXT = (
    *("text", "sentence", "content", "document", "review", "comment", "message", "tweet", "body"),
    *("question", "description", "abstract", "title", "headline"),
)
LABEL = ("label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "y")
PAIR = ("title", "description")  # as in AG's News: read together where no column is called text


@dataclass(frozen=True)
class _Part:
    path: Path
    texts: list[str]
    labels: list[str]


def state(config: DataConfig, cache: Path) -> Any:
    """Say what the files look like now."""
    return [[part, file_state(path)] for part, path in _paths(config).items()]


def read(config: DataConfig, cache: Path) -> TextRows:
    """Read the files; labels that are all numbers are ordered as numbers, others by their characters.

    Rows whose text is empty stay, so that scores count every row; each is read as one unknown token.

    Raises:
        UserError: a file is missing, empty, of one class, or lacks columns; a label is missing or is not
            one of the training rows'.
    """
    parts = {part: _read_part(path, config) for part, path in _paths(config).items()}
    labels = _labels(parts["train"])
    for part in parts.values():
        _refuse_strangers(part, labels)
    texts = [text for part in parts.values() for text in part.texts]
    number = {label: n for n, label in enumerate(labels)}
    return TextRows(
        name=_name(parts["train"].path),
        labels=labels,
        texts=texts,
        targets_N=np.array([number[x] for part in parts.values() for x in part.labels], dtype=np.int64),
        groups_N=group_by_text(texts),
        parts_N=np.repeat(
            np.array([PARTS.index(part) for part in parts], dtype=np.int8),
            [len(part.texts) for part in parts.values()],
        ),
        given=tuple(parts),
    )


def _name(train: Path) -> str:
    """Name the corpus by its training file; ``reviews/train.csv`` is reviews."""
    return train.parent.name if train.stem.lower() in ("train", "training") else train.stem


def _paths(config: DataConfig) -> dict[str, Path]:
    if config.train is None:
        raise UserError("data=files: data.train is not set; give it a CSV, TSV, JSON Lines or Parquet file")
    named = {part: getattr(config, part) for part in PARTS}
    paths = {part: Path(name).expanduser().absolute() for part, name in named.items() if name is not None}
    for part, path in paths.items():
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "no such file"
            raise UserError(f"data.{part}={named[part]!r}: {what} ({path})")
    return paths


def _read_part(path: Path, config: DataConfig) -> _Part:
    columns = read_table(path)
    text_columns = _text_columns(path, columns, config)
    label_column = _label_column(path, columns, config)
    labels = [label.strip() for label in columns[label_column]]
    if "" in labels:
        raise UserError(f"{path}: row {labels.index('') + 1} has no label in column {label_column!r}")
    texts = [
        " ".join(filter(None, (value.strip() for value in values)))
        for values in zip(*(columns[name] for name in text_columns), strict=True)
    ]
    if not any(texts):
        raise UserError(f"{path}: every row is empty in {', '.join(text_columns)}")
    return _Part(path, texts, labels)


def _text_columns(path: Path, columns: Columns, config: DataConfig) -> tuple[str, ...]:
    if config.text_columns is not None:
        for name in config.text_columns:
            _refuse_missing(path, columns, "data.text", name)
        return config.text_columns
    pair = [find_column(list(columns), [name]) for name in PAIR]
    found = find_column(list(columns), TEXT)
    if found is None:
        raise UserError(
            f"{path}: no column of texts found among {_named(columns)}; name it with data.text=COLUMN"
        )
    if found in pair and None not in pair:
        return tuple(name for name in pair if name is not None)
    return (found,)


def _label_column(path: Path, columns: Columns, config: DataConfig) -> str:
    if config.label is not None:
        _refuse_missing(path, columns, "data.label", config.label)
        return config.label
    found = find_column(list(columns), LABEL)
    if found is None:
        raise UserError(
            f"{path}: no column of labels found among {_named(columns)}; name it with data.label=COLUMN"
        )
    return found


def _refuse_missing(path: Path, columns: Columns, key: str, name: str) -> None:
    if name not in columns:
        raise UserError(f"{key}={name!r}: {path} has {_named(columns)}.{nearest(name, columns)}")


def _named(columns: Columns) -> str:
    shown = ", ".join(repr(name[:40]) for name in list(columns)[:12])
    return f"columns {shown}" + (" ..." if len(columns) > 12 else "")


def _labels(train: _Part) -> tuple[str, ...]:
    labels = set(train.labels)
    if len(labels) < 2:
        raise UserError(f"{train.path}: all rows have the label {train.labels[0]!r}; two or more are needed")
    if all(re.fullmatch(r"-?\d+(\.\d+)?", label) for label in labels):
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    return tuple(sorted(labels))


def _refuse_strangers(part: _Part, labels: tuple[str, ...]) -> None:
    strangers = sorted(set(part.labels) - set(labels))
    if strangers:
        shown = ", ".join(map(repr, strangers[:5]))
        raise UserError(f"{part.path}: label {shown} is not in the training rows ({', '.join(labels[:8])})")
