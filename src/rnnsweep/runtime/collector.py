"""What Python's garbage collector does in processes of ours: little.

PyTorch, Lightning and MLflow make a million objects while they are imported, and the collector walks over
them again and again to find that none is garbage: a fifth of the seconds of the imports, a third of an answer
of the UI, and two seconds when the process ends.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 50_000  # new objects between two walks; Python's own is 700


def collect_seldom() -> None:
    """Let the collector of this process walk seldom, and not at all when the process ends.

    What else is registered with `atexit` from here on is done before. Memory of unreachable cycles is given
    back later; it is the system's when the process ends.
    """
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])
    atexit.register(_rest)


@contextmanager
def without_collector() -> Iterator[None]:
    """Let the collector rest while many objects are made that all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _rest() -> None:
    gc.disable()
    gc.freeze()
