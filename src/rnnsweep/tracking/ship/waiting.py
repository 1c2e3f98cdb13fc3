"""Which spools hold what a store is still to take."""

import math
import time
from collections.abc import Iterable
from pathlib import Path

from rnnsweep.tracking.ship.attachment import is_picture
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.spool.spool import Stamp, identity_of, read_all, stamps
from rnnsweep.tracking.store.address import LOCAL

FULL_LOOK = 60.0  # seconds between two looks at all spools, those that did not change included


def target_of(mlruns: Path, key: str) -> str:
    """Return where a run goes: as its first line says, or, where a run is added to, as its note says."""
    noted = read_note(mlruns, key).destination
    if noted:
        return noted
    for record in read_all(mlruns / "spool" / f"{key}.jsonl"):
        if record["op"] == "start":
            return str(record.get("uri") or LOCAL)
    return ""


def is_waiting(mlruns: Path, key: str, *, pictures: bool = True) -> bool:
    """Return whether a spool holds bytes, files or, where they count, pictures that the store lacks."""
    path = mlruns / "spool" / f"{key}.jsonl"
    note = read_note(mlruns, key)
    try:
        size = path.stat().st_size
        files = any(pictures or not is_picture(file) for file in note.files)
        return files or size > (note.offset if identity_of(path) == note.file else 0)
    except FileNotFoundError:
        return False


class Changes:
    """Which spools of a destination changed since the store had all of them.

    A thousand runs that train have a thousand spools: a round opens those alone that are not as they were.
    Every `FULL_LOOK` seconds all count as changed, as another command may have set a note back.
    """

    def __init__(self, mlruns: Path, target: str) -> None:
        self._mlruns, self._target = mlruns, target
        self._sent: dict[str, Stamp] = {}  # spools of which the store has all, as they were then
        self._now: dict[str, Stamp] = {}
        self._full_look = -math.inf

    def find(self) -> list[str]:
        """List the keys of the spools that may hold something to send, the oldest first."""
        if time.monotonic() - self._full_look > FULL_LOOK:
            self._sent, self._full_look = {}, time.monotonic()
        self._now = stamps(self._mlruns)
        changed = (key for key, stamp in self._now.items() if self._sent.get(key) != stamp)
        return [key for key in changed if target_of(self._mlruns, key) == self._target]

    def are_more(self) -> bool:
        """Return whether there are lines that were not there when `find` was called."""
        return any(self._now.get(key) != stamp for key, stamp in stamps(self._mlruns).items())

    def note_sent(self, keys: Iterable[str]) -> None:
        """Take note that the store has these spools as they were when `find` was called."""
        self._sent = {key: stamp for key, stamp in self._sent.items() if key in self._now}
        self._sent |= {key: self._now[key] for key in keys if key in self._now}
