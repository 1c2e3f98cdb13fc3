"""The user's own files: texts and labels, in one to three parts."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.classes.labels import RawLabels, read_labels
from rnnsweep.data.classes.numbers import is_number, is_quantity, tell_thousands
from rnnsweep.data.classes.variants import HIDDEN, tell_hidden, tell_numbers, tell_two_kinds, variants_of
from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import group_rows, most_joining
from rnnsweep.data.rows import PARTS, TextRows
from rnnsweep.data.sources._columns import as_text, read_options, text_columns
from rnnsweep.data.sources._one_file import OneFile, read_all, read_file
from rnnsweep.data.summary.remarks import Remark
from rnnsweep.data.tables import expand_paths, file_state, files_digest, read_table
from rnnsweep.data.tables.table import place
from rnnsweep.data.written import columns_of
from rnnsweep.errors import UserError


class Place(NamedTuple):
    """Where a row of the corpus is in the user's files."""

    file: Path
    row: int  # from 0, of the rows that can be read
    line: int | None  # at which it begins, from 1; None: the format has no lines


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
    files = read_all([(part, path) for part, paths in _paths(config).items() for path in paths], config)
    read = read_labels([_raw_labels(file) for file in files], config)
    kept = [[n for n, name in enumerate(names) if name is not None] for names in read.names]
    names = [[name for name in of_file if name is not None] for of_file in read.names]
    _refuse_unlabelled_parts(files, kept)
    numbers = config.targets == "numbers"
    labels = () if numbers else _labels(files, names)
    if not numbers:
        _refuse_two_kinds(files, names)
        _refuse_strangers(files, names, labels)
    number = {label: n for n, label in enumerate(labels)}
    texts = [file.texts[n] for file, rows in zip(files, kept, strict=True) for n in rows]
    groups = _column(files, kept)
    split = _split(files, kept)
    joining = dict(zip(columns_of(config.split_text) or ("",), split or [texts], strict=True))
    if config.group and groups is not None:
        joining[config.group] = groups
    counts = Counter(name for of_file in names for name in of_file)
    return TextRows(
        name=_name(_paths(config)["train"][0]),
        labels=labels,
        texts=texts,
        targets_N=_numbers(files, names, kept)
        if numbers
        else np.array([number[name] for of_file in names for name in of_file], dtype=np.int64),
        groups_N=group_rows(*(split or [texts]), names=groups if config.group else None),
        parts_N=np.repeat(
            np.array([PARTS.index(file.part) for file in files], dtype=np.int8), list(map(len, kept))
        ),
        given=tuple(_paths(config)),
        spans_N=_spans(files, kept),
        tokenised=files[0].tokenised,
        remarks=(*read.remarks, *_reading_remarks(files, counts, numbers=numbers)),
        notes=_notes(files, kept),
        group_names=groups,
        group_column=files[0].group if groups else None,
        text_columns=files[0].columns,
        blank_N=np.array([not all(row) for row in zip(*split, strict=True)]) if split else None,
        joined_by=most_joining(joining),
        files={part: files_digest(paths) for part, paths in _paths(config).items()},
    )


def places(config: DataConfig) -> list[Place]:
    """Return where each row that `read` returns is, in its order; the files are read again for it.

    Raises:
        UserError: as `read`.
    """
    files = read_all([(part, path) for part, paths in _paths(config).items() for path in paths], config)
    labels = read_labels([_raw_labels(file) for file in files], config)
    return [
        Place(file.path, row, file.table.line_of(row))
        for file, names in zip(files, labels.names, strict=True)
        for row, name in enumerate(names)
        if name is not None
    ]


def columns_read(config: DataConfig) -> OneFile:
    """Read the first training file, for the columns of its texts and its labels.

    Raises:
        UserError: the file is missing or lacks columns.
    """
    return read_file("train", _paths(config)["train"][0], config)


def columns_by_name(config: DataConfig) -> tuple[str, ...]:
    """Return the columns of the texts of the first training file by their names alone.

    Raises:
        UserError: the file is missing or lacks columns.
    """
    path = _paths(config)["train"][0]
    chosen: list[tuple[str, ...]] = []

    def choose(names: Sequence[str]) -> list[str]:
        chosen.append(text_columns(path, names, config.text_columns))
        return list(chosen[-1])

    read_table(path, read_options(config), choose)
    return chosen[-1]


def _raw_labels(file: OneFile) -> RawLabels:
    names = file.table.class_names.get(file.label, ())
    return RawLabels(file.path, file.label, file.table.columns[file.label], names, file.table.lines)


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


