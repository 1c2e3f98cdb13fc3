"""The parent's side of shipping: start the process that ships, wait for it, ship what an earlier one left."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import Timeout

from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.ship.beside import (
    ShippingProcess,
    find_shared,
    is_drawing,
    leave_shared,
    shipper_command,
    shipper_environment,
    take_shared,
)
from rnnsweep.tracking.ship.own_files import last_error, lock_of
from rnnsweep.tracking.ship.shipped import BUSY, Shipped
from rnnsweep.tracking.ship.shipping import LINES, ship_once
from rnnsweep.tracking.ship.waiting import is_waiting, target_of
from rnnsweep.tracking.spool.note import read_note, wait_for_run_id
from rnnsweep.tracking.spool.spool import belongs, spooled_keys
from rnnsweep.tracking.spool.stale import close_stale, owned_keys
from rnnsweep.tracking.store.address import destination
from rnnsweep.tracking.store.chosen import LOCAL, refuse_unchosen

MLFLOW = "mlflow.store.tracking.sqlalchemy_store"  # what a client of the local store imports last
SILENT = 4  # times the deadline that a process without an error may take until something arrives


class Shipper:
    """A process beside this one that ships all spools of a destination while trainings run.

    Args:
        mlruns: the folder of results.
        uri: the destination; None is the local store.
        waits_for: key of a run, or of a sweep's own run, whose spools alone `drain` waits for: those of
            another sweep that runs beside may take hours. None: all of the destination.
        shared: leave the process to the next shipper of this Python process, as MLflow's imports take
            seconds; it ends with this Python process.
    """

    def __init__(
        self, mlruns: Path, uri: str | None = None, *, waits_for: str | None = None, shared: bool = False
    ) -> None:
        self.mlruns = mlruns
        self.target = destination(uri)
        self._waits_for = waits_for
        self._shared = shared
        self._process: ShippingProcess | None = None

    def start(self) -> "Shipper":
        """Start the process; it ends by itself when this one does, after a last try."""
        if self._process is None:
            take = take_shared if self._shared else ShippingProcess
            self._process = take(self.mlruns, self.target)
            try:
                self._process.begin()
            except BaseException:
                self._leave()
                raise
        return self

    def drain(
        self,
        deadline_s: float = 30.0,
        *,
        tell: Callable[[int], object] = lambda waiting: None,
        pictures: bool = True,
    ) -> list[str]:
        """Wait until the spools are in the store; tell how many are not, at first and when fewer are.

        Pictures of runs, which the process draws last, may be left to it.

        Gives up once nothing has arrived for `deadline_s`, or for `SILENT` times as long while the process
        lives and has met no error: on a busy machine its imports alone may take a minute, and another
        process that ships to the same store may have much to send.

        Returns:
            The keys of the runs that are not there whole.
        """
        if self._process is not None:
            self._process.wake()
        before, since, told = None, time.monotonic(), None
        while waiting := self._waiting(pictures=pictures):
            if len(waiting) != told:
                told = len(waiting)
                tell(told)
            now = [(key, read_note(self.mlruns, key).offset) for key in waiting]
            if now != before:
                before, since = now, time.monotonic()
            error = last_error(self.mlruns, self.target)
            patient = error in (None, BUSY) and self._lives()
            patience = deadline_s * SILENT if patient else deadline_s
            if time.monotonic() >= since + patience:
                return waiting
            time.sleep(0.1)
        tell(0)
        return []

    def run_id(self, key: str, deadline_s: float = 10.0) -> str:
        """Return the MLflow run id of a key; the key itself where the store has not answered in time."""
        if self._process is not None:
            self._process.wake()
        return wait_for_run_id(self.mlruns, key, deadline_s=deadline_s) or key

    def close(
        self,
        deadline_s: float = 30.0,
        *,
        tell: Callable[[int], object] = lambda waiting: None,
        pictures: bool = True,
    ) -> list[str]:
        """Drain, as `drain` does, and let the process go; it may live on for its last try, or for pictures.

        Pictures that are left to it are drawn before this process ends.
        """
        try:
            waiting = self.drain(deadline_s, tell=tell, pictures=pictures)
            if self._process is not None:
                self._process.note_drained(not waiting, draws=not waiting and bool(self._waiting()))
        finally:  # also after Ctrl-C
            self._leave()
        return waiting

    def __enter__(self) -> "Shipper":
        """Start as a context."""
        return self.start()

    def __exit__(self, *error: object) -> None:
        """Drain and close."""
        self.close()

    def _waiting(self, *, pictures: bool = True) -> list[str]:
        own = self._waits_for
        keys = (k for k in spooled_keys(self.mlruns) if own is None or belongs(k, own))
        waiting = [key for key in keys if is_waiting(self.mlruns, key, pictures=pictures)]
        return [key for key in waiting if target_of(self.mlruns, key) == self.target]

    def _lives(self) -> bool:
        return self._process is not None and self._process.lives()

    def _leave(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            (leave_shared if self._shared else ShippingProcess.end)(process)


def sync(mlruns: Path, uri: str | None = None, *, deadline_s: float = 20.0, patient: bool = True) -> Shipped:
    """Send what earlier commands could not send, and close the runs of dead processes.

    Costs nothing where nothing waits. Otherwise the process sends that this Python process has for the
    destination, else one of its own; or this one, where MLflow is imported and the store is the local one.

    Args:
        mlruns: the folder of results.
        uri: only what is meant for this destination; None sends what is meant for the local store and for
            those that the user chose, now or before.
        deadline_s: how long to try for each destination.
        patient: wait while another process sends to the destination; False leaves the rest to it, as a sweep
            that runs always has something to send.

    Returns:
        What was sent, and what waits and why.

    Raises:
        UserError: `uri` is no destination.
    """
    close_stale(mlruns)
    waiting = [key for key in spooled_keys(mlruns) if is_waiting(mlruns, key)]
    of_target: dict[str, list[str]] = {}
    for key in waiting:
        of_target.setdefault(target_of(mlruns, key), []).append(key)
    of_target.pop("", None)
    results = []
    for target, keys in sorted(of_target.items()):
        if uri is not None and target != destination(uri):
            continue
        lacks = [key for key in keys if is_waiting(mlruns, key, pictures=False)]
        if process := find_shared(mlruns, target, unused=not patient):  # which draws the pictures, too
            try:
                results += [_await_sent(process, mlruns, target, keys, deadline_s)] if lacks else []
            finally:
                leave_shared(process)
        elif (patient and lacks) or not _is_busy(mlruns, target):
            results.append(_sync_one(mlruns, target, keys, deadline_s, said=uri is not None))
        elif lacks:  # else the process that is at work draws the pictures, which nobody has to wait for
            results.append(Shipped(waiting=keys, errors=[BUSY]))
    waiting = [key for result in results for key in result.waiting]
    alive = owned_keys(mlruns) if waiting else set()
    owned = [key for key in waiting if key in alive]
    return Shipped(
        runs=sum(result.runs for result in results),
        points=sum(result.points for result in results),
        waiting=waiting,
        errors=[error for result in results for error in result.errors],
        owned=owned,
        sweeps=_running_sweeps(mlruns, owned),
    )


def _running_sweeps(mlruns: Path, keys: Sequence[str]) -> list[str]:
    """Name the running sweeps of which some runs are."""
    running = [folder for folder in SweepFolder.every(mlruns) if folder.is_running()] if keys else []
    return [folder.name for folder in running if any(belongs(key, folder.key()) for key in keys)]


def _await_sent(
    process: ShippingProcess, mlruns: Path, target: str, keys: list[str], deadline_s: float
) -> Shipped:
    """Wait until a process has sent the lines of spools, and leave pictures to it.

    Args:
        process: sends to the destination.
        mlruns: the folder of results.
        target: the destination.
        keys: of the spools.
        deadline_s: seconds from now.

    Returns:
        What was sent, and what waits.
    """

    def points() -> int:
        return sum(read_note(mlruns, key).points for key in keys)

    def lacking() -> list[str]:
        return [key for key in keys if is_waiting(mlruns, key, pictures=False)]

    before, end = points(), time.monotonic() + deadline_s
    process.begin()
    while (waiting := lacking()) and process.lives() and time.monotonic() < end:
        time.sleep(0.05)
    process.note_drained(not waiting, draws=not waiting and any(is_waiting(mlruns, key) for key in keys))
    error = last_error(mlruns, target) if waiting else None
    return Shipped(len(keys) - len(waiting), points() - before, waiting, [error] if error else [])


def _is_busy(mlruns: Path, target: str) -> bool:
    """Return whether a process sends to the destination now."""
    try:
        with lock_of(mlruns, target).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _sync_one(mlruns: Path, target: str, left: list[str], deadline_s: float, *, said: bool) -> Shipped:
    try:
        if target != LOCAL:
            _refuse_unchosen(target, said)
    except UserError as error:  # the spool is not ours, or of a version that took more
        return Shipped(waiting=left, errors=[str(error)])
    draws = not is_drawing()
    if target == LOCAL and MLFLOW in sys.modules:  # three seconds of imports less, and no server to wait for
        return ship_once(mlruns.resolve(), target, deadline_s=deadline_s, draws=draws)
    done = subprocess.run(
        [*shipper_command(mlruns, target), str(deadline_s), *([] if draws else [LINES])],
        env=shipper_environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    try:
        return Shipped(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        return Shipped(waiting=left, errors=[last])


def _refuse_unchosen(target: str, said: bool) -> None:
    """Look at a destination that a spool names before anything is sent there, and name it.

    Raises:
        UserError: it is none, or only the spool names it.
    """
    destination(target)
    if not said:
        refuse_unchosen(target, "mlruns/spool")
    print(f"runs are sent to {target}", file=sys.stderr)
