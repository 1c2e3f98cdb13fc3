"""Where the machine code of compiled functions is kept on disk, and which process compiles what.

What is kept bears in its file's name a digest of all code of this package that the function can see: after
an update nothing old is run, even where a process was killed while it wrote. A function is compiled by one
process at a time; those that wait find its work on disk, and other functions are compiled meanwhile.
"""

import hashlib
import logging
import os
import pickle
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache

try:
    import fcntl
except ImportError:  # Windows: two processes may compile the same at once; the later one's file stays
    fcntl = None  # type: ignore[assignment]

_LOG = logging.getLogger(__name__)
_PATIENCE = 120.0  # seconds to wait for another process's compiler; then two compile the same
_LOCK = "rnnsweep-compiling.lock"

# what unpickling a damaged file raises; `pickle` names these, its opcodes the rest
DAMAGED = (
    OSError,
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)


def code_seen(module: str) -> list[Path]:
    """List the files of a module and of what it takes from its package's others, and they from theirs."""
    package, seen, waiting = module.partition(".")[0], set[str](), [module]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        values = vars(sys.modules[name]).values() if name in sys.modules else ()
        homes = {getattr(value, "__module__", None) or "" for value in values}
        waiting += [home for home in homes - seen if home.partition(".")[0] == package]
    files = (getattr(sys.modules.get(name), "__file__", None) for name in seen)
    return sorted({Path(file) for file in files if file is not None})


@cache
def _digest(module: str) -> str:
    digest = hashlib.sha256()
    for file in code_seen(module):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class _Files(CompileResultCacheImpl):
    """Numba's files, named after the digest instead of the function's line."""

    def __init__(self, function: Any) -> None:
        self._digest = _digest(function.__module__ or "")  # a function that was typed in has no module
        super().__init__(function)  # type: ignore[no-untyped-call]

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        version = f"py{sys.version_info[0]}{sys.version_info[1]}{abiflags}"
        return f"{fullname}-{self._digest}.{version}".replace("<", "").replace(">", "")


class KeptCode(FunctionCache):
    """Numba's cache, with one process at a time that compiles a function; Numba's own lock keeps the threads
    of a process apart."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        overload = self._load(sig, target_context)
        if overload is None:
            _say_once()
            self._take_turn(_PATIENCE)
            overload = self._load(sig, target_context)
            if overload is not None:
                self._end_turn()
        return overload

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except DAMAGED:
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]  # an index of nothing: it is compiled anew

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
            self._remove_older()
        finally:
            self._end_turn()

    def kept(self, target_context: Any) -> list[Any]:
        """List the types of arguments whose machine code for this processor is on disk."""
        codegen, file = target_context.codegen(), self._cache_file
        try:
            index = file._load_index()  # type: ignore[no-untyped-call]
        except DAMAGED:  # `load_overload` writes the files anew where the function is needed
            return []
        mine = {key[0]: name for key, name in index.items() if key == self._index_key(key[0], codegen)}  # type: ignore[no-untyped-call]
        return [types for types, name in mine.items() if Path(file._data_path(name)).exists()]  # type: ignore[no-untyped-call]

    @property
    def index(self) -> Path:
        """The file that lists what the function was compiled to."""
        return Path(self._cache_file._index_path)

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[bool]:
        """Take the right to compile the function; yield whether it is ours, as it is if no other has it."""
        ours = self._take_turn(_PATIENCE if wait else 0)
        try:
            yield ours
        finally:
            if ours:
                self._end_turn()

    def _take_turn(self, patience: float) -> bool:
        return _TURNS.take(Path(self.cache_path), self._impl.filename_base, patience)

    def _end_turn(self) -> None:
        _TURNS.give_back(Path(self.cache_path), self._impl.filename_base)

    def _remove_older(self) -> None:
        """Remove what this function was compiled to before an update, for this version of Python."""
        name = self._impl.filename_base
        function, _, own = name.rpartition("-")
        for file in Path(self.cache_path).glob(f"{function}-*.{own.partition('.')[2]}.*nb[ci]"):
            if not file.name.startswith(f"{name}."):
                file.unlink(missing_ok=True)


class _Turns:
    """The right to compile a function, which one process has: a byte of one file in its folder is locked."""

    def __init__(self) -> None:
        self._depths: Counter[tuple[Path, str]] = Counter()
        # kept open: a process that closes any of its handles of a file loses all locks on it
        self._files: dict[Path, int] = {}

    def take(self, folder: Path, name: str, patience: float) -> bool:
        """Wait for the right at most so many seconds; return whether it is ours now."""
        ends = time.monotonic() + patience
        if not self._depths[folder, name]:
            while not self._lock(folder, name):
                if time.monotonic() >= ends:
                    return False
                time.sleep(0.01)
        self._depths[folder, name] += 1
        return True

    def give_back(self, folder: Path, name: str) -> None:
        """Give the right back, if it is ours."""
        if self._depths[folder, name]:
            self._depths[folder, name] -= 1
            if not self._depths[folder, name] and folder in self._files:
                with suppress(OSError):
                    fcntl.lockf(self._files[folder], fcntl.LOCK_UN, 1, _place(name))

    def _lock(self, folder: Path, name: str) -> bool:
        """Return whether the right is ours, as it is where the file system has no locks."""
        if fcntl is None:
            return True
        try:
            if folder not in self._files:
                self._files[folder] = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.lockf(self._files[folder], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(name))
        except (BlockingIOError, PermissionError):  # POSIX allows either; a file of others is none to lock
            return folder not in self._files
        except OSError:
            return True
        return True


def _place(name: str) -> int:
    return zlib.crc32(name.encode())


@cache
def _say_once() -> None:
    begin = "\r\x1b[K" if sys.stderr.isatty() else ""  # a terminal may show a status on this line
    long = "once after an install or update, some seconds"
    _LOG.warning("%scompiling loops for this processor: %s", begin, long)


_TURNS = _Turns()
