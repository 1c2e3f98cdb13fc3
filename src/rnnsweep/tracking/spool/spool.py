"""One run's append-only file on its way to the store.

``mlruns/spool/KEY.jsonl`` holds whole lines of JSON, ``KEY.files/`` the artifacts that they name, and
``notes/KEY.json`` how far the store has them. A writer appends under a file lock that costs microseconds;
the shipper takes the same lock only to remove a file that it has sent whole.
"""

import fcntl
import json
import os
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rnnsweep.errors import UserError
from rnnsweep.files import PRIVATE_FOLDER, open_own, own_folder
from rnnsweep.json_text import parse_json

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@=-]{0,149}")
CHUNK = 1 << 20  # bytes read at once: about ten thousand points
RETRY = 0.5  # seconds between tries to write on a full disk
# seconds that a point may wait in memory for those after it: what a killed process may lose of its points
HOLD = 0.1
_in_one_line = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one a call

Record = dict[str, Any]


class Stamp(NamedTuple):
    """One state of a spool file."""

    inode: int
    size: int
    changed_ns: int


def check_key(key: str) -> str:
    """Return the key back if it can be a file's name and nothing else.

    Raises:
        UserError: a key with a separator, a leading dot, or more than 150 characters.
    """
    if not KEY.fullmatch(key):
        raise UserError(f"{key[:100]!r} is no key of a run: letters, digits and _.@=- only")
    return key


def belongs(key: str, parent: str) -> bool:
    """Return whether a key is that of a run, or of one under it, as of a trial under its sweep."""
    return key == parent or key.startswith(f"{parent}.")


def spool_folder(mlruns: Path) -> Path:
    """Return the folder of the spools, made if it is not there."""
    mlruns.mkdir(parents=True, exist_ok=True)
    # what waits here may name people and folders
    folder = own_folder(mlruns, "spool", make=True, mode=PRIVATE_FOLDER)
    if folder.stat().st_mode & 0o077:  # made by an earlier version
        with suppress(PermissionError):  # a folder that a group shares is another's to close
            folder.chmod(0o700)
    own_folder(folder, "notes", make=True)
    return folder


def spooled_keys(mlruns: Path) -> list[str]:
    """List the keys that have a spool file, oldest first, so that a parent comes before its children."""
    return list(stamps(mlruns))


def stamps(mlruns: Path) -> dict[str, Stamp]:
    """Return the state of each spool file by its key, oldest first; an append changes it."""
    folder = own_folder(mlruns, "spool")
    if not folder.is_dir():
        return {}
    states = {path.stem: _stamp(path) for path in folder.glob("*.jsonl") if _is_spool(path)}
    return dict(sorted(states.items(), key=lambda each: (each[1].changed_ns, each[0])))


def _is_spool(path: Path) -> bool:
    return bool(KEY.fullmatch(path.stem)) and path.is_file() and not path.is_symlink()


def _stamp(path: Path) -> Stamp:
    try:
        state = path.stat()
    except FileNotFoundError:  # shipped and removed since it was listed
        return Stamp(0, 0, 0)
    return Stamp(state.st_ino, state.st_size, state.st_mtime_ns)


