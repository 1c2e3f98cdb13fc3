"""The files that make up a sweep's state where it is copied elsewhere, by their names in its folder.

A file that only grows is copied in pieces, any other as a whole. Logs and checkpoints are left out.
"""

from collections.abc import Iterator
from pathlib import Path

from rnnsweep.state.folder import JOURNAL, START, SweepFolder
from rnnsweep.state.ledger import LEDGER
from rnnsweep.state.looks import LOOKS
from rnnsweep.state.outcome import OUTCOME
from rnnsweep.state.task_folder import PREDICTIONS, TEST_READS

GROWING = (JOURNAL, LEDGER, LOOKS, TEST_READS)
_TRIALS = "trials"


def files_of_start(folder: SweepFolder) -> Iterator[tuple[str, Path]]:
    """Yield name and path of what a sweep was started from, what makes it a started one last."""
    for path in (folder.question, *sorted(folder.conf.rglob("*.yaml")), folder.path / START):
        yield path.relative_to(folder.path).as_posix(), path


def files_of_end(folder: SweepFolder, task: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of what says how a task ended, its outcome last; a file need not be there."""
    for name in (PREDICTIONS, OUTCOME):
        yield f"{_TRIALS}/{task}/{name}", folder.path / _TRIALS / task / name


def outcome_of(task: str) -> str:
    """Return the name of a task's outcome."""
    return f"{_TRIALS}/{task}/{OUTCOME}"


def is_of_task(name: str) -> bool:
    """Return whether a file is of a task."""
    return name.startswith(f"{_TRIALS}/")
