"""The ledger of a sweep: what nobody else knows of it, one line for each event.

Sessions of controllers, when a task took its slot and left it, pauses, attempts that were lost, tasks that
somebody wants tried again. How a task ended is in its outcome.json.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnsweep.files import JsonLines, append, is_full_disk, mend, open_append

LEDGER = "ledger.jsonl"


class Ledger:
    """Appends events, each with its time; on a full disk they wait in memory for the next one."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        mend(folder / LEDGER)
        self._file = open_append(folder / LEDGER)
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
        line = json.dumps({"time": self._clock(), "event": event, **values})
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


def read_ledger(folder: Path) -> list[dict[str, Any]]:
    """Read the events so far; a line that is being written, or is no event, is left out."""
    return [event for event in JsonLines(folder / LEDGER).read() if _is_event(event)]


def _is_event(values: dict[str, Any]) -> bool:
    """Return whether a line has what its event must have, each value of its type."""
    needed = _NEEDED.get(str(values.get("event")), _NEEDED_ALWAYS)
    fit = (_FITS[name](value) for name, value in values.items() if name in _FITS)
    return needed <= values.keys() and all(fit)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _LARGEST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < _LARGEST


def _is_stop(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_count(value.get("replicates"))
        and all(_is_text(value.get(name)) for name in ("architecture", "why"))
    )


_LARGEST = 1e15  # of a time in seconds, or of a count
_NEEDED_ALWAYS = frozenset({"event", "time"})
_NEEDED = {
    "open": _NEEDED_ALWAYS | {"slots", "architectures", "trials", "replicates"},
    "start": _NEEDED_ALWAYS | {"name", "slot"},
    "end": _NEEDED_ALWAYS | {"name"},
    "study": _NEEDED_ALWAYS | {"architecture"},
    "fewer": _NEEDED_ALWAYS | {"gpu", "slots"},
}
_FITS: dict[str, Callable[[Any], bool]] = {
    "event": _is_text,
    "time": _is_number,
    "name": _is_text,
    "architecture": _is_text,
    "machine": _is_word,
    "gpu": _is_text,
    "role": _is_text,
    "state": _is_text,
    "cause": _is_word,
    "reason": _is_word,
    "stopped": _is_word,
    "slot": _is_count,
    "slots": _is_count,
    "replicates": _is_count,
    "rejected": _is_count,
    "trials": lambda value: value is None or _is_count(value),
    "architectures": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "planned": lambda value: isinstance(value, list) and all(map(_is_count, value)),
    "wanted": lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
    "stopped_replicates": lambda value: isinstance(value, list) and all(map(_is_stop, value)),
    "more": lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
}


def ran_last(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the command and the options that the last controller ran by.

    More replicates of a sweep that had come to its end are those that `replicate` asked for: the sweep itself
    has nothing left to run.
    """
    opened = [n for n, event in enumerate(events) if event["event"] == "open"]
    if not opened:
        return ["sweep"]
    last, before = events[opened[-1]], events[: opened[-1]]
    ended = any(event["event"] == "close" and event.get("state") == "finished" for event in before)
    asked = [events[n]["replicates"] for n in opened[:-1]]
    if ended and not last.get("planned") and last["replicates"] > max(asked, default=0):
        return ["replicate", "--n", str(last["replicates"])]
    return ["sweep", *last.get("options", [])]
