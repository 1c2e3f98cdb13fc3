"""Loops over arrays compiled to machine code at first use, kept on disk for the next process.

What is kept bears in its file's name a digest of all code of this package that the function can see: after
an update nothing old is run, even where a process was killed while it wrote. One process compiles at a time;
those that wait find its work on disk.

Numba brings its own compiler (LLVM) along: no C compiler is needed. Where Numba is missing or switched off
(``NUMBA_DISABLE_JIT=1``) callers take their plain PyTorch path, which computes the same.
"""

import hashlib
import logging
import os
import pickle
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    import fcntl
except ImportError:  # Windows: two processes may compile the same at once; the later one's file stays
    fcntl = None  # type: ignore[assignment]

# the working directory may hold a .numba_config.yaml of somebody else: its cache_dir would be a folder of
# pickles, its cache_locator_classes code. A variable of the environment, an empty one too, comes before it.
for _name in ("NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES"):
    os.environ.setdefault(_name, "")

try:
    import numba
    from numba.core.caching import CompileResultCacheImpl, FunctionCache
    from numba.extending import overload

    AVAILABLE = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
except ImportError:
    AVAILABLE = False
    CompileResultCacheImpl = FunctionCache = object  # type: ignore[misc, assignment]

_LOG = logging.getLogger(__name__)
_PATIENCE = 120.0  # seconds to wait for another process's compiler; then two compile the same

# what unpickling a damaged file raises; `pickle` names these, its opcodes the rest
_DAMAGED = (
    OSError,
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)

_MADE: list[Any] = []  # the functions that are compiled at first use

# a product and a sum may be rounded once instead of twice; nothing else of floating point is relaxed
_FAST = {"contract"}


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers for the types that it is called with."""
    if not AVAILABLE:
        return function
    made: Any = numba.njit(nogil=True, error_model="numpy", fastmath=_FAST)(function)
    with suppress(RuntimeError):  # neither the package's folder nor the user's cache can be written
        made._cache = _Cache(function)  # type: ignore[no-untyped-call]
        _MADE.append(made)
    return made  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Compile a function of arrays into each function that calls it, whatever its size.

    For what is done to every row: handing some arrays over takes as long as the work on thirty numbers.
    """
    if not AVAILABLE:
        return function
    made: Any = numba.njit(nogil=True, error_model="numpy", fastmath=_FAST, forceinline=True)(function)
    return made  # type: ignore[no-any-return]


def load_tables() -> None:
    """Let Numba load what it knows of Python and NumPy: a fifth of a second, or its first function takes it.

    Processes that are forked later have it.
    """
    if AVAILABLE:
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


def load_kept() -> None:
    """Load the machine code that is on disk, of the functions whose modules are imported; compile nothing.

    Processes that are forked later have it: each of their trainings would spend a fifth of a second on it.
    """
    for function in _MADE:
        with suppress(*_DAMAGED):  # `load_overload` writes the files anew where the function is needed
            for signature in function._cache.kept(function.targetctx):
                function.compile(signature)


def ahead_mark() -> Path | None:
    """Return the file that says what was compiled ahead, for this processor; None where nothing is kept."""
    if not _own():
        return None
    processor = _own()[0].targetctx.codegen().magic_tuple()[1]
    folder = Path(_own()[0]._cache.cache_path)
    return folder / f"rnnsweep-ahead.{processor}.py{sys.version_info[0]}{sys.version_info[1]}"


def write_ahead_mark(mark: Path) -> None:
    """Write that what the loops of the imported modules were compiled to is all that is needed."""
    mark.write_text("\n".join([_state(), *map(str, filter(Path.exists, _indexes()))]), encoding="utf-8")


def is_ahead(mark: Path) -> bool:
    """Return whether the mark is of today's code, and all that it names is there."""
    with suppress(OSError, ValueError):
        state, *files = mark.read_text(encoding="utf-8").splitlines()
        return state == _state() and all(Path(file).exists() for file in files)
    return False


