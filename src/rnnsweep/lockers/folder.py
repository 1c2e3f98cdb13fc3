"""A locker in a folder that all nodes see."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.files import open_own, replacing
from rnnsweep.lockers.names import check_name


class FolderLocker:
    """Files below a folder: written beside their place, then renamed. No link is followed."""

    def __init__(self, root: Path) -> None:
        """Use a folder, which is made by the first `put`."""
        self.root = root

    def put(self, name: str, file: Path) -> None:
        """See `Locker.put`."""
        with self._explained():
            copy_whole(file, self._path(name))

    def get(self, name: str, into: Path) -> None:
        """See `Locker.get`."""
        with self._explained(may_lack=True):
            copy_whole(self._path(name), into)

    def names(self, prefix: str = "") -> list[str]:
        """See `Locker.names`."""
        with self._explained():
            above = self.root / prefix.rpartition("/")[0]
            paths = [Path(folder) / file for folder, _, files in os.walk(above) for file in files]
        shown = [path.relative_to(self.root).as_posix() for path in paths if not path.name.startswith(".")]
        return sorted(name for name in shown if name.startswith(prefix))

    def drop(self, name: str) -> None:
        """See `Locker.drop`; folders that are empty then go too."""
        path = self._path(name)
        with self._explained():
            path.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in path.relative_to(self.root).parents:
                if folder != Path():
                    (self.root / folder).rmdir()

    def _path(self, name: str) -> Path:
        path = self.root
        for part in check_name(name).split("/"):
            if path.is_symlink() and path != self.root:
                raise UserError(f"locker {self.root}: {path}: is a link, and no link is followed")
            path = path / part
        return path

    @contextmanager
    def _explained(self, *, may_lack: bool = False) -> Iterator[None]:
        """Turn an error of the system into one line; a file that `may_lack` into FileNotFoundError."""
        try:
            yield
        except OSError as error:
            if may_lack and isinstance(error, FileNotFoundError):
                raise
            raise UserError(
                f"locker {self.root}: {error.strerror or error}",
                remedy="it must be a folder that this machine and all nodes may write to",
            ) from error


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that everybody sees the old one or the new.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is a link, or no regular file.
    """
    with os.fdopen(open_own(source, os.O_RDONLY), "rb") as content:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as copy:
            shutil.copyfileobj(content, copy, 1 << 20)
