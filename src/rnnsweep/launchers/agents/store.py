"""Checkpoints in a locker: put there by agents in the background, named by the controller."""

import re
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError, wait
from contextlib import suppress
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.lockers import Locker, open_locker, try_locker

PUT_S = 10.0  # that a task which ends waits for its checkpoint to be stored; then it travels in pieces
PAUSE_S = 60.0  # without waiting for a locker that took longer
THREADS = 4  # files on their way at once
_ODD = re.compile(r"[^A-Za-z0-9_.@=+-]")


def new_place(key: str) -> str:
    """Return where an attempt of a task stores its files: no other attempt ever has the same place."""
    return f"{_place_of(key)}/{uuid.uuid4().hex[:12]}"


def is_of(where: str, key: str) -> bool:
    """Return whether a name in the locker is one of a task's."""
    return where.startswith(f"{_place_of(key)}/")


def _place_of(key: str) -> str:
    return f"k-{_ODD.sub('_', key)}"


class Store:
    """A locker whose files are put and dropped in the background."""

    def __init__(self, place: str, locker: Locker | None = None) -> None:
        """Use a locker; nothing is contacted yet.

        Args:
            place: as `open_locker` reads it.
            locker: the default is the one that lies there.

        Raises:
            UserError: a locker of another kind, or the library for S3 is missing.
        """
        self._locker = locker or open_locker(place)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="locker")
        self._slow_until = 0.0

    def put(self, files: Mapping[str, Path]) -> "Future[dict[str, Path]]":
        """Store files in their order; the result has those that were there to be stored."""
        return self._pool.submit(self._put, dict(files))

    def _put(self, files: dict[str, Path]) -> dict[str, Path]:
        there = {}
        for where, path in files.items():
            if path.is_file():
                self._locker.put(where, path)
                there[where] = path
        return there

    def settle(self, future: "Future[dict[str, Path]]") -> dict[str, Path] | None:
        """Wait for files to be stored, for a while; None where they are not, or the locker refuses."""
        wait([future], max(0.0, PUT_S if time.monotonic() > self._slow_until else 0.0))
        try:
            return future.result(0.0)
        except TimeoutError:
            self._slow_until = time.monotonic() + PAUSE_S
            print(
                f"agent: its locker takes longer than {PUT_S:g} s for a file; files travel in pieces",
                flush=True,
            )
            future.add_done_callback(self._drop_late)
        except (OSError, UserError) as error:
            print(f"agent: {error}; files travel in pieces", flush=True)
        return None

    def _drop_late(self, future: "Future[dict[str, Path]]") -> None:
        with suppress(OSError, UserError, RuntimeError):
            for where in future.result():
                self._locker.drop(where)

    def get(self, where: str, into: Path) -> None:
        """Fetch a file.

        Raises:
            FileNotFoundError: there is none.
            UserError: the locker refuses, or cannot be reached.
        """
        self._locker.get(where, into)

    def drop(self, where: str) -> None:
        """Remove a file, some time later; one that cannot be removed is left behind."""
        with suppress(RuntimeError):  # closed meanwhile
            self._pool.submit(self._drop, where)

    def _drop(self, where: str) -> None:
        with suppress(OSError, UserError):
            self._locker.drop(where)

    def close(self) -> None:
        """Finish what is under way, and begin nothing any more."""
        self._pool.shutdown(wait=True, cancel_futures=False)


def open_store(place: str | None) -> tuple[Store | None, str | None]:
    """Return the store of a locker, and why it cannot be used from here; None for what there is not."""
    if place is None:
        return None, None
    try:
        try_locker(place)
        return Store(place), None
    except UserError as error:
        return None, str(error)
