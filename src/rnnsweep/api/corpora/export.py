"""The rows of each part as CSV files, for a program of the user's own on the same split."""

from collections.abc import Sequence
from pathlib import Path

from rnnsweep import data
from rnnsweep.api.corpora.description import read_sweep_data
from rnnsweep.config import compose
from rnnsweep.errors import UserError


def export_rows(
    to: str | Path, overrides: Sequence[str] = (), *, sweep: str | Path | None = None
) -> tuple[Path, ...]:
    """Write the rows of each part as ``train.csv``, ``validation.csv`` and ``test.csv``.

    Columns: ``row`` (its number in the part, from 0, as in the files of test predictions), ``label``,
    ``text`` as it is read, ``group`` where `data.group` names one, and of rows of the user's files ``file``,
    ``file_row`` (from 0, without the header) and ``line`` (from 1; empty where the format has no lines).

    Args:
        to: folder; it is made. Of a sweep that reads several corpora each has a folder in it.
        overrides: settings, as ``data.train=reviews.csv``; beside a sweep those of the data alone. Another
            ``data.split_seed`` or ``data.fold`` gives the parts of a replicate.
        sweep: whose parts, by its file or name; None takes those of a run.

    Returns:
        The files.

    Raises:
        UserError: the configuration or the data cannot be used, the data of a sweep changed since it started,
            a file is there already, or one cannot be written.
    """
    if sweep is None:
        folders = {Path(to).expanduser(): data.prepare(compose(overrides).data)}
    else:
        corpora = read_sweep_data(sweep, overrides, as_started=True)
        several = len(corpora) > 1
        folders = {Path(to).expanduser() / (name if several else ""): one for name, one in corpora.items()}
    files = tuple(folder / f"{part}.csv" for folder in folders for part in data.PARTS)
    if there := next((file for file in files if file.exists()), None):
        raise UserError(f"{there}: is there already, and is not written over; name another folder")
    try:
        for folder, one in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            data.write_parts(folder, one)
    except OSError as error:
        raise UserError(f"{to}: cannot be written: {error.strerror or error}") from error
    return files
