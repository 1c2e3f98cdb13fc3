"""The corpora by one protocol: each returns the state of its source, and reads it.

What was read is kept in the cache under the state of its source (sizes and times of files, versions of
libraries), so that a source that has not changed is not read again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig, keys_of
from rnnsweep.data.groups import Hashes
from rnnsweep.data.rows import Rows, TextRows, digest
from rnnsweep.data.store import is_intact, key_of, made_once, read_json, write_json
from rnnsweep.data.summary.remarks import Remark
from rnnsweep.errors import UserError

_OF_ARROW = {"double": "float64", "float": "float32"}  # its names that NumPy understands otherwise
VERSION = 6  # of what lies in a folder of the cache
AT_ONCE = 1024  # rows that are read to get one of them

# source of rows, or file of word vectors -> digest, where this process may read what was carried
expected: dict[str, str] = {}


class Source(Protocol):
    """A module of `sources`: where the rows of a corpus come from."""

    def state(self, config: DataConfig, cache: Path) -> Any:
        """Return what changes when the rows may have changed, as JSON."""

    def read(self, config: DataConfig, cache: Path) -> TextRows:
        """Read all rows."""


@dataclass(frozen=True)
class Corpus:
    """Labelled texts, kept in a folder of the cache."""

    folder: Path

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return dict(read_json(self.folder / "meta.json"))

    @property
    def name(self) -> str:
        """The corpus by its name."""
        return str(self._facts["name"])

    @property
    def digest(self) -> str:
        """SHA-256 of all rows and labels."""
        return str(self._facts["digest"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels; a row's target is an index into them."""
        return tuple(self._facts["labels"])

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What was noticed while the files were read."""
        return tuple(Remark(**each) for each in self._facts["remarks"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed while the files were read."""
        return tuple(self._facts["notes"])

    @property
    def group_column(self) -> str | None:
        """The column that groups rows, where there is one."""
        column: str | None = self._facts["group_column"]
        return column

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that the texts were read from; empty where the source has none to choose."""
        return tuple(self._facts["text_columns"])

    @property
    def files(self) -> dict[str, str]:
        """The digest of the files of each part that is given; empty where rows are of no file."""
        return dict(self._facts["files"])

    def lines(self, parts: Mapping[str, Rows]) -> dict[str, int | None]:
        """Return the lines of the files that the rows of each part take; None: files without lines."""
        if not self._facts["lines"]:
            return dict.fromkeys(parts)
        spans_N = _numbers(self._table(["span"])["span"])
        return {part: int(spans_N[numbers].sum()) for part, numbers in parts.items()}

    def rows(self) -> TextRows:
        """Read all rows."""
        has_blank = bool(self._facts["blank"])
        names = ["text", "target", "group", "part", "span", "shared"]
        table = self._table([*names, "blank"] if has_blank else names)
        return TextRows(
            name=self.name,
            labels=self.labels,
            texts=table["text"].to_pylist(),
            targets_N=_numbers(table["target"]),
            groups_N=_numbers(table["group"]),
            parts_N=_numbers(table["part"]),
            given=tuple(self._facts["given"]),
            spans_N=_numbers(table["span"]) if self._facts["lines"] else None,
            tokenised=bool(self._facts["tokenised"]),
            remarks=self.remarks,
            notes=self.notes,
            group_names=table["shared"].to_pylist() if self.group_column else None,
            group_column=self.group_column,
            text_columns=self.text_columns,
            blank_N=_numbers(table["blank"]).astype(np.bool_) if has_blank else None,
            joined_by=tuple(joined) if (joined := self._facts["joined_by"]) else None,
            files=self.files,
        )

    def texts(self, numbers: Rows) -> list[str]:
        """Read the texts of some rows."""
        return self._taken("text", numbers)

    def group_names(self, numbers: Rows) -> list[str] | None:
        """Read the group of some rows as the file writes it; None where no column groups rows."""
        return self._taken("shared", numbers) if self.group_column else None

    def _taken(self, column: str, numbers: Rows) -> list[str]:
        """Read some rows of a column: of the file only the groups of rows that hold them."""
        with self._file() as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            groups_N = np.searchsorted(ends, numbers, side="right")
            read = np.unique(groups_N)
            values = (
                file.read_row_groups(read.tolist(), columns=[column])[column].to_pylist() if len(read) else []
            )
        # a row's place among those read, which lack the groups before that hold none
        kept = np.cumsum(np.asarray(sizes, np.int64)[read])
        places_N = numbers - (ends[read] - kept)[np.searchsorted(read, groups_N)]
        return [str(values[place]) for place in places_N.tolist()]

    def groups(self, numbers: Rows) -> Hashes:
        """Read the groups of some rows: rows of one group have the same hash."""
        hashes: Hashes = _numbers(self._table(["group"])["group"])[numbers]
        return hashes

    def _table(self, columns: list[str]) -> Any:
        with self._file() as file:
            return file.read(columns=columns)

    def _file(self) -> Any:
        import pyarrow.parquet

        # `read_table` imports pyarrow.dataset and pandas: in each replicate with a split of its own
        return pyarrow.parquet.ParquetFile(self.folder / "rows.parquet")


def _numbers(column: Any) -> NDArray[Any]:
    """Return a column of numbers without gaps as an array; Arrow's own ways would import pandas."""
    dtype = np.dtype(_OF_ARROW.get(str(column.type), str(column.type)))
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype, len(chunk), chunk.offset * dtype.itemsize)
        for chunk in column.chunks
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def read_corpus(config: DataConfig, cache: Path) -> Corpus:
    """Return the corpus of the settings from the cache; read it first where its source is new or changed."""
    if config.targets == "numbers" and config.corpus != "files":
        raise UserError(
            f"data={config.corpus}: has classes, and task=regression needs numbers; take data=files"
        )
    settings = {name: getattr(config, name) for name in keys_of(config.corpus)}
    settings |= {"targets": config.targets} if config.targets != "classes" else {}
    try:
        found = source_state(config, cache)
    except UserError:
        if (carried := _carried(config, cache)) is not None:
            return carried
        raise
    source = _source(config)
    key = key_of([VERSION, config.corpus, settings, found])
    return Corpus(
        made_once(cache / "corpora" / key, lambda folder: _write(source.read(config, cache), folder))
    )


