"""The ledger of a sweep: what nobody else knows of it, one line for each event.

Sessions of controllers, when a task took its slot and left it, pauses, attempts that were lost, tasks that
somebody wants tried again. How a task ended stands in its outcome.json.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.files import JsonLines, append, is_full_disk, mend, open_append
from rnnsweep.state.clock import Clock

_LEDGER = "ledger.jsonl"


class Ledger:
    """Appends events, each with its time; on a full disk they wait in memory for the next one."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        mend(folder / _LEDGER)
        self._file = open_append(folder / _LEDGER)
        self._clock = clock
        self._held = b""

    def write(self, event: str, *, durable: bool = False, **values: Any) -> None:
        """Append one event; it is in the file when this returns, unless the disk is full.

        Args:
            event: one word.
            durable: return when a power cut cannot take it back.
            values: of the event, as JSON takes them.

        Raises:
            OSError: it is to be durable, and the disk is full.
        """
        line = json.dumps({"time": self._clock.now(), "event": event, **values})
        self._held += line.encode() + b"\n"
        try:
            append(self._file, self._held)
        except OSError as error:
            if durable or not is_full_disk(error):
                raise
        else:
            self._held = b""
        if durable:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; what a full disk kept out is lost, and nothing else needs it."""
        os.close(self._file)


def read_ledger(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the events so far; a line that is being written, or is no event, is left out."""
    for event in JsonLines(folder / _LEDGER).read():
        if isinstance(event.get("event"), str) and isinstance(event.get("time"), int | float):
            yield event
