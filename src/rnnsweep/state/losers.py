"""Checkpoints of a finished sweep that nothing needs any more: those of all but its best."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnsweep.state.ledger import read_ledger
from rnnsweep.state.start import sweep_folder
from rnnsweep.state.status import read_status

CHECKPOINTS = "checkpoints"
KEPT = ("failed", "interrupted")  # states of tasks that may be tried again from their checkpoint


@dataclass(frozen=True)
class Loser:
    """The checkpoints of one task that may go."""

    task: str
    folder: Path
    size: int  # bytes


@contextmanager
def held(mlruns: Path, name: str) -> Iterator[str | None]:
    """Hold a finished sweep, so that no controller starts meanwhile; give why not where it cannot be held."""
    folder = sweep_folder(mlruns, name)
    state = read_status(mlruns, name).state
    if state != "finished":
        yield "it is running" if state == "running" else "it can be gone on with"
        return
    lock = FileLock(folder / "controller.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield "it is running"
        return
    try:
        # another controller may have come and gone between the question and the lock
        finished = _last_close(folder) == "finished"
        yield None if finished else "it can be gone on with"
    finally:
        lock.release()


def losers(mlruns: Path, name: str) -> list[Loser]:
    """List the checkpoints of a finished sweep's tasks but the best: of each architecture's trials, and of
    the replicates of each trial. What failed is left alone, as `retry` may go on with it.
    """
    folder = sweep_folder(mlruns, name)
    tasks = _tasks(folder)
    best = _best(tasks)
    found = []
    for task, values in tasks.items():
        place = _checkpoints(mlruns, name, task)
        if task in best or values.get("state") in (*KEPT, None) or place is None:
            continue
        if size := folder_size(place):
            found.append(Loser(task, place, size))
    return found


def _checkpoints(mlruns: Path, sweep: str, task: str) -> Path | None:
    """Find a task's checkpoints; None where the ledger's name is a path, or a link leads anywhere else."""
    if task != os.path.basename(task) or task in ("", ".", ".."):
        return None
    place = sweep_folder(mlruns.resolve(), sweep) / "trials" / task / CHECKPOINTS
    return place if place.is_dir() and place.resolve() == place else None


def folder_size(folder: Path) -> int:
    """Sum the bytes of the files below a folder; links are not followed."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_dir() else path.lstat().st_size
        except FileNotFoundError:  # it went while we looked
            continue
    return total


def _tasks(folder: Path) -> dict[str, dict[str, Any]]:
    """Give each task's start and last end, as the ledger has them; what was started again has no end."""
    tasks: dict[str, dict[str, Any]] = {}
    for event in read_ledger(folder):
        if event["event"] == "start":
            tasks[event["name"]] = {**event, "state": None}
        elif event["event"] == "end":
            tasks.setdefault(event["name"], {}).update(event)
    return tasks


def _best(tasks: dict[str, dict[str, Any]]) -> set[str]:
    best: dict[tuple[Any, ...], tuple[float, str]] = {}
    for name, values in tasks.items():
        score = values.get("validation")
        if values.get("state") != "complete" or score is None:
            continue
        replicate = values.get("role") == "replicate"
        group = (values.get("role"), values.get("architecture"), values.get("number") if replicate else None)
        if group not in best or score > best[group][0]:
            best[group] = (score, name)
    return {name for _, name in best.values()}


def _last_close(folder: Path) -> str | None:
    events = [event for event in read_ledger(folder) if event["event"] in ("open", "close")]
    return events[-1].get("state") if events else None
