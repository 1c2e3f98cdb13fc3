"""``python -P -m rnnsweep.api.compile_ahead``: compile the loops of all cells, so that no training waits.

A tiny training of each cell compiles what real ones of the default settings run, and nothing is recorded.
Those with a wide embedding have one that is large enough for lazy rows, as all but the smallest corpora have.
One process at a time does this; a training that starts meanwhile compiles only what is not there yet.
"""

import os
import subprocess
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from rnnsweep.safety.interpreter import leave_out_working_directory, run_module

SWITCH = "RNNSWEEP_COMPILE_AHEAD"  # 0: no command compiles ahead
BACKGROUND = "--background"
MODULE = "rnnsweep.api.compile_ahead"
_LOOPS = ("rnnsweep.networks.fast.loops", "rnnsweep.optim.kernels", "rnnsweep.optim.dropout")
_ROWS = 96
_WORDS = 50  # at least, in the vocabulary of the rows
_SETTINGS = (
    "data=files",
    "data.vocabulary=200",
    "model.hidden_size=8",
    "trainer.max_epochs=1",
    "trainer.threads=1",
    "trainer.accelerator=cpu",
    "tracking.enabled=false",
)


def is_switched_off() -> bool:
    """Return whether the user wants nothing compiled ahead."""
    return os.environ.get(SWITCH) == "0"


def find_mark() -> Path | None:
    """Return the file that says whether the loops are compiled; None where no machine code is kept."""
    from rnnsweep.runtime.compiled import ahead_mark

    for module in _LOOPS:
        import_module(module)
    return ahead_mark()


def start_in_background() -> None:
    """Compile what is missing in a process of low priority that outlives this one, and do not wait."""
    if is_switched_off():
        return
    with suppress(OSError):  # no process can be started: the first training compiles
        subprocess.Popen(
            run_module(MODULE, BACKGROUND),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # neither Ctrl-C nor the end of the terminal is for it
        )


def compile_ahead(*, wait: bool = True) -> None:
    """Compile what is not compiled yet; about a minute of one core, nothing where all of it is there.

    Args:
        wait: whether to wait for another process that compiles ahead; else leave the work to it.
    """
    from filelock import FileLock, Timeout

    from rnnsweep.runtime.compiled import is_ahead, write_ahead_mark

    mark = find_mark()
    if mark is None:
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    with suppress(Timeout), FileLock(mark.parent / "rnnsweep-ahead.lock", timeout=-1 if wait else 0):
        if not is_ahead(mark):
            _train_each_cell()
            write_ahead_mark(mark)


def _train_each_cell() -> None:
    from rnnsweep.api.single_runs.training import train
    from rnnsweep.config import compose
    from rnnsweep.networks.cells import cell_names, find_cell
    from rnnsweep.optim.optimizer import WORTH_IT

    with tempfile.TemporaryDirectory() as name:
        os.environ.update(RNNSWEEP_HOME=name, RNNSWEEP_CACHE=f"{name}/cache")  # no project has a part in it
        rows = Path(name) / "rows.csv"
        texts = (f"{'word' if row % 2 else 'other'} w{row % 50} w{row % 7},{row % 2}" for row in range(_ROWS))
        wide = WORTH_IT // _WORDS + 1
        rows.write_text("\n".join(["text,category", *texts]), encoding="utf-8")
        first = compose([]).model.cell  # a first training most likely needs this one
        for cell in sorted(cell_names(), key=lambda one: one != first):
            sizes = (wide, 64) if find_cell(cell).loops is not None else (wide,)
            for size in sizes:
                train(
                    [*_SETTINGS, f"model.cell={cell}", f"model.embedding_size={size}", f"data.train={rows}"]
                )


if __name__ == "__main__":
    import sys

    from rnnsweep.errors import UserError
    from rnnsweep.runtime.spared_imports import spare_imports

    leave_out_working_directory()
    spare_imports()
    behind = BACKGROUND in sys.argv[1:]
    if behind:
        os.chdir(tempfile.gettempdir())  # the folder of the caller can be removed
        os.nice(5)  # low, and not so low that a training that waits for a loop waits long on a busy machine
    try:
        compile_ahead(wait=not behind)
    except UserError as error:
        sys.exit(f"error: {error}")