def _labels(files: Sequence[OneFile], names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    train = [
        label for file, of_file in zip(files, names, strict=True) if file.part == "train" for label in of_file
    ]
    labels = set(train)
    if len(labels) < 2:
        only = f"all rows have the label {train[0]!r}" if train else "no row has a label"
        swallowed = "".join(f"; swallowed: {file.table.swallowed}" for file in files if file.table.swallowed)
        raise UserError(f"{files[0].path}: {only}; two or more are needed{swallowed}")
    if all(map(is_number, labels)):
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    return tuple(sorted(labels))


def _numbers(
    files: Sequence[OneFile], names: Sequence[Sequence[str]], kept: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Return the target of each row that is kept as a number."""
    values = []
    for file, of_file, rows in zip(files, names, kept, strict=True):
        for row, name in zip(rows, of_file, strict=True):
            try:
                value = float(name)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                written = "; write it as 1200 or 3.5" if is_quantity(name) else ""
                raise UserError(
                    f"{file.path}: {place(row, file.table.lines)}: {name!r} is no number, and"
                    f" task=regression needs numbers{written}"
                )
            values.append(value)
    return np.array(values)


def _refuse_unlabelled_parts(files: Sequence[OneFile], kept: Sequence[Sequence[int]]) -> None:
    """Refuse a given part without a labelled row: rows of training would be split off in its place."""
    rows = {file.part: 0 for file in files}
    for file, of_file in zip(files, kept, strict=True):
        rows[file.part] += len(of_file)
    empty = next((file for file in files if not rows[file.part]), None)
    if empty is not None:
        raise UserError(
            f"{empty.path}: missing-like-label: no row of data.{empty.part} has a label in column"
            f" {empty.label!r}; rows without labels are for rnnsweep predict --file"
        )


def _refuse_two_kinds(files: Sequence[OneFile], names: Sequence[Sequence[str]]) -> None:
    """Refuse training files of which some have numbers for labels and others names."""
    kinds: dict[bool, tuple[OneFile, str]] = {}
    for file, of_file in zip(files, names, strict=True):
        numbers = set(map(is_number, set(of_file)))
        if file.part == "train" and len(numbers) == 1:
            kinds.setdefault(numbers.pop(), (file, ", ".join(sorted(set(of_file))[:4])))
    if len(kinds) == 2:
        (numbered, digits), (named, words) = kinds[True], kinds[False]
        raise UserError(
            f"{numbered.path}: label-variants: its labels are numbers ({digits}), and those of"
            f" {named.path.name} are names ({words}); write them in one way"
        )


def _refuse_strangers(
    files: Sequence[OneFile], names: Sequence[Sequence[str]], labels: tuple[str, ...]
) -> None:
    for file, of_file in zip(files, names, strict=True):
        strangers = sorted(set(of_file) - set(labels))
        if strangers:
            shown = ", ".join(map(repr, strangers[:5]))
            raise UserError(
                f"{file.path}: label {shown} is not in the training rows ({', '.join(labels[:8])})"
                f"{_way_on(strangers, labels, of_file)}"
            )


def _way_on(strangers: Sequence[str], labels: Sequence[str], of_file: Sequence[str]) -> str:
    """Return what helps where labels of another part are not those of training."""
    if set(of_file) == {HIDDEN}:
        return f"; {HIDDEN} in each row means no label: such rows are for rnnsweep predict --file"
    variants = variants_of(dict.fromkeys((*labels, *strangers), 1))
    if all(any(name in group and set(group) & set(labels) for group in variants) for name in strangers):
        return "; data.fold_labels=true takes labels that differ by the way they are written alone as one"
    return ""


def _column(files: Sequence[OneFile], kept: Sequence[Sequence[int]]) -> list[str] | None:
    """Return the group of each row, where every file has the column."""
    if any(file.group is None for file in files):
        return None
    return [
        as_text(file.table.columns[file.group or ""][n])
        for file, rows in zip(files, kept, strict=True)
        for n in rows
    ]


def _split(files: Sequence[OneFile], kept: Sequence[Sequence[int]]) -> list[list[str]]:
    """Return the texts of each column by which rows are drawn into parts; none: those that are read."""
    return [
        [file.split[place][n] for file, rows in zip(files, kept, strict=True) for n in rows]
        for place in range(len(files[0].split))
    ]


def _spans(files: Sequence[OneFile], kept: Sequence[Sequence[int]]) -> Any:
    if any(file.table.spans is None for file in files):
        return None
    spans = (file.table.spans or [] for file in files)
    return np.array([of_file[n] for of_file, rows in zip(spans, kept, strict=True) for n in rows], np.int64)


def _reading_remarks(files: Sequence[OneFile], counts: Counter[str], *, numbers: bool) -> Iterator[Remark]:
    for file in files:
        if file.table.swallowed:
            yield Remark("swallowed", file.table.swallowed)
    if not numbers:
        yield from filter(None, (tell_numbers(counts), tell_two_kinds(counts), tell_hidden(counts)))
    elif thousands := tell_thousands(counts):
        yield Remark("numbers", thousands)


def _notes(files: Sequence[OneFile], kept: Sequence[Sequence[int]]) -> tuple[str, ...]:
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
