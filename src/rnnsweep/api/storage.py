"""What lies in `mlruns/`: what takes room, what may go, and the store made again from records."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.api.find_sweep import find_name, find_started, status
from rnnsweep.errors import UserError
from rnnsweep.files import own_folders
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.losers import folder_size, held, losers, why_kept
from rnnsweep.tracking.spool.archive import record_folders, records_folder
from rnnsweep.tracking.store.deleted import Deleted, deleted_entities, remove_entities

if TYPE_CHECKING:
    from rnnsweep.tracking.ship.rebuild import Rebuilt

WHOLE = "whole"  # why something of a sweep that is removed goes
REMOVED = "removed"  # below mlruns/: folders of sweeps on their way out


@dataclass(frozen=True)
class Removal:
    """Something that may go, and why."""

    what: str  # for people: gru-3 of sweep quickstart
    why: str  # loser | deleted | whole: the sweep is removed
    size: int  # bytes
    paths: tuple[Path, ...] = ()  # every folder that is removed
    left: str | None = None  # where its artifacts lie if not below mlruns/artifacts/: they stay
    run_id: str | None = None
    sweep: str | None = None  # of which it is
    kind: str = ""  # checkpoint folder | run | model | folder | record | registered model version


@dataclass(frozen=True)
class Cleaning:
    """What can be removed, or what was removed."""

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
    records: int = 0  # what its runs recorded, compressed: the store can be made again from it

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.checkpoints + self.artifacts + self.other + self.records


def disk_use(sweep: str | Path) -> DiskUse:
    """Measure what a sweep takes on this disk.

    Raises:
        UserError: there is no such sweep.
    """
    from rnnsweep.tracking.store.store import artifact_folder

    state = status(sweep)
    whole = folder_size(state.folder)
    checkpoints = sum(folder_size(task.checkpoints) for task in SweepFolder(state.folder).tasks())
    mlruns = find_paths().mlruns
    artifacts = folder_size(mlruns / "artifacts" / artifact_folder(state.sweep))
    records = sum(folder_size(place) for place in record_folders(mlruns, SweepFolder(state.folder).key()))
    return DiskUse(checkpoints, artifacts, whole - checkpoints, records)


def clean(
    sweep: str | Path | None = None,
    *,
    yes: bool = False,
    before: Callable[[Cleaning], None] | None = None,
) -> Cleaning:
    """List what can be removed: checkpoints of losers and the files of deleted runs; with `yes` remove it.

    `remove_sweep` removes all of a sweep.

    Losers are all trials of a finished sweep but the best of each architecture, and all replicates but the
    best. Nothing of a sweep that is running or can be resumed is touched, and nothing outside mlruns/,
    whatever the ledger or the database names.

    Args:
        sweep: a name or a file: only its losers and deleted runs; None: of all sweeps, and of single runs.
        yes: remove; without it nothing is changed.
        before: called with what is about to be removed, before anything is.

    Returns:
        what can be removed, or what was removed.

    Raises:
        UserError: there is no such sweep, or something cannot be removed.
    """
    mlruns = find_paths().mlruns
    names = (
        [find_name(sweep, find_paths())]
        if sweep is not None
        else [one.name for one in SweepFolder.every(mlruns)]
    )
    with ExitStack() as locks:
        removals, refusals = _losers(mlruns, names, locks if yes else None)
        # a sweep that can be resumed still needs its own runs and models
        entities = [
            one
            for one in deleted_entities(mlruns)
            if one.sweep not in refusals and (sweep is None or one.sweep in names)
        ]
        removals += [_removal(mlruns, one) for one in entities]
        aside = left_behind(mlruns, None if sweep is None else names[0])
        removals += [removal_of_folder(path, own) for own, path in aside]
        if yes:
            if before is not None:
                before(Cleaning(tuple(removals), refusals, done=False))
            _remove(mlruns, removals, entities)
    return Cleaning(tuple(removals), refusals, yes)


def _losers(mlruns: Path, names: list[str], locks: ExitStack | None) -> tuple[list[Removal], dict[str, str]]:
    """List the losers of sweeps, which `locks` hold from now on, and which sweeps are left alone and why."""
    removals: list[Removal] = []
    refusals: dict[str, str] = {}
    for name in names:
        refusal = locks.enter_context(held(mlruns, name)) if locks else why_kept(mlruns, name)
        if refusal is not None:
            refusals[name] = refusal
            continue
        removals += [
            Removal(
                f"{one.task} of sweep {name}",
                "loser",
                one.size,
                (one.folder,),
                sweep=name,
                kind="checkpoint folder",
            )
            for one in losers(mlruns, name)
        ]
    return removals, refusals


def _removal(mlruns: Path, one: "Deleted") -> Removal:
    records = records_folder(mlruns, one.key) if one.kind == "run" and one.key else None
    places = (_own_folder(mlruns, one), one.artifacts, records)
    return removal_of(one, "deleted", tuple(path for path in places if path is not None and path.is_dir()))


def removal_of(one: "Deleted", why: str, paths: tuple[Path, ...]) -> Removal:
    """Make the removal of a run or a model of the store, with the folders that go."""
    run_id = one.id if one.kind == "run" else None
    size = sum(folder_size(path) for path in paths)
    what = f"{one.kind} {one.id[:10]} {one.name}"
    return Removal(what, why, size, paths, one.foreign, run_id, sweep=one.sweep, kind=one.kind)


def removal_of_folder(path: Path, sweep: str) -> Removal:
    """Make the removal of a sweep's folder, below mlruns/sweeps/ or set aside."""
    return Removal(f"folder of sweep {sweep}", WHOLE, folder_size(path), (path,), sweep=sweep, kind="folder")


