"""A rank beside the first: a process that trains along, started by `ranks`."""

import json
import os
import sys
import threading
import time
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from rnnsweep.config import RunConfig
from rnnsweep.runtime.spared_imports import spare_imports

spare_imports()  # before Lightning

from rnnsweep.data.carried import expect  # noqa: E402
from rnnsweep.runtime.compiled import load_kept  # noqa: E402
from rnnsweep.training.distributed.ranks import READY, WATCH_S  # noqa: E402
from rnnsweep.training.fit import train  # noqa: E402


def _run_of(values: dict[str, Any]) -> RunConfig:
    """Rebuild a run from its values."""
    hints = get_type_hints(RunConfig)
    sections = {
        part.name: hints[part.name](**values[part.name])
        for part in fields(RunConfig)
        if is_dataclass(hints[part.name])
    }
    overrides = tuple(values["overrides"])
    return RunConfig(**{**values, **sections, "overrides": overrides})


def _leave_with(parent: int) -> None:
    """End this process as soon as rank 0 is gone, however it ended."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)


def main() -> None:
    """Be one of the other ranks: read the task from standard input and train along."""
    parent = os.getppid()
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    task = json.load(sys.stdin)
    load_kept()  # in its first step all others would wait for it
    sys.stdout.write(READY)
    sys.stdout.flush()
    folder = task["folder"] and Path(task["folder"])
    expect(task["carried"])
    train(_run_of(task["run"]), folder=folder, resume=task["resume"])


if __name__ == "__main__":
    main()
