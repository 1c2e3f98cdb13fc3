"""The corpora behind one door: each says what its source looks like now, and reads it.

What was read is kept in the cache under the state of its source (sizes and times of files, versions of
libraries), so that a source that has not changed is not read again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnsweep.data.config import DataConfig
from rnnsweep.data.rows import Rows, TextRows, digest
from rnnsweep.data.sources import ag_news, docstrings, files
from rnnsweep.data.store import made_once, read_json, write_json


@dataclass(frozen=True)
class Source:
    """Where a corpus comes from: `state` is what changes when its rows may have changed."""

    state: Callable[[DataConfig, Path], Any]
    read: Callable[[DataConfig, Path], TextRows]


SOURCES = {
    "ag_news": Source(ag_news.state, ag_news.read),
    "docstrings": Source(docstrings.state, docstrings.read),
    "files": Source(files.state, files.read),
}


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

    def rows(self) -> TextRows:
        """Read all rows."""
        table = self._table(["text", "target", "group", "part"])
        return TextRows(
            name=self.name,
            labels=self.labels,
            texts=table["text"].to_pylist(),
            targets_N=table["target"].to_numpy(),
            groups_N=table["group"].to_numpy(),
            parts_N=table["part"].to_numpy(),
            given=tuple(self._facts["given"]),
        )

    def texts(self, numbers: Rows) -> list[str]:
        """Read the texts of some rows."""
        return [str(text) for text in self._table(["text"])["text"].take(numbers).to_pylist()]

    def _table(self, columns: list[str]) -> Any:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self.folder / "rows.parquet", columns=columns)


def read_corpus(config: DataConfig, cache: Path) -> Corpus:
    """Give the corpus of the settings from the cache; read it first where its source is new or changed."""
    source = SOURCES[config.corpus]
    state = json.dumps([config.corpus, config.text, config.label, source.state(config, cache)])
    key = hashlib.sha256(state.encode()).hexdigest()[:32]
    return Corpus(
        made_once(cache / "corpora" / key, lambda folder: _write(source.read(config, cache), folder))
    )


def _write(rows: TextRows, folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {
        "text": pyarrow.array(rows.texts, pyarrow.large_string()),
        "target": rows.targets_N.astype(np.int64),
        "group": rows.groups_N,
        "part": rows.parts_N,
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "rows.parquet", compression="zstd")
    content = digest([*rows.labels, *rows.texts], rows.targets_N, rows.groups_N, rows.parts_N)
    facts = {"name": rows.name, "labels": rows.labels, "given": rows.given, "digest": content}
    write_json(folder / "meta.json", facts)
