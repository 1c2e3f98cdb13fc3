"""House-keeping: what takes room, and what may go."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.finding import find_name, status
from rnnsweep.errors import UserError
from rnnsweep.places import find_places

if TYPE_CHECKING:
    from rnnsweep.tracking.deleted import DeletedRun


@dataclass(frozen=True)
class Removal:
    """Something that may go, and why."""

    what: str  # for people: gru-3 of sweep quickstart
    why: str  # loser | deleted
    size: int  # bytes
    path: Path | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Cleaning:
    """What may go, or what went."""

    removals: tuple[Removal, ...]
    kept: Mapping[str, str]  # sweep -> why nothing of it was looked at
    done: bool

    @property
    def size(self) -> int:
        """Bytes of all removals."""
        return sum(one.size for one in self.removals)


@dataclass(frozen=True)
class DiskUse:
    """Bytes of a sweep."""

    checkpoints: int
    artifacts: int  # of its runs and models in the local store
    other: int  # logs, journal, ledger, report

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.checkpoints + self.artifacts + self.other


def disk_use(sweep: str | Path) -> DiskUse:
    """Measure what a sweep takes on this disk.

    Raises:
        UserError: there is no such sweep.
    """
    from rnnsweep.study.losers import CHECKPOINTS, folder_size

    found = status(sweep)
    whole = folder_size(found.folder)
    checkpoints = sum(folder_size(place) for place in found.folder.glob(f"trials/*/{CHECKPOINTS}"))
    artifacts = find_places().mlruns / "artifacts" / found.sweep
    return DiskUse(checkpoints, folder_size(artifacts) if artifacts.is_dir() else 0, whole - checkpoints)


def clean(sweep: str | Path | None = None, *, yes: bool = False) -> Cleaning:
    """List what may go: checkpoints of losers and the files of deleted runs; with `yes` remove it.

    Losers are all trials of a finished sweep but the best of each architecture, and all replicates but the
    best. Nothing of a sweep that is running or can be gone on with is touched, and nothing outside mlruns/.

    Args:
        sweep: a name or a file: only its losers; None: of all sweeps, and deleted runs.
        yes: remove; without it nothing is changed.

    Raises:
        UserError: there is no such sweep, or something cannot be removed.
    """
    mlruns = find_places().mlruns
    names = [find_name(sweep, find_places())] if sweep is not None else _sweeps(mlruns)
    with ExitStack() as locks:
        removals, kept = _losers(mlruns, names, locks)
        if sweep is None:
            removals += _deleted(mlruns, kept)
        if yes:
            _remove(mlruns, removals)
    return Cleaning(tuple(removals), kept, yes)


def _sweeps(mlruns: Path) -> list[str]:
    return sorted(path.parent.name for path in (mlruns / "sweeps").glob("*/start.json"))


def _losers(mlruns: Path, names: list[str], locks: ExitStack) -> tuple[list[Removal], dict[str, str]]:
    from rnnsweep.study.losers import held, losers

    removals: list[Removal] = []
    kept: dict[str, str] = {}
    for name in names:
        refusal = locks.enter_context(held(mlruns, name))
        if refusal is not None:
            kept[name] = refusal
            continue
        removals += [
            Removal(f"{one.task} of sweep {name}", "loser", one.size, one.folder)
            for one in losers(mlruns, name)
        ]
    return removals, kept


def _deleted(mlruns: Path, kept: Mapping[str, str]) -> list[Removal]:
    """Runs deleted in the UI; a sweep that can be gone on with still needs its own."""
    from rnnsweep.study.losers import folder_size
    from rnnsweep.tracking.deleted import deleted_runs

    removals = []
    for run in deleted_runs(mlruns):
        if run.sweep in kept:
            continue
        own = _own_folder(mlruns, run)
        size = sum(folder_size(place) for place in (own, run.artifacts) if place is not None)
        removals.append(Removal(f"run {run.run_id[:8]} {run.name}", "deleted", size, own, run.run_id))
    return removals


def _own_folder(mlruns: Path, run: "DeletedRun") -> Path | None:
    """Find the checkpoints of a deleted single run."""
    if not run.key or run.sweep:
        return None
    folder = mlruns / "runs" / run.key
    inside = folder.resolve().parent == (mlruns / "runs").resolve()
    return folder if inside and folder.is_dir() and not folder.is_symlink() else None


def _remove(mlruns: Path, removals: list[Removal]) -> None:
    from rnnsweep.tracking.deleted import collect

    run_ids = [one.run_id for one in removals if one.run_id is not None]
    if run_ids:
        collect(mlruns, run_ids)
    for one in removals:
        if one.path is not None:
            shutil.rmtree(one.path, onerror=_refuse)


def _refuse(function: Callable[..., object], path: str, error: object) -> None:
    failure = error[1] if isinstance(error, tuple) else error
    if not isinstance(failure, FileNotFoundError):
        raise UserError(f"{path}: cannot be removed ({failure})")
