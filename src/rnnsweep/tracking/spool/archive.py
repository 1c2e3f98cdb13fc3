"""What runs recorded, kept after it was sent: the store can be made again from it.

``mlruns/records/KEY/`` holds a compressed copy of each spool that was sent whole, ``TIME-ID.jsonl.gz``, in
the order of their times, and in ``files/`` the artifacts that they name.
"""

import fcntl
import gzip
import io
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnsweep.files import PRIVATE_FOLDER, open_own, own_folder, read_own, write_whole
from rnnsweep.tracking.spool.spool import KEY, Record, belongs, check_key, parse_line, spool_folder

RECORDS = "records"
LEAST, RATIO = 64 << 20, 200  # bytes that every record may unpack to, and times its size
_PART = re.compile(r"\d{15}-[0-9a-f]{1,32}\.jsonl\.gz")


def keep_if_sent(mlruns: Path, key: str, *, offset: int) -> bool:
    """Move a spool of which `offset` bytes were sent, and its files, to the records, unless a writer went on.

    Killed in between, it does the rest when it is called again.

    Returns:
        whether the spool is gone.
    """
    path = spool_folder(mlruns) / f"{check_key(key)}.jsonl"
    try:
        descriptor = open_own(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_size != offset:
            return False
        content = os.pread(descriptor, offset, 0)
        folder = own_folder(mlruns, RECORDS, key, make=True, mode=PRIVATE_FOLDER)
        write_whole(folder / _name_of(content), gzip.compress(content, compresslevel=6, mtime=0))
        _move_files(path.with_suffix(".files"), own_folder(mlruns, RECORDS, key, "files"))
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _name_of(content: bytes) -> str:
    """Name a spool after the time of its first record and its identity, so that names sort by time."""
    first = parse_line(content.partition(b"\n")[0])
    identity = "".join(c for c in str(first.get("id", "")) if c in "0123456789abcdef")[:32] or "0"
    times = (parse_line(line).get("time") for line in content.splitlines())
    time = next((time for time in times if isinstance(time, int)), 0)
    return f"{time:015d}-{identity}.jsonl.gz"


def _move_files(source: Path, target: Path) -> None:
    """Move each staged file; those of one name are the same file."""
    if not source.is_dir():
        return
    target.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for staged in sorted(source.iterdir()):
        shutil.rmtree(target / staged.name, ignore_errors=True)
        staged.replace(target / staged.name)
    shutil.rmtree(source, ignore_errors=True)


def recorded_keys(mlruns: Path) -> list[str]:
    """List the keys of runs that have records, oldest first, so that a parent comes before its children."""
    folder = own_folder(mlruns, RECORDS)
    parts = {path.name: _parts(path) for path in folder.iterdir()} if folder.is_dir() else {}
    return sorted((key for key in parts if KEY.fullmatch(key) and parts[key]), key=lambda k: parts[k][0].name)


def read_records(mlruns: Path, key: str) -> Iterator[Record]:
    """Yield every record of a run that was sent, each once; what does not read is left out."""
    parts = _parts(records_folder(mlruns, key))
    return each_once(record for path in parts for record in _read_part(path))


def each_once(records: Iterable[Record]) -> Iterator[Record]:
    """Leave out what follows the identity of a spool that was there before."""
    identities: set[str] = set()
    fresh = True
    for record in records:
        if record["op"] == "file":
            identity = str(record.get("id"))
            fresh = identity not in identities
            identities.add(identity)
        if fresh:
            yield record


def return_files(mlruns: Path, key: str) -> None:
    """Put the files of a run back beside its spool, to be sent again."""
    files = own_folder(mlruns, RECORDS, check_key(key), "files")
    _move_files(files, spool_folder(mlruns) / f"{key}.files")


def records_folder(mlruns: Path, key: str) -> Path:
    """Return the folder of a run's records, which need not be there."""
    return own_folder(mlruns, RECORDS, check_key(key))


def record_folders(mlruns: Path, parent: str) -> list[Path]:
    """List the folders of the records of a run and of those under it, whose keys begin with its key."""
    folder = own_folder(mlruns, RECORDS)
    names = os.listdir(folder) if folder.is_dir() else []
    return [folder / name for name in names if belongs(name, parent)]


def forget_records(mlruns: Path, key: str) -> None:
    """Remove the records of a run whose spool holds them all."""
    shutil.rmtree(records_folder(mlruns, key), ignore_errors=True)


def _parts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.gz") if _PART.fullmatch(path.name))


def _read_part(path: Path) -> Iterator[Record]:
    try:
        content = _unpacked(read_own(path))
    except (OSError, EOFError, zlib.error):
        return
    yield from (record for record in map(parse_line, content.splitlines()) if record["op"] != "torn")


def _unpacked(packed: bytes) -> bytes:
    """Unpack a record, unless it stands for far more than lines of a run come to.

    Raises:
        EOFError: it does.
    """
    most = max(LEAST, RATIO * len(packed))
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise EOFError(f"more than {most} bytes")
    return content
