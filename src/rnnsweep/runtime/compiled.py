"""Loops over arrays compiled to machine code at first use; `kept_code` keeps it for the next process.

Numba brings its own compiler (LLVM) along: no C compiler is needed. Where Numba is missing or switched off
(``NUMBA_DISABLE_JIT=1``) callers take their plain PyTorch path, which computes the same.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# the working directory may hold a .numba_config.yaml of somebody else: its cache_dir would be a folder of
# pickles, its cache_locator_classes code. A variable of the environment, an empty one too, comes before it.
for _name in ("NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES"):
    os.environ.setdefault(_name, "")

try:
    import numba
    from numba.core.sigutils import normalize_signature
    from numba.extending import overload

    from rnnsweep.runtime.kept_code import DAMAGED, KeptCode

    AVAILABLE = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
except ImportError:
    AVAILABLE = False

_MADE: list[Any] = []  # the functions that are compiled at first use

# a product and a sum may be rounded once instead of twice; nothing else of floating point is relaxed
_SETTINGS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "no_cfunc_wrapper": True,
}


# no code by which Python or C calls what only compiled functions call
_INSIDE: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True}


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers for the types that it is called with."""
    if not AVAILABLE:
        return function
    made: Any = numba.njit(**_SETTINGS)(function)
    with suppress(RuntimeError):  # neither the package's folder nor the user's cache can be written
        made._cache = KeptCode(function)  # type: ignore[no-untyped-call]
        _MADE.append(made)
    return made  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Compile a function of arrays into each function that calls it, whatever its size.

    For what is done to every row: handing some arrays over takes as long as the work on thirty numbers.
    """
    if not AVAILABLE:
        return function
    made: Any = numba.njit(**_SETTINGS, **_INSIDE)(function)
    return made  # type: ignore[no-any-return]


@inlined
def copy_row(values_x: Any, into_x: Any) -> None:
    """Copy a row into another; what assigns arrays to slices takes ten times as long to compile."""
    for j in range(len(values_x)):
        into_x[j] = values_x[j]


def load_tables() -> None:
    """Let Numba load what it knows of Python and NumPy: a fifth of a second, or its first function takes it.

    Processes that are forked later have it.
    """
    if AVAILABLE:
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


def keeps(function: Any) -> bool:
    """Return whether what a function is compiled to is kept on disk."""
    return AVAILABLE and isinstance(function._cache, KeptCode)


def kept_in(function: Any, signature: str) -> Path | None:
    """Return the file that lists the machine code of a function for some types; None where none is kept."""
    is_kept = keeps(function) and _types(signature) in function._cache.kept(function.targetctx)
    return function._cache.index if is_kept else None


def keep_code(function: Any, signature: str, *, wait: bool) -> None:
    """Compile a function that is kept on disk, for some types, unless that is there.

    Args:
        function: as `compiled` made it.
        signature: types of the arguments in Numba's notation.
        wait: for another process that compiles it; else leave the work to that.
    """
    with function._cache.turn(wait=wait) as ours:
        if ours and kept_in(function, signature) is None:
            function.compile(_types(signature))


def _types(signature: str) -> Any:
    return normalize_signature(signature)[0]  # type: ignore[no-untyped-call]


def load_kept() -> None:
    """Load the machine code that is on disk, of the functions whose modules are imported; compile nothing.

    Processes that are forked later have it: each of their trainings would spend two fifths of a second on it
    and on what `load_tables` loads.
    """
    load_tables()
    for function in _MADE:
        with suppress(*DAMAGED):  # `load_overload` writes the files anew where the function is needed
            for signature in function._cache.kept(function.targetctx):
                function.compile(signature)


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
