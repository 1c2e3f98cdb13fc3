"""What is kept of runs beside the store: their spools, their records and their notes, removed."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnsweep.files import own_folder
from rnnsweep.tracking.spool.archive import RECORDS, records_folder
from rnnsweep.tracking.spool.spool import KEY, belongs, spool_folder


def kept_keys(mlruns: Path, parent: str) -> set[str]:
    """Return the keys of a run and of those under it that have a spool, records or a note."""
    spool = own_folder(mlruns, "spool")
    folders = (spool, own_folder(spool, "notes"), own_folder(mlruns, RECORDS))
    names = {name for folder in folders if folder.is_dir() for name in os.listdir(folder)}
    keys = {name.removesuffix(".jsonl").removesuffix(".json").removesuffix(".files") for name in names}
    return {key for key in keys if KEY.fullmatch(key) and belongs(key, parent)}


def forget_spools(mlruns: Path, keys: Iterable[str], *, onerror: Callable[..., object]) -> None:
    """Remove the spools and the records of runs, so that nothing sends them to the store again."""
    for key in keys:
        for folder in (spool_folder(mlruns), own_folder(spool_folder(mlruns), "refused")):
            (folder / f"{key}.jsonl").unlink(missing_ok=True)
        for folder in (spool_folder(mlruns) / f"{key}.files", records_folder(mlruns, key)):
            shutil.rmtree(folder, onerror=onerror)


def forget_notes(mlruns: Path, keys: Iterable[str]) -> None:
    """Remove what says that the store has or had these runs."""
    for key in keys:
        (spool_folder(mlruns) / "notes" / f"{key}.json").unlink(missing_ok=True)
