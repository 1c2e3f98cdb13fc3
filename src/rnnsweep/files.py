"""Files of our own below mlruns/: written whole or not at all, and never through a link.

A folder of records may come from somebody else, with a link in the place of a file that is written next. So a
file of ours is opened without following a link, and is a regular file; a folder of ours is a real folder in
mlruns/, which itself may be a link.

One rule for a line that a killed process or a full disk left torn: a line counts where it ends in a newline
and reads as JSON; what is behind the last such line is cut off before the next line is written.
"""

import errno
import fcntl
import json
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from rnnsweep.errors import UserError
from rnnsweep.json_text import parse_json, parse_lines

_ASIDE = re.compile(r"\..+\.[0-9a-f]{12}")  # names of files that are being written
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


def own_folders(root: Path, name: str) -> list[Path]:
    """List the folders that lie in one below `root`, sorted; each is one that `own_folder` returns.

    Raises:
        UserError: as `own_folder`, of the folder and of each entry.
    """
    above = own_folder(root, name)
    if not above.is_dir():
        return []
    with os.scandir(above) as entries:  # which knows a link without a call for each
        links = {own_name(entry.name, above): entry.is_symlink() for entry in entries}
    return [own_folder(above, entry) if links[entry] else above / entry for entry in sorted(links)]


def own_name(name: str, folder: Path) -> str:
    """Return the name of an entry of `folder`.

    Raises:
        UserError: it is a path, which could lead out of the folder.
    """
    is_path = name in ("", ".", "..") or name != os.path.basename(name) or "\\" in name
    if is_path or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise UserError(f"{folder}: {name[:100]!r} must be a short name without / or control characters")
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
        linked = (errno.ELOOP, errno.EMLINK, errno.ENXIO)  # of a link that leads nowhere, too
        if error.errno in linked or (error.errno != errno.ENOENT and path.is_symlink()):
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


def write_whole(
    path: Path, content: str | bytes | memoryview, *, mode: int = PRIVATE, durable: bool = True
) -> None:
    """Write a file so that everybody sees the old content or the new, after a power cut too.

    Args:
        path: what is there is replaced: where that is a link, the link, not what it points at.
        content: text is written as UTF-8.
        mode: permissions of the new file.
        durable: False: a power cut may take the new content back.

    Raises:
        OSError: as of a full disk; what was at `path` is still there.
    """
    with replacing(path, mode=mode, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path, *, mode: int = PRIVATE, durable: bool = True) -> Iterator[BinaryIO]:
    """Yield a file to write, which takes the place of `path` at the end, and is removed after an error.

    Args:
        path: as of `write_whole`.
        mode: permissions of the new file.
        durable: as of `write_whole`.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with os.fdopen(open_own(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=mode), "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def remove_asides(folder: Path) -> None:
    """Remove what killed processes left of `replacing` in a folder; nobody may be writing there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            if _ASIDE.fullmatch(name):
                (folder / name).unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file of ours that holds one JSON object; None where it is missing or holds anything else.

    Raises:
        UserError: it is a link, or no regular file.
    """
    try:
        content = parse_json(read_own(path))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


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


class JsonLines:
    """An append-only file of JSON objects, one a line, which several processes may write at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *records: Mapping[str, Any]) -> None:
        """Append a line for each record: all of them or none; they are in the file when this returns.

        Raises:
            OSError: as of a full disk; the file is as it was.
            UserError: it is a link, or no regular file.
        """
        data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        descriptor = open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
            append(descriptor, data)
        finally:
            os.close(descriptor)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the records so far; lines that are torn or being written are left out."""
        try:
            content = read_own(self.path)
        except FileNotFoundError:
            return
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        yield from (one for one in parse_lines(lines, skip_faulty=True) if isinstance(one, dict))


def _cut_torn_line(descriptor: int) -> None:
    """Cut off a last line that does not end, in a file that nobody else writes meanwhile."""
    size = os.fstat(descriptor).st_size
    whole = os.pread(descriptor, size, 0).rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(descriptor, whole)


def mend(path: Path) -> int:
    """Cut lines that do not read off the end of a file of JSON lines, which nobody else writes meanwhile.

    A machine that lost its power may leave more than a torn line: blocks of zeros. What is cut off is kept
    beside the file.

    Returns:
        the number of bytes cut off.

    Raises:
        UserError: it is a link, or no regular file.
    """
    try:
        descriptor = open_own(path, os.O_RDWR)
    except FileNotFoundError:
        return 0
    with open(descriptor, "r+b") as file:
        content = file.read()
        good = _good_length(content)
        cut = content[good:]
        if cut:
            with open(open_append(path.with_suffix(".torn")), "ab") as torn:
                torn.write(cut + b"\n")
            file.truncate(good)
            os.fsync(file.fileno())
    return len(cut)


def _good_length(content: bytes) -> int:
    """Return the length of the part whose last line ends and reads; looks at the end alone."""
    good = content.rfind(b"\n") + 1
    while good:
        start = content.rfind(b"\n", 0, good - 1) + 1
        try:
            parse_json(content[start:good])
        except ValueError:
            good = start
        else:
            break
    return good


def is_full_disk(error: BaseException) -> bool:
    """Return whether a disk, or a share of one, had no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _linked(path: Path) -> UserError:
    kind = f"a link to {os.readlink(path)}" if path.is_symlink() else "no regular file"
    return UserError(f"{path}: is {kind}; links and special files are never used here. Remove it")
