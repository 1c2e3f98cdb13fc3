"""Lockers: where whole files lie for other nodes, by name. A folder that all nodes see, or a bucket.

A name is written by one attempt alone (``k-KEY/ATTEMPT/1/last.ckpt``): nothing here rests on locks, on
conditional writes, or on a listing that is up to date.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Protocol

from rnnsweep.errors import UserError

_OTHER = "take another locker: files would be lost in this one"


class Locker(Protocol):
    """Whole files by name. A name has parts with ``/`` between, as ``k-KEY/ATTEMPT/1/last.ckpt``.

    Each method raises `UserError` where the locker cannot be reached or refuses, in one line.
    """

    def put(self, name: str, file: Path) -> None:
        """Keep a copy of a file under a name; what was there is replaced. Nobody ever sees half of it."""

    def get(self, name: str, into: Path) -> None:
        """Copy what lies under a name to a path, whole or not at all; its folder is made.

        Raises:
            FileNotFoundError: there is no such name.
        """

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, sorted."""

    def drop(self, name: str) -> None:
        """Remove what lies under a name; nothing where there is no such name."""


def open_locker(place: str) -> Locker:
    """Return the locker of a folder, or of ``s3://BUCKET/PREFIX``; nothing is contacted yet.

    Raises:
        UserError: a locker of another kind, or the library for S3 is missing.
    """
    if place.startswith("s3://"):
        from rnnsweep.lockers.bucket import BucketLocker

        return BucketLocker(place)
    path = Path(place)
    if "://" in place or not path.is_absolute():
        raise UserError(f"locker={place!r}: must be the absolute path of a folder, or s3://BUCKET/PREFIX")
    from rnnsweep.lockers.folder import FolderLocker

    return FolderLocker(path)


def try_locker(place: str) -> float:
    """Put, list, get and drop one small file; return the seconds that it took.

    Raises:
        UserError: the locker cannot be reached, refuses, or loses files.
    """
    locker, name, content = open_locker(place), f"rnnsweep-probe/{os.urandom(6).hex()}/file", os.urandom(1024)
    with tempfile.TemporaryDirectory(prefix="rnnsweep-locker-") as folder:
        there, back = Path(folder) / "there", Path(folder) / "back"
        there.write_bytes(content)
        began = time.monotonic()
        locker.put(name, there)
        is_listed = name in locker.names("rnnsweep-probe/")
        try:
            locker.get(name, back)
        except FileNotFoundError:
            raise UserError(f"locker {place}: a file that was put is not there", remedy=_OTHER) from None
        locker.drop(name)
        took = time.monotonic() - began
        is_same = back.read_bytes() == content
    if not (is_same and is_listed):
        fault = "another one when it comes back" if is_listed else "not listed"
        raise UserError(f"locker {place}: a file that was put is {fault}", remedy=_OTHER)
    return took
