"""Loops over arrays compiled to machine code at first use, kept on disk for the next process.

Numba brings its own compiler (LLVM) along: no C compiler is needed. Where Numba is missing or switched off
(``NUMBA_DISABLE_JIT=1``) callers take their plain PyTorch path, which computes the same.
"""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba
    from numba.extending import overload

    AVAILABLE = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
except ImportError:
    AVAILABLE = False

# a product and a sum may be rounded once instead of twice; nothing else of floating point is relaxed
_FAST = {"contract"}


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers for the types that it is called with.

    The compiled code on disk is renewed when the function's own module changes, not when another one does.
    """
    if not AVAILABLE:
        return function
    try:
        return _compile(function, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return _compile(function, cache=False)


def _compile(function: F, *, cache: bool) -> F:
    wrap: Any = numba.njit(cache=cache, nogil=True, error_model="numpy", fastmath=_FAST)
    return wrap(function)  # type: ignore[no-any-return]


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
    """Add each row to that of its place, `padding` left out: what looking rows up is backwards."""
    for n in range(len(places_N)):
        if places_N[n] != padding:
            row_D, into_D = rows_ND[n], into_UD[places_N[n]]
            for d in range(len(row_D)):
                into_D[d] += row_D[d]
