"""Find sweeps: their files, their names, what they were asked when they started, and how far they are."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rnnsweep import state
from rnnsweep.config import compose, recorded_settings
from rnnsweep.errors import UserError, nearest
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.safety.shell import run_command
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.start import refusal_of
from rnnsweep.sweepfile import Sweep, read_sweep
from rnnsweep.tracking.store.address import LOCAL, destination
from rnnsweep.tracking.store.lost import LostRuns, lost_runs


def status(name: str | Path) -> "state.SweepStatus":
    """Return the progress of a sweep, from any process.

    Raises:
        UserError: there is no such sweep.
    """
    places, folder = find_paths(), find_started(name, find_paths())
    now = state.read_status(places.mlruns, folder.name)
    lost = None
    if now.state in ("finished", "interrupted"):
        with suppress(UserError, sqlite3.Error):  # a store that cannot be read hides no progress
            lost = _lost(folder, places)
    if lost is None:
        return now
    if lost.gone or lost.nothing_left:
        return replace(now, lost=lost.sentence, next=lost.next, aim="")
    return replace(now, lost=lost.sentence)


def resume_command(name: str | Path) -> str:
    """Write the command that resumes a sweep where its trials ran last."""
    places = find_paths()
    return SweepFolder.of(places.mlruns, find_name(name, places)).command("sweep")


def start_command(
    question: str | Path, *, trials: int | None = None, studies: int = 1, on: str | Path | None = None
) -> str:
    """Return the command that starts a sweep, or resumes it, with the options that it was given.

    Args:
        question: its file or name.
        trials: of each architecture, in place of what the file says.
        studies: whole searches in all.
        on: the machine, as ``--on`` takes it.
    """
    words = [] if trials is None else ["--trials", str(trials)]
    words += ["--studies", str(studies)] if studies > 1 else []
    return run_command("sweep", question, *words, on=on)


def refusal(question: str | Path) -> str | None:
    """Return why `sweep` would refuse a file that changed since it started a sweep; None where it would not.

    Raises:
        UserError: there is no such file, or it cannot be used.
    """
    places = find_paths()
    asked = read_sweep(find_file(question, places))
    return refusal_of(asked, SweepFolder.of(places.mlruns, asked.name))


def find_file(question: str | Path, places: ProjectPaths) -> Path:
    """Find a file of sweeps/ by its path or by its name.

    Raises:
        UserError: there is no such file; the message names the nearest.
    """
    path = Path(question)
    if path.is_file():
        return path
    known = {file.stem: file for folder in reversed(places.sweeps) for file in sorted(folder.glob("*.yaml"))}
    if path.suffix in ("", ".yaml", ".yml") and path.stem in known and len(path.parts) <= 2:
        return known[path.stem]
    listed = f"there is {', '.join(sorted(known))}" if known else f"{places.sweeps[0]} has none"
    raise UserError(f"{question}: no such sweep file; {listed}.{nearest(path.stem, known)}")


def find_question(question: str | Path, places: ProjectPaths) -> Sweep:
    """Read a file of sweeps/ by its path or name, or what a started sweep of that name was asked.

    So every command that names a sweep runs, wherever the sweep's file lies.

    Raises:
        UserError: there is neither such a file nor such a sweep, or it cannot be used.
    """
    try:
        path = find_file(question, places)
    except UserError:
        again = started(str(question), places) if Path(question).name == str(question) else None
        if again is None:
            raise
        return again
    return read_sweep(path)


def find_name(name: str | Path, places: ProjectPaths) -> str:
    """Find a sweep's name by its name or by its file."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or (path.is_file() and len(path.parts) > 1):
        return read_sweep(find_file(path, places)).name
    return str(name)


def find_started(name: str | Path, places: ProjectPaths) -> SweepFolder:
    """Find the folder of a sweep that was started, by its name or by its file.

    Raises:
        UserError: there is no such sweep, or it was not started yet.
    """
    own = find_name(name, places)
    waiting = any((folder / f"{own}.yaml").is_file() for folder in places.sweeps)
    if waiting and not SweepFolder.of(places.mlruns, own).is_started:
        raise UserError(f"sweep {own!r} was not started yet; to start it: {start_command(own)}")
    return SweepFolder.started(places.mlruns, own)


def started_name(sweep: str | Path) -> str:
    """Return the name of a sweep that was started.

    Raises:
        UserError: as `find_started`.
    """
    return find_started(sweep, find_paths()).name


def started_names(sweeps: Sequence[str | Path], places: ProjectPaths) -> list[str]:
    """Return the names of sweeps that were started; refuse architectures behind the name of their sweep.

    A comparison of some pairs of a sweep, chosen when all are known, would be corrected for too few.

    Raises:
        UserError: as `find_started`; an architecture is named: where its pairs are, and what would be right.
    """
    asked = started(find_name(sweeps[0], places), places) if sweeps else None
    for name in map(str, sweeps[1:]):
        if (
            asked is not None
            and name in asked.architectures
            and not SweepFolder.of(places.mlruns, name).is_started
        ):
            raise UserError(
                f"{name}: is an architecture of sweep {asked.name!r}, and no sweep. Each pair has its line in"
                f" {run_command('compare', asked.name, '--details')}. Its p is corrected for all pairs, and"
                " would be too small for a few that are chosen afterwards. To ask about these alone, write a"
                f" sweep file with `like: {asked.name}`, fewer `architectures:` and another `seed:`"
            )
    return [find_started(sweep, places).name for sweep in sweeps]


def started(name: str, places: ProjectPaths) -> Sweep | None:
    """Read the question of a sweep as it was when it started; None where that is not known."""
    snapshot = SweepFolder.of(places.mlruns, name).question
    return replace(read_sweep(snapshot), name=name) if snapshot.is_file() else None


def refuse_without_runs(
    folder: SweepFolder, places: ProjectPaths, *, uri: str | None = None
) -> LostRuns | None:
    """Refuse to go on with a sweep of which the local store has no run any more; return which it lacks.

    Args:
        folder: of the sweep.
        places: of the project.
        uri: of the store that is read, as setting `tracking.uri`; None is the sweep's own.

    Raises:
        UserError: that is so; the message names the command to remove the sweep or to make its runs again.
    """
    lost = _lost(folder, places, uri)
    if lost is not None and lost.nothing_left:
        raise UserError(f"sweep {folder.name!r}: {lost.sentence}")
    return lost


def _lost(folder: SweepFolder, places: ProjectPaths, uri: str | None = None) -> LostRuns | None:
    """Look for runs that the local store has no more, where that is the store."""
    lost = lost_runs(folder, places.mlruns)
    if lost is None or destination(uri or store_of(folder.name, places)) != LOCAL:
        return None
    return lost


def store_of(name: str, places: ProjectPaths) -> str | None:
    """Return the store that a sweep's overrides name; None where they leave it to the environment.

    Raises:
        UserError: they name one that the user never did.
    """
    from rnnsweep.tracking.store.address import named_by_file

    asked = started(name, places)
    if asked is None:
        return None
    conf = SweepFolder.of(places.mlruns, name).conf
    with recorded_settings():
        uri = compose(asked.chosen(asked.architectures[0]), conf=conf).tracking.uri
    return named_by_file(uri, f"sweep {name}")
