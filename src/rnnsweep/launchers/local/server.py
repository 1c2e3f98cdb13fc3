"""The fork server: a process that imported everything and did nothing, so that a trial begins at once."""

import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from types import ModuleType
from typing import Any, TypeVar, cast

from rnnsweep.errors import UserError
from rnnsweep.runtime.process import environment, foreign_ranks
from rnnsweep.safety.interpreter import SAFE_PATH

Result = TypeVar("Result")


def preloads(*more: str) -> tuple[str, ...]:
    """Return the modules that the fork server imports for trials, in this order, with some more."""
    first, last = "rnnsweep.launchers.local.preload_first", "rnnsweep.launchers.local.preload_last"
    # a replicate reads the test part, and the texts of its mistakes
    trial = (
        "torch",
        "pytorch_lightning",
        "rnnsweep.launchers.local.child",
        "rnnsweep.trial.run",
        "rnnsweep.training.evaluation",
        "pyarrow.parquet",
    )
    return (first, *trial, *more, last)


PRELOAD = preloads()
SOCKET_FOLDER = 70  # bytes of TMPDIR: multiprocessing adds 32 for the folder and the name of a socket
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
# a pool of threads does not survive a fork: none may start while the server imports
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def start_server(preload: Sequence[str] = PRELOAD) -> ForkServerContext:
    """Start this process's fork server, unless it runs; the imports go on while the caller does.

    Raises:
        UserError: this process may have no processes of its own, or there is no folder for sockets.
    """
    if multiprocessing.current_process().daemon:
        raise UserError(
            "a sweep starts processes, which a daemonic worker may not (multiprocessing.Pool, Celery's"
            " prefork); call it from concurrent.futures.ProcessPoolExecutor, from celery worker --pool=solo,"
            " or as the command rnnsweep sweep"
        )
    _place_sockets()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    without = dict.fromkeys(foreign_ranks())  # trials inherit what the server has
    with environment({**without, **dict.fromkeys(ONE_THREAD, "1"), **SAFE_PATH}), without_main():
        _start_tracker()
        forkserver.ensure_running()
    return context


def start_server_ahead(preload: Sequence[str] = PRELOAD) -> Callable[[], object]:
    """Start the fork server as `start_server` does; return what ends it at once, if it did not run before.

    While it imports it would hold our output open: `rnnsweep sweep x | cat` ended seconds after its refusal.
    """
    server: Any = forkserver._forkserver
    ran = server._forkserver_pid is not None

    def end() -> None:
        if not ran:
            os.kill(server._forkserver_pid, signal.SIGKILL)
            server._stop()

    start_server(preload)
    return end


def _start_tracker() -> None:
    """Start multiprocessing's tracker, which lets SIGTERM through where an agent blocks it for its trials."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _place_sockets() -> None:
    """Let multiprocessing make its folder of sockets where their addresses are short enough.

    It makes the folder once, in ``TMPDIR``, and the address of a socket has 107 bytes at most.

    Raises:
        UserError: no folder that is short enough may be written to.
    """
    named = tempfile.gettempdir()
    if len(os.fsencode(named)) <= SOCKET_FOLDER:
        return
    for folder in SHORT_FOLDERS:
        if os.access(folder, os.W_OK):
            tempfile.tempdir = folder
            try:
                multiprocessing.util.get_temp_dir()
            finally:
                tempfile.tempdir = None
            return
    raise UserError(
        f"TMPDIR={named}: has more than {SOCKET_FOLDER} bytes, more than a socket's address may have; set"
        f" TMPDIR to a shorter folder"
    )


@contextmanager
def fresh_process() -> Iterator[Callable[..., Any]]:
    """Yield what calls functions in one process as a trial gets one; what they raise is raised here."""
    with without_main(), ProcessPoolExecutor(1, mp_context=start_server()) as processes:
        yield lambda work, *values: processes.submit(work, *values).result()


def in_fresh_process(work: Callable[..., Result], *values: Any) -> Result:
    """Do something in a process as a trial gets one; what it raises is raised here."""
    with fresh_process() as do:
        return cast(Result, do(work, *values))


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
