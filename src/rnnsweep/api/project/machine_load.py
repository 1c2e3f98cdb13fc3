"""What keeps this machine busy beside a plan: running sweeps of this project, by name, and others."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from rnnsweep.api.compile_ahead import compile_first
from rnnsweep.hardware import Load, load_of_others
from rnnsweep.state.folder import SweepFolder


def prepare_to_measure(mlruns: Path, tell: Callable[[str], object], cells: Collection[str]) -> Load:
    """Compile what the first training would wait for, then look for a second at what else runs here.

    Args:
        mlruns: of the project, whose running sweeps are named.
        tell: called with what is being done.
        cells: of the networks that are measured.
    """
    compile_first(cells, tell)
    tell("looking at what else runs here")
    return load_of_others(running_sweeps(mlruns))


def running_sweeps(mlruns: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the controller's process of each sweep that runs on this machine."""
    for folder in SweepFolder.every(mlruns):
        controller = folder.controller() if folder.is_running() else None
        process = controller.process() if controller else None
        if process is not None:
            yield folder.name, process.pid