def source_state(config: DataConfig, cache: Path) -> Any:
    """Return what changes when the rows of a source may have changed, as JSON.

    Raises:
        UserError: this machine does not have the source.
    """
    return _source(config).state(config, cache)


def _source(config: DataConfig) -> Source:
    source: Source = import_module(f"rnnsweep.data.sources.{config.corpus}")
    return source


def carried_folder(digest: str, cache: Path) -> Path:
    """Return where the cache has a corpus that came from another machine."""
    return cache / "corpora" / f"carried-{VERSION}-{digest[:32]}"


def _carried(config: DataConfig, cache: Path) -> Corpus | None:
    digest = expected.get(config.source)
    folder = None if digest is None else carried_folder(digest, cache)
    return Corpus(folder) if folder is not None and is_intact(folder) else None


def _write(rows: TextRows, folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {
        "text": pyarrow.array(rows.texts, pyarrow.large_string()),
        "target": rows.targets_N,
        "group": rows.groups_N,
        "part": rows.parts_N,
        "span": np.zeros(len(rows.texts), np.int64) if rows.spans_N is None else rows.spans_N,
        "shared": pyarrow.array(rows.group_names or [""] * len(rows.texts), pyarrow.large_string()),
        **({} if rows.blank_N is None else {"blank": rows.blank_N.astype(np.int8)}),
    }
    pyarrow.parquet.write_table(
        pyarrow.table(columns), folder / "rows.parquet", compression="zstd", row_group_size=AT_ONCE
    )
    content = digest(
        [*rows.labels, *rows.texts, *(rows.group_names or ())], rows.targets_N, rows.groups_N, rows.parts_N
    )
    facts = {
        "name": rows.name,
        "labels": rows.labels,
        "given": rows.given,
        "digest": content,
        "lines": rows.spans_N is not None,
        "tokenised": rows.tokenised,
        "remarks": [asdict(remark) for remark in rows.remarks],
        "notes": rows.notes,
        "group_column": rows.group_column,
        "text_columns": rows.text_columns,
        "blank": rows.blank_N is not None,
        "joined_by": rows.joined_by,
        "files": dict(rows.files),
    }
    write_json(folder / "meta.json", facts)
