"""The ledger of a sweep: one line for each thing that happened, for people and for `status`.

Optuna's journal and the tasks' outcomes are what a sweep continues from; the ledger is what it is watched by.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsweep.study.clock import Clock

LEDGER = "ledger.jsonl"


class Ledger:
    """Appends events, each with its time."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = (folder / LEDGER).open("a", encoding="utf-8")
        self._clock = clock

    def write(self, event: str, **values: Any) -> None:
        """Append one event; it is in the file when this returns."""
        self._file.write(json.dumps({"time": self._clock.now(), "event": event, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


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
