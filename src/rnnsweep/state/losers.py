"""Checkpoints of a finished sweep that nothing needs any more: those of all but its best."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import DIVERGED, EndState
from rnnsweep.state.tasks import TaskState, task_states
from rnnsweep.state.watching.status import read_status

REMOVABLE = (EndState.COMPLETE, EndState.PRUNED)  # what else failed may be tried again from its checkpoint


@dataclass(frozen=True)
class Loser:
    """The checkpoints of one task that may go."""

    task: str
    folder: Path
    size: int  # bytes


@contextmanager
def held(mlruns: Path, name: str) -> Iterator[str | None]:
    """Hold a finished sweep, so that no controller starts meanwhile; yield why it cannot be held."""
    if reason := why_kept(mlruns, name):
        yield reason
        return
    folder = SweepFolder.of(mlruns, name)
    with ExitStack() as lock:
        try:
            lock.enter_context(folder.hold())
        except UserError:
            yield "it is running"
            return
        # another controller may have come and gone between the question and the lock
        yield None if folder.last_state() == "finished" else "it can be resumed"


def why_kept(mlruns: Path, name: str) -> str | None:
    """Say why nothing of a sweep may go now; None where it is finished."""
    state = read_status(mlruns, name).state
    if state == "finished":
        return None
    return "it is running" if state == "running" else "it can be resumed"


def losers(mlruns: Path, name: str) -> list[Loser]:
    """List the checkpoints of a finished sweep's tasks but the best: of each architecture's trials, and of
    the replicates of each trial. What failed is left alone, as `retry` may go on with it.
    """
    folder = SweepFolder.of(mlruns, name)
    states = task_states(folder)
    best = _best(states)
    removable = []
    for task in folder.tasks():
        place, state = task.checkpoints, states[task.name]
        goes = state.state in REMOVABLE or state.cause == DIVERGED
        removed = goes and task.name not in best and _is_below(place, mlruns)
        if removed and (size := folder_size(place)):
            removable.append(Loser(task.name, place, size))
    return removable


def folder_size(folder: Path) -> int:
    """Sum the bytes of the files below a folder; links are not followed."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it went while we looked
            total += 0 if path.is_dir() else path.lstat().st_size
    return total


def _is_below(place: Path, mlruns: Path) -> bool:
    """Return whether a folder is there and no link leads to it from `mlruns`, which may be one itself."""
    inside = mlruns.resolve() / place.relative_to(mlruns)
    return place.is_dir() and place.resolve() == inside


def _best(states: Mapping[str, TaskState]) -> set[str]:
    best: dict[tuple[str, str, int | None], tuple[float, str]] = {}
    for name, task in states.items():
        if task.state != EndState.COMPLETE or task.turned is None:
            continue
        group = (task.role, task.architecture, task.number if task.role == "replicate" else None)
        if group not in best or task.turned > best[group][0]:
            best[group] = (task.turned, name)
    return {name for _, name in best.values()}
