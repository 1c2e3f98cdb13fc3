"""The journal of a sweep's studies, mended before it is opened."""

import json
import os
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

JOURNAL = "journal.log"
LOCK_GRACE_S = 10  # after which a lock that a killed process left is taken over


def read_journal(folder: Path) -> JournalStorage:
    """Open the studies' storage for reading, while a controller may write."""
    return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


def open_journal(folder: Path) -> JournalStorage:
    """Open the studies' storage under the controller's lock, its torn end mended."""
    path = folder / JOURNAL
    mend(path)
    # under the controller's lock nobody else writes: a lock file is one that a killed process left
    for left in folder.glob(f"{JOURNAL}.lock*"):
        left.unlink(missing_ok=True)
    lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_GRACE_S)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def mend(path: Path) -> int:
    """Cut lines that do not read off the end of an append-only file of JSON lines.

    A disk that is full or a machine that lost its power leaves a part of a line; the next line written would
    merge into it, and the file could never be read again. What is cut off is kept beside it.

    Returns:
        the number of bytes cut off.
    """
    if not path.exists():
        return 0
    content = path.read_bytes()
    good = _good_length(content)
    cut = content[good:]
    if cut:
        with path.with_suffix(".torn").open("ab") as torn:
            torn.write(cut + b"\n")
        with path.open("r+b") as file:
            file.truncate(good)
            os.fsync(file.fileno())
    return len(cut)


def _good_length(content: bytes) -> int:
    """Give the length of the longest part from the start whose every line reads; looks at the end alone."""
    good = content.rfind(b"\n") + 1
    while good:
        start = content.rfind(b"\n", 0, good - 1) + 1
        try:
            json.loads(content[start:good])
        except ValueError:
            good = start
        else:
            break
    return good
