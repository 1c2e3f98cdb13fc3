"""How far the store has a run: kept beside the spool, so that nothing is sent twice."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.files import read_own, write_whole
from rnnsweep.json_text import parse_json
from rnnsweep.tracking.spool.spool import check_key, read_all, spool_folder


@dataclass
class Note:
    """What the shipper knows of one run; `offset` counts bytes of the spool file whose identity is `file`."""

    file: str = ""
    offset: int = 0
    destination: str = ""
    run_id: str = ""
    experiment_id: str = ""
    state: str = ""  # of the last line sent: running | complete | pruned | failed | interrupted
    role: str = ""  # of the run: trial | replicate | ...
    points: int = 0
    refused: int = 0
    files: list[dict[str, str]] = field(default_factory=list)  # that the store is still to take
    steps: dict[str, int] = field(default_factory=dict)  # metric -> highest step sent


def _path(mlruns: Path, key: str) -> Path:
    return spool_folder(mlruns) / "notes" / f"{check_key(key)}.json"


def read_note(mlruns: Path, key: str) -> Note:
    """Read the note of a run; an empty one where there is none, or where it cannot be read."""
    try:
        note = Note(**parse_json(read_own(_path(mlruns, key))))
    except (FileNotFoundError, ValueError, TypeError):
        return Note()
    return note if _is_sound(note) else Note()


def _is_sound(note: Note) -> bool:
    empty = Note()
    same = all(type(value) is type(getattr(empty, name)) for name, value in vars(note).items())
    return same and all(isinstance(file, dict) for file in note.files)


def write_note(mlruns: Path, key: str, note: Note) -> None:
    """Write the note in one step: a reader sees the old one or the new one."""
    write_whole(_path(mlruns, key), json.dumps(asdict(note)))


def highest_steps(mlruns: Path, key: str) -> dict[str, int]:
    """Return the highest step of each metric that is in the store or on its way."""
    steps = dict(read_note(mlruns, key).steps)
    for record in read_all(spool_folder(mlruns) / f"{key}.jsonl"):
        if record["op"] == "metrics":
            raise_steps(steps, record)
    return steps


def raise_steps(steps: dict[str, int], record: dict[str, Any]) -> None:
    """Note the step of one line of metrics."""
    step = int(record["step"])
    for name in record["values"]:
        steps[name] = max(step, steps.get(name, step))


def wait_for_run_id(mlruns: Path, key: str, *, deadline_s: float) -> str | None:
    """Wait until the store has the run; give its id there, or None when the time is up."""
    end = time.monotonic() + deadline_s
    while True:
        if run_id := read_note(mlruns, key).run_id:
            return run_id
        if time.monotonic() >= end:
            return None
        time.sleep(0.05)
