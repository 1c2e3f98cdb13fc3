"""AG's News topic classification (Zhang, Zhao, LeCun 2015), from a folder or downloaded once.

Upstream's layout: train.csv and test.csv without a header; columns class (1 to 4), title, description.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import group_by_text
from rnnsweep.data.rows import TextRows
from rnnsweep.data.tables import file_state, files_digest
from rnnsweep.data.tables.opening import open_text, scan
from rnnsweep.errors import UserError, refuse_unknown

LABELS = ("World", "Sports", "Business", "Sci/Tech")
COLUMNS = ("class", "title", "description")
UPSTREAM = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/"
CHECKSUMS = {
    "train.csv": "md5:b1a00f826fdfbd249f79597b59e1dc12",
    "test.csv": "md5:d52ea96a97a2d943681189a97654912d",
}


def state(config: DataConfig, cache: Path) -> Any:
    """Return the state of the two files; download them where no folder is set and none was downloaded."""
    return [file_state(path) for path in _files(config, cache).values()]


def read(config: DataConfig, cache: Path) -> TextRows:
    """Read both files; the text is title and description, or the columns of ``data.text`` in its order.

    Raises:
        UserError: no such folder or file, or a row that is not class, title, description.
    """
    columns = config.text_columns or COLUMNS[1:]
    for column in columns:
        refuse_unknown("data.text", column, COLUMNS[1:])
    places = [COLUMNS.index(column) for column in columns]
    texts: list[str] = []
    targets: list[int] = []
    sizes = []
    for path in _files(config, cache).values():
        before = len(texts)
        for line, row in _rows(path):
            targets.append(_target(path, line, row))
            texts.append(" ".join(filter(None, (row[place].strip() for place in places))))
        sizes.append(len(texts) - before)
        _refuse_poor(path, targets[before:])
    return TextRows(
        name="ag_news",
        labels=LABELS,
        texts=texts,
        targets_N=np.array(targets, dtype=np.int64),
        groups_N=group_by_text(texts),
        parts_N=np.repeat(np.array([0, 2], dtype=np.int8), sizes),
        given=("train", "test"),
        text_columns=tuple(columns),
        files={
            part: files_digest([path])
            for part, path in zip(("train", "test"), _files(config, cache).values(), strict=True)
        },
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file, each with the number of its last line, without blank lines."""
    with open_text(path, scan(path, "utf-8-sig").encoding) as file:
        rows = csv.reader(file, strict=False)
        try:
            yield from ((rows.line_num, row) for row in rows if row)
        except csv.Error as error:
            raise UserError(f"{path}, line {rows.line_num}: {error}") from error


def _target(path: Path, line: int, row: list[str]) -> int:
    if len(row) != len(COLUMNS) or row[0] not in ("1", "2", "3", "4"):
        start = ",".join(row)[:40]
        raise UserError(f"{path}, line {line}: not class (1 to 4), title, description: {start!r}")
    return int(row[0]) - 1


def _refuse_poor(path: Path, targets: list[int]) -> None:
    if not targets:
        raise UserError(f"{path}: the file is empty")
    if len(set(targets)) == 1:
        raise UserError(f"{path}: all rows are of class {targets[0] + 1}; two or more are needed")


def _files(config: DataConfig, cache: Path) -> dict[str, Path]:
    if config.dir is None:
        return download(cache / "downloads" / "ag_news", url=config.url or UPSTREAM)
    folder = Path(config.dir).expanduser().absolute()
    if not folder.is_dir():
        raise UserError(f"data.dir={config.dir!r}: no such folder; it must hold train.csv and test.csv")
    files = {name: folder / name for name in CHECKSUMS}
    for name, path in files.items():
        if not path.is_file():
            raise UserError(f"data.dir={config.dir!r}: has no {name}; it must hold train.csv and test.csv")
    return files


def download(
    folder: Path, *, url: str = UPSTREAM, checksums: Mapping[str, str] = CHECKSUMS
) -> dict[str, Path]:
    """Download the files that `folder` does not have yet; only whole files with the right checksum get there.

    Raises:
        UserError: a transfer failed or gave other bytes.
    """
    files = {name: folder / name for name in checksums}
    if not all(path.is_file() for path in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "download.lock"):  # of two processes one downloads
            for name, path in files.items():
                if not path.is_file():
                    _fetch(url.rstrip("/") + f"/{name}", path, checksums[name])
    return files


def _fetch(url: str, path: Path, checksum: str) -> None:
    import logging

    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=_stream)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"data=ag_news: cannot download {url}: {reason}\n"
            f"Try again, or give a folder that holds train.csv and test.csv: data.dir=PATH"
        ) from error


def _stream(url: str, output_file: str, pooch: Any) -> None:
    """Download as pooch's own downloader does, and close the connection when the transfer breaks, too."""
    import requests

    with requests.get(url, stream=True, timeout=30) as answer, open(output_file, "wb") as file:
        answer.raise_for_status()
        for piece in answer.iter_content(1 << 16):
            file.write(piece)
