"""The process that ships, as its parent sees it. What one Python process trains and compares shares one."""

import atexit
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from rnnsweep.files import open_append
from rnnsweep.safety.interpreter import SAFE_PATH, run_module
from rnnsweep.tracking.ship.own_files import log_of
from rnnsweep.tracking.store.store import database

UNWANTED = ("PYTEST_CURRENT_TEST",)  # MLflow checks its own code where this is set, and stumbles over itself
# how variables begin that a training sets, or a library that it imports: they do not concern what ships
OF_A_TRAINING = ("PL_", "TORCH", "PYTORCH_", "NUMBA_", "KMP_")
EXIT_S = 5.0  # seconds that a process with nothing left to send may take to end
DRAW_S = 60.0  # seconds that one which only draws pictures may take

_drawing: list["subprocess.Popen[bytes]"] = []  # processes that draw pictures and end then
_shared: "ShippingProcess | None" = None
_one_at_a_time = threading.Lock()


class ShippingProcess:
    """A process that imports MLflow, and ships all spools of a destination from `begin` on.

    It ends when its standard input closes or this process dies, after a last try.

    Args:
        mlruns: the folder of results.
        target: the destination.
    """

    def __init__(self, mlruns: Path, target: str) -> None:
        self._mlruns, self._target = mlruns, target
        self._parent = os.getpid()
        self._environment = shipper_environment()
        self._began = self._complete = self._draws = False
        self._store: tuple[object, ...] | None = None  # as it was when the last user had all in it
        self.users = 0
        self._process = subprocess.Popen(
            shipper_command(mlruns, target),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )

    def begin(self) -> None:
        """Let it ship; until then it only imports, and writes nothing."""
        if not self._began:
            os.close(open_append(log_of(self._mlruns)))  # refuse a link here, where somebody reads it
            self._began = True
        self.wake()

    def wake(self) -> None:
        """Let it look at the spools now."""
        assert self._process.stdin is not None
        if self.lives():
            with suppress(BrokenPipeError):  # it ended just now
                os.write(self._process.stdin.fileno(), b".")

    def lives(self) -> bool:
        """Return whether the process is there."""
        return self._process.poll() is None

    def fits(self, mlruns: Path, target: str) -> bool:
        """Return whether it can ship for this process now, to this store and with today's environment."""
        same = (self._mlruns.resolve(), self._target) == (mlruns.resolve(), target)
        own = self._parent == os.getpid() and self.lives()
        return (
            own
            and same
            and _of_every_training(self._environment) == _of_every_training(shipper_environment())
            and not self._lost_its_store()
        )

    def _lost_its_store(self) -> bool:
        """Return whether folder or database were deleted or built anew since the last user had all in it."""
        return self._store not in (None, _store_of(self._mlruns))

    def note_drained(self, complete: bool, *, draws: bool) -> None:
        """Note whether the store has all, or all but pictures that are drawn now, and which store that is."""
        self._complete, self._draws, self._store = complete, draws, _store_of(self._mlruns)

    def end(self) -> None:
        """Let the process go; it may live on for its last try, unless its store is not there any more."""
        assert self._process.stdin is not None
        if not self._began or self._lost_its_store():  # it would send to a database that is deleted
            self._process.terminate()
        self._process.stdin.close()
        if self._draws:
            _drawing.append(self._process)
            return
        try:
            self._process.wait(EXIT_S if self._complete or not self._began else 0.0)
        except subprocess.TimeoutExpired:
            self._process.returncode = 0  # it lives on, and is nobody's to wait for


def is_drawing() -> bool:
    """Return whether a process that this one let go still draws pictures."""
    return any(one.poll() is None for one in _drawing)


def warm_shared(mlruns: Path, target: str) -> None:
    """Start the shared process of a destination where there is none, so that it imports while others work."""
    with _one_at_a_time:
        _fitting(mlruns, target)


def find_shared(mlruns: Path, target: str, *, unused: bool = False) -> ShippingProcess | None:
    """Return the shared process of a destination, as `take_shared` does; None where none is there that fits.

    Args:
        mlruns: the folder of results.
        target: the destination.
        unused: leave it alone where trainings send over it now.
    """
    with _one_at_a_time:
        if _shared is None or not _shared.fits(mlruns, target) or (unused and _shared.users):
            return None
        _shared.users += 1
        return _shared


def take_shared(mlruns: Path, target: str) -> ShippingProcess:
    """Return the process that this Python process shares; `leave_shared` comes after."""
    with _one_at_a_time:
        process = _fitting(mlruns, target)
        process.users += 1
        return process


def leave_shared(process: ShippingProcess) -> None:
    """Leave the process to the next user, or end it where another has taken its place."""
    with _one_at_a_time:
        process.users -= 1
        if process is not _shared and not process.users:
            process.end()


def _fitting(mlruns: Path, target: str) -> ShippingProcess:
    global _shared
    if _shared is not None and not _shared.fits(mlruns, target):
        _retire(_shared)
        _shared = None
    if _shared is None:
        _shared = ShippingProcess(mlruns, target)
    return _shared


def _retire(process: ShippingProcess) -> None:
    if process._parent == os.getpid() and not process.users:  # a fork's copy is its parent's to end
        process.end()


@atexit.register
def _end_shared() -> None:
    """End the shared process, and wait for pictures that are left to it."""
    if _shared is not None:
        _retire(_shared)
    for process in _drawing:
        with suppress(subprocess.TimeoutExpired, ChildProcessError):
            process.wait(DRAW_S)


def shipper_command(mlruns: Path, target: str) -> list[str]:
    """Return the command line of the process that ships."""
    return run_module("rnnsweep.tracking.ship.shipping", str(mlruns.resolve()), target)


def shipper_environment() -> dict[str, str]:
    """Return the environment of the process that ships."""
    # one thread: a shipper has no arithmetic to do, and every pool that a library opens costs memory
    return {k: v for k, v in os.environ.items() if k not in UNWANTED} | {"OMP_NUM_THREADS": "1", **SAFE_PATH}


def _of_every_training(environment: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if not k.startswith(OF_A_TRAINING)}


def _store_of(mlruns: Path) -> tuple[object, ...]:
    """Return which folder and which database these are: another one of that name is another store."""
    return tuple(_file(path) for path in (mlruns, database(mlruns)))


def _file(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
