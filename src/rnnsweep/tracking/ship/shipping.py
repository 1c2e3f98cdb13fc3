"""The process that ships: it serves all spools of one destination, so that no training imports MLflow.

One such process at a time serves a destination (a file lock says which); others wait for their turn. It ends
when its parent closes standard input or dies, after a last try.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from filelock import Timeout

from rnnsweep.files import open_append, write_whole
from rnnsweep.runtime.collector import collect_seldom
from rnnsweep.tracking.ship.own_files import OpenFolder, error_file, last_error, lock_of, log_of
from rnnsweep.tracking.ship.picture import warm_up
from rnnsweep.tracking.ship.shipment import Shipment, WaitsForParent
from rnnsweep.tracking.ship.shipped import BUSY, Shipped
from rnnsweep.tracking.ship.waiting import Changes, is_waiting
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.store import open_client, silence_mlflow

if TYPE_CHECKING:
    from rnnsweep.tracking.store.bulk import StoreClient

PAUSE = 1.0  # seconds between two looks at the spools
LONGEST_PAUSE = 15.0  # seconds, while the store refuses
MOST_REFUSED = 5.0  # seconds of a round that refusals may take
LAST_TRY = 30.0  # seconds after the parent has gone
IDLE = 0.7  # of a core: a training leaves less of its own
LONGEST_WAIT = 60.0  # seconds that pictures wait for an idle core
# MLflow's own defaults wait twenty minutes for a server that hangs
IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
LINES = "lines"  # on the command line: no pictures


def tell_parent(mlruns: Path, target: str) -> Callable[[Shipped], None]:
    """Return the `say` of a shipper whose parent looks for its last error in a file."""
    path = error_file(mlruns, target)

    def say(done: Shipped) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the one that ships
            if not done.errors:
                path.unlink(missing_ok=True)
            elif done.errors[0] != last_error(mlruns, target):
                write_whole(path, done.errors[0])

    return say


def ship_all(mlruns: Path, keys: Sequence[str], target: str, client: "StoreClient") -> Shipped:
    """Send spools of the destination once, parents before their children.

    A spool that the store refuses quickly does not hold up the others; slow refusals, as of a server that
    hangs, end the round.

    Args:
        mlruns: the folder of results.
        keys: of the spools, the oldest first.
        target: the destination.
        client: of the store.

    Returns:
        What was sent, and what waits.

    Raises:
        Exception: the store's, of the first spool that it refused.
    """
    done, experiments = Shipped(waiting=list(keys)), dict[str, str]()
    refused: Exception | None = None
    seconds = 0.0  # that refusals took
    while done.waiting:
        later = []
        for key in done.waiting:
            shipment = Shipment(mlruns, key, client, experiments)
            shipment.note.destination = target
            before, began = shipment.note.points, time.monotonic()
            try:
                shipment.ship()
                done.runs += 1
            except WaitsForParent:
                later.append(key)
            except Exception as error:
                refused = refused or error
                seconds += time.monotonic() - began
                if seconds > MOST_REFUSED:
                    raise refused from error
            done.points += shipment.note.points - before
        if len(later) == len(done.waiting):
            break
        done.waiting = later
    if refused:
        raise refused
    return done


def draw_all(mlruns: Path, keys: Iterable[str], client: "StoreClient", *, until: Callable[[], bool]) -> None:
    """Draw and send the pictures of spools whose lines are in the store, one by one.

    Args:
        mlruns: the folder of results.
        keys: of the spools.
        client: of the store.
        until: asked after each spool; true leaves the others for later.

    Raises:
        Exception: the store's, of the first picture that it refused; others were tried.
    """
    refused: Exception | None = None
    began = time.monotonic()
    for key in keys:
        try:
            Shipment(mlruns, key, client).attach_waiting(pictures=True)
        except Exception as error:
            refused = refused or error
            if time.monotonic() > began + MOST_REFUSED:
                break
        if until():
            break
    if refused:
        raise refused


class Shipping:
    """The loop of the process: ship, wait, back off while the store refuses."""

    def __init__(self, mlruns: Path, target: str, *, say: Callable[[Shipped], None]) -> None:
        self.mlruns, self.target = mlruns, target
        self.pause = PAUSE
        self._say = say
        self._client: StoreClient | None = None
        self._lock = lock_of(mlruns, target)
        self._changes = Changes(mlruns, target)
        self._drawn = time.monotonic()  # when no picture waited

    def round(self, *, turn_s: float = 0.0, draws: bool = True) -> Shipped:
        """Ship everything that is there now, if it is our turn; never raises for the store's faults.

        Pictures too, unless they are left for later.
        """
        try:
            with self._lock.acquire(timeout=turn_s):
                done = self._ship(draws=draws)
        except Timeout:
            done, self.pause = Shipped(waiting=self.waiting(), errors=[BUSY]), PAUSE
        self._say(done)
        return done

    def can_draw(self) -> bool:
        """Return whether a core has been idle since the last call, or pictures have waited long for one."""
        idle = (psutil.cpu_count() or 1) * (1 - psutil.cpu_percent() / 100)
        return idle > IDLE or time.monotonic() > self._drawn + LONGEST_WAIT

    def _ship(self, *, draws: bool) -> Shipped:
        try:
            self._client = self._client or open_client(self.mlruns, self.target)
            keys = self._changes.find()
            done = ship_all(self.mlruns, keys, self.target, self._client)
            lacking = [key for key in keys if self._lacks_pictures(key)]
            if draws:
                draw_all(self.mlruns, lacking, self._client, until=self._changes.are_more)
            if draws or not lacking:
                self._drawn = time.monotonic()
            self._changes.note_sent(key for key in keys if not is_waiting(self.mlruns, key))
            self.pause = PAUSE
        except Exception as error:  # whatever the store says, the spools stay and the next round tries again
            done = Shipped(errors=[f"{type(error).__name__}: {error}".splitlines()[0][:300]])
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
        done.waiting = done.waiting or self.waiting()
        return done

    def _lacks_pictures(self, key: str) -> bool:
        """Return whether pictures are all that the store lacks of a run."""
        return is_waiting(self.mlruns, key) and not is_waiting(self.mlruns, key, pictures=False)

    def waiting(self) -> list[str]:
        """List the keys of this destination that have lines to send."""
        return [key for key in self._changes.find() if is_waiting(self.mlruns, key)]


def _await_begin(mlruns: Path, target: str) -> bool:
    """Import what sends; return whether the parent has something to send. Nothing is written before that."""
    silence_mlflow()
    with contextlib.suppress(Exception):  # the first round meets it again, and says so
        import_module("rnnsweep.tracking.ship.mlflow_imports" if target == LOCAL else "mlflow.tracking")
    if not os.read(sys.stdin.fileno(), 1) or not mlruns.is_dir():
        return False
    log = open_append(log_of(mlruns))
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    return True


def serve(shipping: Shipping, parent: int) -> None:
    """Ship until standard input closes or the parent dies, then try to send the rest for a while.

    It ends at once where the folder is removed, or another has its name: that one's spools are not for the
    database that is open here, and the lock would make a removed folder again.
    """
    folder = OpenFolder(shipping.mlruns)
    shipping.round()
    warm_up()  # while the first steps are trained: the first run to end is not kept waiting
    ready: list[object] = []
    while os.getppid() == parent and folder.is_there():
        shipping.round(draws=bool(ready) or shipping.can_draw())  # who waits for it wakes it
        ready, _, _ = select.select([sys.stdin], [], [], shipping.pause)
        if ready and not os.read(sys.stdin.fileno(), 4096):
            break
    end = time.monotonic() + LAST_TRY
    while folder.is_there():
        shipping.round(turn_s=1.0)
        if not shipping.waiting() or time.monotonic() >= end:
            return
        time.sleep(1.0)


def ship_once(mlruns: Path, target: str, *, deadline_s: float, draws: bool = True) -> Shipped:
    """Ship what is there; try again until the deadline while something waits.

    Args:
        mlruns: the folder of results.
        target: the destination.
        deadline_s: seconds from now.
        draws: pictures, too; not where another process draws them.

    Returns:
        What was sent, and what waits.
    """
    shipping = Shipping(mlruns, target, say=lambda done: None)
    end = time.monotonic() + deadline_s
    total = Shipped()
    while True:
        done = shipping.round(turn_s=max(0.0, min(5.0, end - time.monotonic())), draws=draws)
        if not draws:
            done.waiting = [key for key in done.waiting if is_waiting(mlruns, key, pictures=False)]
        total.points += done.points
        total.runs = max(total.runs, done.runs)
        total.waiting, total.errors = done.waiting, done.errors
        if not (done.waiting or done.errors) or time.monotonic() >= end:
            return total
        time.sleep(0.5)


def main(arguments: list[str]) -> None:
    """Take ``MLRUNS TARGET`` and serve, or ``MLRUNS TARGET SECONDS [LINES]`` and ship once."""
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; what it left is still to be sent
    for name, value in IMPATIENT.items():
        os.environ.setdefault(name, value)
    mlruns, target, *rest = arguments
    if rest:
        done = ship_once(Path(mlruns), target, deadline_s=float(rest[0]), draws=LINES not in rest)
        print(json.dumps(asdict(done)), flush=True)
    else:
        parent = os.getppid()  # before the imports, which it may not survive
        os.nice(5)  # trials come first
        if _await_begin(Path(mlruns), target):
            serve(Shipping(Path(mlruns), target, say=tell_parent(Path(mlruns), target)), parent)


if __name__ == "__main__":
    main(sys.argv[1:])
