"""The ledger of a sweep: one line for each thing that happened, for people and for `status`.

Optuna's journal and the tasks' outcomes are what a sweep continues from; the ledger is what it is watched by.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.state.clock import Clock
from rnnsweep.state.lines import append, mend
from rnnsweep.trial.causes import is_full_disk

LEDGER = "ledger.jsonl"


class Ledger:
    """Appends events, each with its time; on a full disk they wait in memory for the next one."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        mend(folder / LEDGER)
        self._file = os.open(folder / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._clock = clock
        self._held = b""

    def write(self, event: str, **values: Any) -> None:
        """Append one event; it is in the file when this returns, unless the disk is full."""
        line = json.dumps({"time": self._clock.now(), "event": event, **values})
        self._held += line.encode() + b"\n"
        try:
            append(self._file, self._held)
        except OSError as error:
            if not is_full_disk(error):
                raise
        else:
            self._held = b""

    def close(self) -> None:
        """Close the file; the next controller mends what a full disk kept out."""
        os.close(self._file)


def read_ledger(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the events so far; a line that is being written is left out."""
    try:
        text = (folder / LEDGER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