def _own() -> list[Any]:
    package = __name__.partition(".")[0]
    return [one for one in _MADE if (one.py_func.__module__ or "").partition(".")[0] == package]


def _indexes() -> list[Path]:
    return [Path(one._cache.cache_path) / one._cache._cache_file._index_name for one in _own()]


def _state() -> str:
    """Return a digest of the code of all loops, of Numba's version and of what it compiles for."""
    modules = sorted({one.py_func.__module__ for one in _own()})
    seen = [*map(_digest, modules), numba.__version__, repr(_own()[0].targetctx.codegen().magic_tuple())]
    return hashlib.sha256(" ".join(seen).encode()).hexdigest()


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


class _Cache(FunctionCache):
    """Numba's cache, with one process at a time that compiles what is not there; Numba's own lock keeps the
    threads of a process apart."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        overload = self._load(sig, target_context)
        if overload is None:
            _TURN.take(Path(self.cache_path))
            overload = self._load(sig, target_context)
            if overload is not None:
                _TURN.give_back()
        return overload

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except _DAMAGED:
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]  # an index of nothing: it is compiled anew

    def kept(self, target_context: Any) -> list[Any]:
        """List the types of arguments whose machine code for this processor is on disk."""
        codegen = target_context.codegen()
        index = self._cache_file._load_index()  # type: ignore[no-untyped-call]
        return [key[0] for key in index if key == self._index_key(key[0], codegen)]  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
            self._remove_older()
        finally:
            _TURN.give_back()

    def _remove_older(self) -> None:
        """Remove what this function was compiled to before an update, for this version of Python."""
        name = self._impl.filename_base
        function, _, own = name.rpartition("-")
        for file in Path(self.cache_path).glob(f"{function}-*.{own.partition('.')[2]}.*nb[ci]"):
            if not file.name.startswith(f"{name}."):
                file.unlink(missing_ok=True)


class _Turn:
    """The right to compile, which one process has; a function that another one needs is compiled within."""

    def __init__(self) -> None:
        self._depth, self._said = 0, False
        self._file: IO[str] | None = None

    def take(self, folder: Path) -> None:
        self._depth += 1
        if not self._said:
            self._said = True
            begin = "\r\x1b[K" if sys.stderr.isatty() else ""  # a terminal may show a status on this line
            long = "once after an install or update, up to half a minute"
            _LOG.warning("%scompiling loops for this processor: %s", begin, long)
        if self._depth == 1 and fcntl is not None:
            self._wait(folder)

    def give_back(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            self._file.close()
            self._file = None

    def _wait(self, folder: Path) -> None:
        ends = time.monotonic() + _PATIENCE
        with suppress(OSError):  # a file system without locks, or a folder that others own
            self._file = (folder / "rnnsweep-compiling.lock").open("w")
            while time.monotonic() < ends and not _locked(self._file):
                time.sleep(0.05)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_TURN = _Turn()


def in_single_precision(of_double: Callable[..., Any]) -> Callable[[F], F]:
    """Compile the decorated function in place of `of_double` where that is called with single precision."""

    def decorate(of_single: F) -> F:
        if AVAILABLE:
            _by_precision(of_double, of_single)
        return of_single

    return decorate


def _by_precision(of_double: Callable[..., Any], of_single: Callable[..., Any]) -> None:
    def choose(x: Any) -> Callable[..., Any]:
        return of_single if x == numba.types.float32 else of_double

    overload(of_double)(choose)


@compiled
def add_rows(places_N: Any, rows_ND: Any, padding: int, into_UD: Any) -> None:
    """Add each row to that of its place: the gradient of looking rows up.

    Args:
        places_N: row of `into_UD` of each row.
        rows_ND: what is added.
        padding: the place that is left out.
        into_UD: is added to.
    """
    for n in range(len(places_N)):
        if places_N[n] != padding:
            row_D, into_D = rows_ND[n], into_UD[places_N[n]]
            for d in range(len(row_D)):
                into_D[d] += row_D[d]