class SpoolWriter:
    """Append whole lines to one spool; hold them in memory while the disk is full."""

    def __init__(self, mlruns: Path, key: str) -> None:
        self.path = spool_folder(mlruns) / f"{check_key(key)}.jsonl"
        self._unwritten: list[bytes] = []
        self._next_try = 0.0
        self._fd: int | None = None
        self._end = -1  # of the file after our last write: where it is still there, nobody else has written
        self._lock = threading.RLock()
        self._held: deque[Mapping[str, Any]] = deque()  # taken and not yet made a line
        self._wrote = 0.0
        self._has_thread = False

    def append(self, *records: Mapping[str, Any]) -> None:
        """Write lines and those held, or keep them for the next call where the disk refuses them."""
        self._held.extend(records)
        with self._lock:
            self._take_held()
            if time.monotonic() >= self._next_try:
                self._try()

    def hold(self, record: Mapping[str, Any]) -> None:
        """Write one line within `HOLD` seconds: now, or together with others, beside the caller.

        In a step of a training, whose arithmetic fills the caches, a write of its own costs ten times what it
        costs elsewhere.
        """
        if time.monotonic() - self._wrote > HOLD:
            self.append(record)
            return
        self._held.append(record)  # before the look at the thread, which looks here before it ends
        if not self._has_thread:
            self._start_thread()

    def _start_thread(self) -> None:
        with self._lock:
            if self._has_thread:
                return
            try:
                # no daemon: what is held when the interpreter ends is still written
                threading.Thread(target=self._write_held, name="spool").start()
                self._has_thread = True
            except RuntimeError:  # the interpreter is ending
                self.flush()

    def _write_held(self) -> None:
        """Write what is held until nothing was for a while."""
        while True:
            time.sleep(HOLD)
            with self._lock:
                if not self._held:
                    self._has_thread = False
                    return
                self.flush()

    def _take_held(self) -> None:
        """Make lines of what is held, in their order."""
        while self._held:
            self._unwritten.append(_in_one_line(self._held.popleft()).encode() + b"\n")

    def flush(self, deadline_s: float = 0.0) -> int:
        """Write what is held, trying for `deadline_s` seconds; give the number of lines still held."""
        end = time.monotonic() + deadline_s
        with self._lock:
            self._take_held()
            while not self._try() and time.monotonic() < end:
                time.sleep(min(0.1, deadline_s))
            return len(self._unwritten)

    def close(self) -> None:
        """Let the file go; the next append opens it again."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def __del__(self) -> None:
        """Let the file go with the writer."""
        if getattr(self, "_fd", None) is not None:
            self.close()

    def _try(self) -> bool:
        if not self._unwritten:
            return True
        try:
            fd, size = self._locked()
            try:
                self._write(fd, size)
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError:  # disk full, folder gone, file too large: training continues
            self._next_try = time.monotonic() + RETRY
        return not self._unwritten

    def _write(self, fd: int, size: int) -> None:
        start = b"" if size == self._end else self._start_of_line(fd, size)
        data = start + b"".join(self._unwritten)
        try:
            written = os.write(fd, data)
        except OSError:
            os.ftruncate(fd, size)
            raise
        if written == len(data):
            self._unwritten.clear()
            self._end, self._wrote = size + written, time.monotonic()
            return
        # a full disk takes a part: keep what is whole, take back the torn rest
        whole = data[:written].rfind(b"\n") + 1
        os.ftruncate(fd, size + whole)
        self._unwritten = [data[whole:]] if whole else self._unwritten
        raise OSError(f"{self.path} took {written} of {len(data)} bytes")

    def _start_of_line(self, fd: int, size: int) -> bytes:
        """Open a new file with its identity, and close the line that a dead writer left torn."""
        if size == 0:
            return json.dumps({"op": "file", "id": uuid.uuid4().hex}).encode() + b"\n"
        return b"" if os.pread(fd, 1, size - 1) == b"\n" else b"\n"

    def _locked(self) -> tuple[int, int]:
        """Open and lock the file; give it and its size."""
        while True:
            if self._fd is None:
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
                self._fd, self._end = open_own(self.path, flags), -1
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            opened = os.fstat(self._fd)
            if opened.st_nlink:
                return self._fd, opened.st_size
            self.close()  # shipped whole and removed: go on in a new file


def read_spool(path: Path, *, start: int = 0) -> tuple[list[Record], int]:
    """Read the whole lines of about a megabyte from byte `start`; give them and where the next begins.

    A line that is no JSON object comes as ``{"op": "torn"}``: what a writer left that died in mid-line.
    """
    size = CHUNK
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        while True:
            file.seek(start)
            data = file.read(size)
            end = data.rfind(b"\n") + 1
            if end or len(data) < size:
                break
            size *= 2  # one line longer than the chunk
    return [parse_line(line) for line in data[:end].splitlines() if line], start + end


def identity_of(spool: Path) -> str:
    """Read who a spool file is: one that was sent, removed and begun again is another file."""
    with os.fdopen(open_own(spool, os.O_RDONLY), "rb") as file:
        first = file.readline(200)
    try:
        return str(json.loads(first).get("id", ""))
    except (ValueError, AttributeError):
        return "?"


def read_all(path: Path) -> Iterator[Record]:
    """Yield every whole line of a spool; nothing where there is no file."""
    start = 0
    while path.exists():
        try:
            records, end = read_spool(path, start=start)
        except FileNotFoundError:
            return
        yield from records
        if end == start:
            return
        start = end


def parse_line(line: bytes) -> Record:
    """Parse a line of a spool; what is no JSON object with an `op` comes as ``{"op": "torn"}``."""
    try:
        record = parse_json(line)
    except ValueError:
        return {"op": "torn"}
    return record if isinstance(record, dict) and isinstance(record.get("op"), str) else {"op": "torn"}
