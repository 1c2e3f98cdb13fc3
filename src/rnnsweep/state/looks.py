"""How often a sweep's replicates were looked at to decide on more of them: every p pays for it."""

import json
import time
from pathlib import Path

LOOKS = "looks.jsonl"  # in a sweep's folder: a line for each verdict that decided on more replicates


def count_looks(folder: Path) -> int:
    """Count the times that a sweep's replicates were looked at to decide on more of them."""
    try:
        return len((folder / LOOKS).read_text(encoding="utf-8").splitlines())
    except OSError:
        return 0


def note_look(folder: Path) -> None:
    """Note one more look, before it is taken."""
    with (folder / LOOKS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": round(time.time(), 3)}) + "\n")
