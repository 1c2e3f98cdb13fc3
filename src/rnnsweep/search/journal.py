"""The journal of a sweep's studies, mended before it is opened."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, Trial

from rnnsweep.errors import UserError
from rnnsweep.files import mend
from rnnsweep.json_text import parse_texts
from rnnsweep.state.disk import Disk
from rnnsweep.state.folder import SweepFolder

LOCK_GRACE_S = 10  # after which a lock that a killed process left is taken over


def read_journal(folder: SweepFolder) -> JournalStorage:
    """Open the studies' storage for reading, while a controller may write.

    Raises:
        UserError: a line of it is none of Optuna's.
    """
    return _replayed(JournalFileBackend(str(folder.journal)), folder.journal)


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn what comes of a damaged line into one line for the user.

    Raises:
        UserError: in place of whatever Optuna raises, which checks no line.
    """
    try:
        yield
    except (OSError, UserError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        raise UserError(
            f"{path}: a line of it is damaged or not Optuna's ({reason}); take it from a copy, or give the"
            " sweep another name and start it again"
        ) from error


def overrides_of(trial: FrozenTrial | Trial) -> tuple[str, ...]:
    """Return the overrides that a trial was given.

    Raises:
        UserError: the journal holds something else there.
    """
    try:
        return parse_texts(trial.user_attrs["overrides"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"journal.log: trial {trial.number}: its overrides do not read ({error})") from None


def _replayed(backend: JournalFileBackend, path: Path) -> JournalStorage:
    with refusing_damage(path):
        return JournalStorage(backend)


class WaitingBackend(JournalFileBackend):
    """Optuna's file, on a disk that may be full: what does not fit is taken back and waits for room."""

    def __init__(self, path: str, *, lock_obj: JournalFileSymlinkLock, disk: Disk) -> None:
        super().__init__(path, lock_obj=lock_obj)
        self._path, self._disk = path, disk

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append whole lines; only the controller writes, so the size before is what to go back to."""

        def append() -> None:
            size = os.path.getsize(self._path)
            try:
                super(WaitingBackend, self).append_logs(logs)
            except OSError:
                os.truncate(self._path, size)
                raise

        self._disk.patiently(append)


def open_journal(folder: SweepFolder, *, disk: Disk | None = None) -> JournalStorage:
    """Open the studies' storage under the controller's lock, its torn end mended.

    Raises:
        UserError: a line of it is none of Optuna's.
    """
    path = folder.journal
    mend(path)
    # under the controller's lock nobody else writes: a lock file is one that a killed process left
    for left in path.parent.glob(f"{path.name}.lock*"):
        left.unlink(missing_ok=True)
    lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_GRACE_S)
    backend = WaitingBackend(str(path), lock_obj=lock, disk=disk or Disk(folder.path))
    return _replayed(backend, path)
