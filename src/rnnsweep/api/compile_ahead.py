"""``python -P -m rnnsweep.api.compile_ahead [LOOP]...``: compile loops, so that no training waits for them.

Without names it compiles those of all cells, for the default precision. Several processes share the work,
also with trainings that need a loop now: each compiles what no other one does.
"""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from rnnsweep.networks.fast.loop_types import LOOPS
from rnnsweep.runtime.ahead_note import can_note, note, noted
from rnnsweep.safety.interpreter import leave_out_working_directory, run_module

SWITCH = "RNNSWEEP_COMPILE_AHEAD"  # 0: no command compiles ahead
BACKGROUND = "--background"
MODULE = "rnnsweep.api.compile_ahead"
_PACKAGE = Path(__file__).parents[1]
_FAST = ("activations", "loop_types", "loops", "rows", "steps")
_CODE = (
    *(f"networks/fast/{name}" for name in _FAST),
    *("optim/kernels", "optim/row_loops", "runtime/compiled", "runtime/kept_code"),
)
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # who forks has no other threads


def is_switched_off() -> bool:
    """Return whether the user wants nothing compiled ahead."""
    return os.environ.get(SWITCH) == "0"


def sources() -> list[Path]:
    """List the files of code that the loops are made of."""
    return [_PACKAGE / f"{name}.py" for name in _CODE]


def missing(cells: Collection[str] | None = None) -> list[str]:
    """List the loops that are not known to be compiled; milliseconds, without Numba.

    Args:
        cells: of a training; None are all.
    """
    known = noted(sources())
    return [
        name
        for name, loop in LOOPS.items()
        if name not in known and (cells is None or loop.cell is None or loop.cell in cells)
    ]


def _to_compile(cells: Collection[str] | None = None) -> list[str]:
    """List the missing loops; none where nothing is to be compiled ahead, or nothing can be noted."""
    return [] if is_switched_off() or not can_note() else missing(cells)


def start_in_background() -> None:
    """Compile what is missing in a process of low priority that outlives this one, and do not wait."""
    if _to_compile():
        _start(BACKGROUND)


def start_beside(cells: Callable[[], Collection[str]]) -> None:
    """Compile what trainings of some cells wait for, while this process imports and reads rows.

    It waits for a loop that is being compiled when it needs that. Alone on a core it would gain nothing.

    Args:
        cells: returns the names of the cells; called only where something is missing.
    """
    if not _to_compile() or not (names := missing(cells())):
        return
    from rnnsweep.hardware.limits import usable_cores

    if usable_cores() > 1:
        _start(*names)


def compile_first(cells: Collection[str], tell: Callable[[str], object]) -> None:
    """Compile all loops, and wait, where one is missing that trainings of some cells would wait for.

    Args:
        cells: their names.
        tell: called with what is done.
    """
    if not _to_compile(cells):
        return
    tell("compiling loops for this processor, once after an install or update")
    with suppress(OSError):  # no process can be started: the training that needs a loop compiles it
        subprocess.run(run_module(MODULE), stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _start(*arguments: str) -> None:
    with suppress(OSError):  # no process can be started: the first training compiles
        subprocess.Popen(
            run_module(MODULE, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # neither Ctrl-C nor the end of the terminal is for it
        )


def can_keep() -> bool:
    """Return whether there is a folder for machine code."""
    from rnnsweep.runtime.compiled import keeps

    return all(keeps(_function(name)) for name in LOOPS)


def compile_ahead(names: Sequence[str] = (), *, wait: bool = True) -> None:
    """Compile what is not compiled yet, on all cores; nothing where no machine code is kept.

    Args:
        names: of the loops; none are all.
        wait: also for those that other processes compile.
    """
    if not can_keep():
        return
    from rnnsweep.hardware.limits import usable_cores
    from rnnsweep.runtime.compiled import kept_in, load_tables

    load_tables()
    asked = list(names or LOOPS)
    # the others begin at the end: loops of one cell share what they call, and are next to one another
    with _others(min(usable_cores(), len(asked)) - 1, asked[::-1]):
        _compile(asked, wait=False)
    _compile(asked if wait else (), wait=True)
    found = {name: kept_in(_function(name), loop.signature) for name, loop in LOOPS.items()}
    note(sources(), {name: file for name, file in found.items() if file is not None})


def _function(name: str) -> Any:
    return getattr(import_module(LOOPS[name].module), name)


def _compile(names: Sequence[str], *, wait: bool) -> None:
    from rnnsweep.runtime.compiled import keep_code

    for name in names:
        keep_code(_function(name), LOOPS[name].signature, wait=wait)


@contextmanager
def _others(count: int, names: Sequence[str]) -> Iterator[None]:
    """Let so many copies of this process compile beside what is done within."""
    copies = []
    for _ in range(count if hasattr(os, "fork") else 0):
        copies.append(os.fork())
        if not copies[-1]:
            try:
                _compile(names, wait=False)
            finally:
                os._exit(0)
    try:
        yield
    finally:
        for copy in copies:
            os.waitpid(copy, 0)


if __name__ == "__main__":
    leave_out_working_directory()
    gc.disable()  # a twelfth of the time of compiling, for 50 MB
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    asked_for = [word for word in sys.argv[1:] if word != BACKGROUND]
    behind = len(asked_for) < len(sys.argv[1:])
    if behind:
        os.chdir(tempfile.gettempdir())  # the folder of the caller can be removed
        os.nice(5)  # low, and not so low that a training that waits for a loop waits long on a busy machine
    compile_ahead(asked_for, wait=not (behind or asked_for))
