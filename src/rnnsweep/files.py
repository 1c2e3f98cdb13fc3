"""Files of our own below mlruns/: written whole or not at all, and never through a link.

A folder of records may come from somebody else, with a link in the place of a file that is written next. So a
file of ours is opened without following a link, and is a regular file; a folder of ours is a real folder in
mlruns/, which itself may be a link.
"""

import errno
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

from rnnsweep.errors import UserError

PRIVATE, PRIVATE_FOLDER = 0o600, 0o700  # records name machines, paths and settings: nobody else reads them
LONGEST_NAME = 255  # bytes, of most file systems
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def own_folder(root: Path, *names: str, make: bool = False, mode: int = 0o777) -> Path:
    """Return a folder below `root`, whose every part is a real folder or is not there yet.

    Args:
        root: a folder that the user chose; it may be a link.
        names: the folders below it, a name each.
        make: make what is not there.
        mode: permissions of the last folder where it is made.

    Raises:
        UserError: a name is a path, or a folder is a link.
    """
    folder = root
    for name in names:
        folder = folder / own_name(name, folder)
        if folder.is_symlink():
            raise _linked(folder)
    if make and not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=mode, exist_ok=True)
    return folder


def own_name(name: str, folder: Path) -> str:
    """Return the name of an entry of `folder`.

    Raises:
        UserError: it is a path, which could lead out of the folder.
    """
    is_path = name in ("", ".", "..") or name != os.path.basename(name) or "\\" in name
    if is_path or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise UserError(f"{folder}: {name[:100]!r} is no name of an entry in it")
    return name


def open_own(path: Path, flags: int, *, mode: int = PRIVATE) -> int:
    """Open a file of ours and return its descriptor; `flags` are those of `os.open`.

    Raises:
        FileNotFoundError: it is not there, and is not to be made.
        UserError: it is a link, or no regular file.
    """
    try:
        descriptor = os.open(path, flags | _SAFE, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO) or path.is_symlink():
            raise _linked(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _linked(path)
    return descriptor


def read_own(path: Path) -> bytes:
    """Read a file of ours.

    Raises:
        FileNotFoundError: it is not there.
        UserError: it is a link, or no regular file.
    """
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read()


def write_whole(path: Path, content: str | bytes, *, mode: int = PRIVATE) -> None:
    """Write a file so that everybody sees the old content or the new, after a power cut too.

    What is at `path` is replaced: where that is a link, the link, not what it points at.

    Raises:
        OSError: as of a full disk; what was at `path` is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with os.fdopen(open_own(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk; where the system has no such call, do nothing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_append(path: Path, *, mode: int = PRIVATE) -> int:
    """Open a file of ours for `append`, and make it where it is not there.

    Raises:
        UserError: it is a link, or no regular file.
    """
    return open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode=mode)


def append(descriptor: int, data: bytes) -> None:
    """Append whole lines to a file that nobody else writes; where they do not fit, it stays as it was.

    Raises:
        OSError: as of a full disk.
    """
    size, done = os.fstat(descriptor).st_size, 0
    try:
        while done < len(data):
            done += os.write(descriptor, data[done:])
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _linked(path: Path) -> UserError:
    where = f" to {os.readlink(path)}" if path.is_symlink() else ""
    kind = f"a link{where}" if path.is_symlink() else "no regular file"
    return UserError(f"{path}: is {kind}; files of ours are never read or written through one. Remove it")
