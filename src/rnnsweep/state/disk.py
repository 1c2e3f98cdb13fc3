"""The disk under a sweep: what does not fit waits until there is room, and nothing new starts meanwhile."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rnnsweep.errors import UserError
from rnnsweep.files import is_full_disk, open_own

T = TypeVar("T")

NEED = 16 << 20  # bytes that must be free before a sweep continues; doubled each time they were too few
MOST = 4 << 30
PAUSE_S = 1.0  # between two looks
PROBE = "room.probe"


class StillFull(Exception):
    """Someone stopped the sweep while it waited for room."""


class Disk:
    """Waits for room in a sweep's folder.

    Args:
        folder: on the disk.
        pause_s: seconds between two looks at it.
    """

    def __init__(self, folder: Path, *, pause_s: float = PAUSE_S) -> None:
        self.folder = folder
        self.paused = False
        self.stopped: Callable[[], bool] = lambda: False  # whether someone asked for an end meanwhile
        self.tell: Callable[[str], None] = lambda text: None  # called at each pause and at its end
        self._need, self._pause_s, self._next_look = NEED, pause_s, 0.0

    def refuse_removed(self) -> None:
        """Stop where somebody removed the folder: what would be written has no place any more.

        Raises:
            UserError: it is gone.
        """
        if not self.folder.is_dir():
            raise UserError(
                f"{self.folder}: was removed while the sweep ran, so it stops; the same command starts "
                "it anew"
            )

    def pause(self) -> None:
        """Take note that something did not fit; it asks for twice the room of the last time."""
        if self.paused:
            return
        self.paused, self._next_look = True, 0.0
        self._need = min(2 * self._need, MOST)
        self.tell(f"paused: the disk of {self.folder} is full; free some space and the sweep resumes")

    def has_room(self) -> bool:
        """Return whether the sweep may go on; looks at the disk once in a while."""
        if self.paused and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._pause_s
            if room_for(self._need, self.folder):
                self.paused = False
                self.tell("the disk has space again: resumed")
        return not self.paused

    def patiently(self, write: Callable[[], T]) -> T:
        """Write, as often as it takes.

        Raises:
            StillFull: someone stopped the sweep while the disk was full.
        """
        while True:
            try:
                return write()
            except OSError as error:
                if not is_full_disk(error):
                    raise
            self.pause()
            while not self.has_room():
                if self.stopped():
                    raise StillFull
                time.sleep(min(0.1, self._pause_s))


def room_for(size: int, folder: Path) -> bool:
    """Return whether so many bytes fit into a folder, by reserving them: a quota counts as the disk does."""
    probe = folder / PROBE
    probe.unlink(missing_ok=True)
    try:
        with os.fdopen(open_own(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for _ in range(size >> 20):
                    file.write(bytes(1 << 20))
    except OSError as error:
        if not is_full_disk(error):
            raise
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True
