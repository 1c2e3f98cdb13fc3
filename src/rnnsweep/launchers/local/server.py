"""The fork server: a process that imported everything and did nothing, so that a trial begins at once."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from types import ModuleType
from typing import Any, TypeVar

from rnnsweep.process import environment, foreign_ranks
from rnnsweep.safety.interpreter import SAFE_PATH

Result = TypeVar("Result")


def preloads(*more: str) -> tuple[str, ...]:
    """Return the modules that the fork server imports for trials, in this order, with some more."""
    first, last = "rnnsweep.launchers.local.preload_first", "rnnsweep.launchers.local.preload_last"
    return (first, "torch", "pytorch_lightning", "rnnsweep.trial.run", *more, last)


PRELOAD = preloads()
# a pool of threads does not survive a fork: none may start while the server imports
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def start_server(preload: Sequence[str] = PRELOAD) -> ForkServerContext:
    """Start this process's fork server, unless it runs; the imports go on while the caller does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    without = dict.fromkeys(foreign_ranks())  # trials inherit what the server has
    with environment({**without, **dict.fromkeys(ONE_THREAD, "1"), **SAFE_PATH}), without_main():
        forkserver.ensure_running()
    return context


def in_fresh_process(work: Callable[..., Result], *values: Any) -> Result:
    """Do something in a process as a trial gets one; what it raises is raised here."""
    with without_main(), ProcessPoolExecutor(1, mp_context=start_server()) as processes:
        return processes.submit(work, *values).result()


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the caller's main module from multiprocessing, which would import it anew in every trial.

    A script without ``if __name__ == "__main__":`` would start its sweep again there.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
