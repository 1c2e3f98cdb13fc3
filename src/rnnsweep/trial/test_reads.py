"""Each look at the test part leaves a line in the sweep's folder, written before anything is seen."""

import json
import os
import time
from collections import Counter
from pathlib import Path

READS = "test_reads.jsonl"


def note_read(sweep_folder: Path, name: str) -> None:
    """Note that the run called `name` is about to read the test part; safe for many processes."""
    line = json.dumps({"run": name, "at": round(time.time(), 3), "pid": os.getpid()}) + "\n"
    sweep_folder.mkdir(parents=True, exist_ok=True)
    with (sweep_folder / READS).open("a", encoding="utf-8") as file:
        file.write(line)  # one write of one short line: lines of several processes do not mix


def count_reads(sweep_folder: Path) -> dict[str, int] | None:
    """Give {run: reads of the test part}; None where no count was kept."""
    try:
        lines = (sweep_folder / READS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return dict(Counter(name for line in lines if (name := _name(line))))


def _name(line: str) -> str | None:
    try:
        return str(json.loads(line)["run"])
    except (ValueError, KeyError, TypeError):
        return None  # cut off by a full disk
