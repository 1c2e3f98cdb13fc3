"""The rows of each part as CSV files, with where they are in the user's own files."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnsweep.data.encoded import EncodedCorpus
from rnnsweep.data.sources import files
from rnnsweep.data.tokens import SEPARATOR
from rnnsweep.files import replacing


def write_parts(folder: Path, corpus: EncodedCorpus) -> None:
    """Write the rows of each part of a corpus into a folder: PART.csv.

    Raises:
        UserError: the files of the corpus cannot be read any more.
        OSError: a file cannot be written.
    """
    places = files.places(corpus.config) if corpus.config.corpus == "files" else None
    parts = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test()}
    for part, encoded in parts.items():
        with replacing(folder / f"{part}.csv", mode=0o666) as file:
            rows = _rows(corpus, part, encoded.targets_N.tolist(), places)
            csv.writer(codecs.getwriter("utf-8")(file)).writerows(rows)


def _rows(
    corpus: EncodedCorpus, part: str, targets: Sequence[Any], places: Sequence[Any] | None
) -> Iterator[Sequence[Any]]:
    """Yield the head and the rows of a part.

    Args:
        corpus: of the part.
        part: its name.
        targets: of its rows.
        places: of all rows of the corpus; None: they are of no file of the user's.
    """
    columns = corpus.columns(part)
    texts = columns["text"]
    groups = None if corpus.config.group is None else columns["group"]  # not one that only could group rows
    head = ["row", "label", "text", *(["group"] if groups else [])]
    yield [*head, *(["file", "file_row", "line"] if places else [])]
    for row, (number, target) in enumerate(zip(corpus.rows(part).tolist(), targets, strict=True)):
        label = corpus.labels[target] if corpus.labels else target
        group = [groups[row]] if groups else []
        yield [
            row,
            label,
            texts[row].replace(SEPARATOR, " "),
            *group,
            *(places[number] if places else []),
        ]
