"""Every change of a folder while something runs, one after the other: a test can go on from any of them.

A profile function examines the folder after each call into C that may have changed a file: writes, renames,
removals, truncations, fsyncs, and what SQLite does. What is different from the time before is one change. The
folder as it was after the first n changes is what a machine that stopped there leaves; with the last change
*torn*, it holds half of what the change wrote.
"""

import io
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

CALLS = [
    "write",
    "writelines",
    "writev",
    "pwrite",
    "flush",
    "close",
    "__exit__",
    "open",
    "sendfile",
    "posix_fallocate",
    "fsync",
    "fdatasync",
    "truncate",
    "ftruncate",
    "replace",
    "rename",
    "unlink",
    "remove",
    "link",
    "symlink",
    "mkdir",
    "rmdir",
    "commit",
    "rollback",
    "execute",
    "executemany",
]
DATABASE = "mlflow.db"
LEFT_OUT = ("-shm",)  # SQLite makes it anew


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Content = bytes | Link | None  # of a file; None: a folder
State = dict[str, Content]


@dataclass(frozen=True)
class Change:
    """What one call changed: path -> its content afterwards, or nothing where it went."""

    call: str
    before: State
    after: State

    @property
    def tears(self) -> bool:
        """Whether it wrote something that can be there by half: a rename or a removal cannot."""
        return any(self._is_write(path) for path in self.after)

    def torn(self) -> State:
        """What is there where the machine stopped in the middle of it."""
        return {path: self._half(path) if self._is_write(path) else c for path, c in self.after.items()}

    def _is_write(self, path: str) -> bool:
        content = self.after[path]
        moved = content in [c for p, c in self.before.items() if p not in self.after]
        return isinstance(content, bytes) and bool(content) and not moved

    def _half(self, path: str) -> Content:
        new, old = self.after[path], self.before.get(path)
        assert isinstance(new, bytes)
        old = old if isinstance(old, bytes) else b""
        if new.startswith(old):
            return new[: len(old) + (len(new) - len(old)) // 2]
        return new[: len(new) // 2] + old[len(new) // 2 :]  # written over


@dataclass
class Changes:
    """The changes of one folder, in their order."""

    every: list[Change] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)  # of those that changed nothing too, as fsync

    def state(self, count: int, *, torn: bool = False) -> State:
        """Return the folder after `count` changes; with `torn`, half of the next one is there too."""
        state: State = {}
        for change in self.every[:count]:
            _apply(state, change.before, change.after)
        if torn:
            # a call writes before it removes: SQLite drops its log once the database is synced
            state.update(self.every[count].torn())
        return state


def _apply(state: State, before: State, after: State) -> None:
    for path in before:
        if path not in after:
            state.pop(path, None)
    state.update(after)


def restore(state: State, folder: Path) -> None:
    """Make a folder hold exactly this."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, content in sorted(state.items()):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir(exist_ok=True)
        elif isinstance(content, Link):
            place.symlink_to(content.target)
        else:
            place.write_bytes(content)


@contextmanager
def recorded(folder: Path) -> Iterator[Changes]:
    """Record the changes of a folder within a block, in all threads that are started in it."""
    changes, recorder = Changes(), _Recorder(folder)
    recorder.changes = changes
    threading.setprofile(recorder.profile)
    sys.setprofile(recorder.profile)
    try:
        yield changes
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        recorder.look("the end")


class _Recorder:
    """Looks at a folder after calls and notes what is different."""

    changes: Changes

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._stats: dict[str, tuple[int, ...]] = {}
        self._state: State = {}
        self._lock = threading.Lock()
        self._looking = threading.local()

    def profile(self, frame: object, event: str, function: Callable[..., object]) -> None:
        if event not in ("c_return", "c_exception") or function.__name__ not in CALLS:
            return
        if getattr(self._looking, "now", False):
            return
        whose = getattr(function, "__self__", None)
        of_sqlite = type(whose).__module__ == "sqlite3"
        if not (of_sqlite or isinstance(whose, ModuleType) or self._is_own(whose)):
            return  # of a lock, a socket, a string in memory
        self._looking.now = True
        try:
            self.look(function.__name__, of_sqlite=of_sqlite)
        finally:
            self._looking.now = False

    def _is_own(self, whose: object) -> bool:
        """Return whether a file object is one of the folder's; one that only has a number may be."""
        if not isinstance(whose, io.IOBase):
            return False
        name = getattr(whose, "name", None)
        return isinstance(name, int) or str(name).startswith(self._folder)

    def look(self, call: str, *, of_sqlite: bool = False) -> None:
        """Note what has changed since the last look; SQLite writes to its own files alone."""
        with self._lock:
            self.changes.calls[call] += 1
            stats = dict(self._databases() if of_sqlite else self._scan(self._folder))
            known = [path for path in self._stats if not of_sqlite or path.startswith(DATABASE)]
            before: State = {path: self._forget(path) for path in known if path not in stats}
            after: State = {}
            for path, stat in stats.items():
                if stat == self._stats.get(path) and not (of_sqlite and call == "commit"):
                    continue
                try:
                    content = self._read(path)
                except FileNotFoundError:  # another thread renamed it since the scan: the next look sees that
                    continue
                self._stats[path] = stat
                if path in self._state and self._state[path] == content:
                    continue
                if path in self._state:
                    before[path] = self._state[path]
                self._state[path] = after[path] = content
            if before or after:
                self.changes.every.append(Change(call, before, after))

    def _forget(self, path: str) -> Content:
        del self._stats[path]
        return self._state.pop(path)

    def _databases(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for ending in ("", "-wal"):
            with suppress(FileNotFoundError):
                yield DATABASE + ending, _stat(os.stat(os.path.join(self._folder, DATABASE + ending)))

    def _scan(self, folder: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        for entry in entries:
            path = os.path.relpath(entry.path, self._folder)
            if path.endswith(LEFT_OUT):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield path, ()
                yield from self._scan(entry.path)
            else:
                with suppress(FileNotFoundError):
                    yield path, _stat(entry.stat(follow_symlinks=False))

    def _read(self, path: str) -> Content:
        place = os.path.join(self._folder, path)
        if os.path.islink(place):
            return Link(os.readlink(place))
        if os.path.isdir(place):
            return None
        with open(place, "rb") as file:
            return file.read()


def _stat(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
