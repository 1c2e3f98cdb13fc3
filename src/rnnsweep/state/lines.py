"""Append-only files of JSON lines: whole lines or nothing, and mended where a machine stopped within one."""

import json
import os
from pathlib import Path


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