def left_behind(mlruns: Path, name: str | None = None) -> list[tuple[str, Path]]:
    """List the folders that were set aside to remove a sweep, or one sweep, and that are still there."""
    folders = [(path.name.rpartition(".")[0], path) for path in own_folders(mlruns, REMOVED)]
    return [(own, path) for own, path in folders if name in (None, own)]


def _own_folder(mlruns: Path, run: "Deleted") -> Path | None:
    """Find the checkpoints of a deleted single run."""
    if not run.key or run.sweep or run.key != os.path.basename(run.key) or run.key in (".", ".."):
        return None
    folder = mlruns.resolve() / "runs" / run.key
    return folder if folder.is_dir() and folder.resolve() == folder else None


def _remove(mlruns: Path, removals: list[Removal], entities: list["Deleted"]) -> None:
    remove_entities(mlruns, entities, onerror=refuse_removal)
    for one in removals:
        for path in one.paths:
            shutil.rmtree(path, onerror=refuse_removal)


def refuse_removal(function: Callable[..., object], path: str, error: object) -> None:
    """Make an error of a folder that cannot be removed; one that is gone already is none."""
    failure = error[1] if isinstance(error, tuple) else error
    if not isinstance(failure, FileNotFoundError):
        raise UserError(f"{path}: cannot be removed ({failure})")


def rebuild_store(
    sweep: str | Path | None = None, *, tell: Callable[[str], object] = lambda words: None
) -> "Rebuilt":
    """Make MLflow's side of a sweep again, or that of all runs: runs, points, parameters, artifacts.

    Runs that the store has keep their ids and get what they lack. Registered models are not among it:
    `log_models` makes them from the checkpoints.

    Args:
        sweep: a name or a file; None: all sweeps and single runs.
        tell: called with what is done, before it takes long.

    Raises:
        UserError: there is no such sweep, it is running, or nothing was recorded.
    """
    from rnnsweep.tracking.ship.rebuild import rebuild
    from rnnsweep.tracking.spool.spool import belongs

    places = find_paths()
    folder = None if sweep is None else find_started(sweep, places)
    for one in [folder] if folder else SweepFolder.every(places.mlruns):
        if one.is_running():
            raise UserError(f"sweep {one.name!r} is running: wait for it or stop it first")
    own = folder.key() if folder else None
    done = rebuild(
        places.mlruns,
        wanted=lambda key: own is None or belongs(key, own),
        tell=tell,
    )
    if not (done.runs or done.deleted or done.elsewhere):
        what = f"of sweep {folder.name!r}" if folder else f"in {places.mlruns}"
        raise UserError(
            f"no records {what}: runs of versions that kept none in mlruns/records/ are in mlruns/mlflow.db"
            " alone; put a copy of it back"
        )
    return done
