"""A sweep removed whole: its folder, its runs and models in the store, and what they recorded."""

import shutil
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from rnnsweep.api.find_sweep import find_name
from rnnsweep.api.storage import (
    REMOVED,
    WHOLE,
    Cleaning,
    Removal,
    left_behind,
    refuse_removal,
    removal_of,
    removal_of_folder,
)
from rnnsweep.errors import UserError
from rnnsweep.files import own_folder
from rnnsweep.machine import read_machine
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.losers import folder_size
from rnnsweep.tracking.ship.own_files import alone_at_store
from rnnsweep.tracking.spool.archive import records_folder
from rnnsweep.tracking.spool.forget import forget_notes, forget_spools, kept_keys
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.sweep_runs import (
    StoredSweep,
    mark_deleted,
    remove_sweep as remove_stored,
    stored_sweep,
)


def remove_sweep(
    sweep: str | Path, *, yes: bool = False, before: Callable[[Cleaning], None] | None = None
) -> Cleaning:
    """List everything of a sweep, with `yes` remove it: then its name is free.

    That is its folder below mlruns/sweeps/, its runs of every start under this name with their artifacts and
    records, and the versions that it registered as models. Its file in sweeps/ stays. Where it is killed
    in between, the next call removes the rest.

    Args:
        sweep: a name or a file.
        yes: remove; without it nothing is changed.
        before: called with what is about to be removed, before anything is.

    Returns:
        what can be removed, or what was removed.

    Raises:
        UserError: there is no such sweep, it is running, or something cannot be removed.
    """
    places = find_paths()
    mlruns, name = places.mlruns, find_name(sweep, places)
    folder, left = SweepFolder.of(mlruns, name), [path for _, path in left_behind(mlruns, name)]
    with ExitStack() as locks:
        if folder.path.is_dir():
            _hold(folder, locks if yes else None)
        stored = stored_sweep(mlruns, name)
        keys = _keys(mlruns, name, folder, left, stored)
        removals = _removals(mlruns, name, folder, left, stored, keys)
        if not removals:
            SweepFolder.started(mlruns, name)  # names the sweeps that there are
        elsewhere = _elsewhere(mlruns, folder)
        if yes:
            if before is not None:
                before(Cleaning(tuple(removals), elsewhere, done=False))
            locks.enter_context(alone_at_store(mlruns))
            # killed after any of these, `status` says that the runs were deleted and names this command
            mark_deleted(mlruns, name)
            forget_spools(mlruns, keys, onerror=refuse_removal)
            remove_stored(mlruns, name, stored, onerror=refuse_removal)
            if folder.path.is_dir():
                left = [*left, _set_aside(mlruns, folder)]
            forget_notes(mlruns, keys)
            for one in left:
                shutil.rmtree(one, onerror=refuse_removal)
    return Cleaning(tuple(removals), elsewhere, yes)


def _set_aside(mlruns: Path, folder: SweepFolder) -> Path:
    """Move a sweep's folder away in one step: nobody sees half of one, and the name is free."""
    # one that never started gets an identity of its own, which begins no key of another sweep
    own = folder.key().rpartition(".")[2] if folder.is_started else uuid.uuid4().hex[:8]
    target = own_folder(mlruns, REMOVED, make=True) / f"{folder.name}.{own}"
    return folder.path.rename(target)


def _hold(folder: SweepFolder, locks: ExitStack | None) -> None:
    """Refuse a sweep that a controller or, where that is gone, a trial works in; hold it with `locks`."""
    if locks is not None:
        locks.enter_context(folder.hold())
    elif folder.is_running():
        raise folder.held()
    for task in folder.tasks():
        worker = None if task.outcome() else task.worker()
        process = worker.process() if worker else None
        if process is not None:
            raise UserError(
                f"{folder.name}: process {process.pid} still trains {task.name} of this sweep: wait for it"
                " or end it first"
            )


def _keys(mlruns: Path, name: str, folder: SweepFolder, left: list[Path], stored: StoredSweep) -> list[str]:
    """List the keys of the sweep's runs; those that the store names have to begin as its own do."""
    keys = {run.key for run in stored.runs if run.key and run.key.startswith(f"{name}.")}
    parents = [folder.key()] if folder.is_started else []
    for parent in (*parents, *(path.name for path in left)):
        keys |= kept_keys(mlruns, parent)
    return sorted(keys)


def _removals(
    mlruns: Path,
    name: str,
    folder: SweepFolder,
    left: list[Path],
    stored: StoredSweep,
    keys: list[str],
) -> list[Removal]:
    removals = [removal_of_folder(path, name) for path in (folder.path, *left) if path.is_dir()]
    removals += [
        removal_of(one, WHOLE, () if one.artifacts is None else (one.artifacts,))
        for one in (*stored.runs, *stored.models)
    ]
    removals += [
        Removal(f"version {one} of model {name}", WHOLE, 0, sweep=name, kind="registered model version")
        for one in stored.versions
    ]
    records = [path for path in (records_folder(mlruns, key) for key in keys) if path.is_dir()]
    removals += [
        Removal(f"records of {path.name}", WHOLE, folder_size(path), (path,), sweep=name, kind="record")
        for path in records
    ]
    return removals


def _elsewhere(mlruns: Path, folder: SweepFolder) -> dict[str, str]:
    """Say what of a sweep is on other machines, which nothing here removes."""
    if not folder.is_started:
        return {}
    server = read_note(mlruns, folder.key()).destination
    parts = []
    if server not in ("", LOCAL):
        parts.append(f"its runs at {server} (delete experiment {folder.name!r} there)")
    machine = folder.machine()
    if machine is not None:
        with suppress(UserError):  # its file may be gone
            there = read_machine(machine)
            if there.studies:
                parts.append(f"its copy at {there.studies}, from which `--on {machine}` brings it back")
            if there.locker:
                parts.append(f"its checkpoints at {there.locker}")
    return {folder.name: "; ".join(parts)} if parts else {}
