"""Runs of a sweep that the local store had and has no more: deleted in MLflow, or gone with a database."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rnnsweep.safety.shell import command_line
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.spool.archive import records_folder
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.spool.spool import spool_folder
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.opened import open_for_reading
from rnnsweep.tracking.store.store import database


@dataclass(frozen=True)
class LostRuns:
    """Of the runs of a sweep that the store had, those that it has no more."""

    sweep: str
    of: int  # runs that it had
    deleted: int = 0  # in the UI, or removed for good since
    gone: int = 0  # for another reason: their records can be sent again
    nothing_left: bool = False  # not one of its trials, replicates and fits, nor is one to come

    @property
    def number(self) -> int:
        """How many."""
        return self.deleted + self.gone

    @property
    def next(self) -> str:
        """The command that makes them again, or that removes what else there is of the sweep."""
        if self.gone:
            return command_line("store", "rebuild", self.sweep)
        return command_line("clean", self.sweep, "--whole")

    @property
    def words(self) -> str:
        """What happened to how many, in a sentence without its end."""
        how = "are not in the store" if self.gone else "were deleted in MLflow"
        one = "is not in the store" if self.gone else "was deleted in MLflow"
        if self.number == self.of:
            return f"its {self.of} runs {how}" if self.of > 1 else f"its run {one}"
        return f"{self.number} of its {self.of} runs {how if self.number > 1 else one}"

    @property
    def sentence(self) -> str:
        """What happened, and what to do about it."""
        if self.gone:
            return f"{self.words}; make them again with: {self.next}"
        if self.nothing_left:
            return f"{self.words}; remove the sweep with: {self.next}"
        return f"{self.words}: a comparison does without them"


def lost_runs(folder: SweepFolder, mlruns: Path) -> LostRuns | None:
    """Look for runs of a sweep that the local store had and has no more; None where it has all of them."""
    if not folder.is_started or not (mlruns / "spool").is_dir():
        return None
    own = folder.key()
    keys = [own, *(f"{own}.{task.name}" for task in folder.tasks())]
    active = _active(mlruns, own).intersection(keys)
    ids: dict[str, str] = {}  # key -> run_id, of the others: ten thousand notes take seconds
    for key in keys:
        if key not in active and (note := read_note(mlruns, key)).run_id and note.destination == LOCAL:
            ids[key] = note.run_id
    stages = _stages(mlruns, ids)
    lost = [key for key in ids if stages.get(key) != "active"]
    if not lost:
        return None
    gone = [key for key in lost if key not in stages and records_folder(mlruns, key).is_dir()]
    # a run on its way to the store, or of a sweep that goes on, leaves something to compare
    sent = active | set(ids)
    left = sent - set(lost) - ({own} if folder.is_finished() else set())
    nothing_left = not left and not any(_is_kept(mlruns, key) for key in keys[1:] if key not in sent)
    return LostRuns(folder.name, len(sent), len(lost) - len(gone), len(gone), nothing_left=nothing_left)


def _active(mlruns: Path, own: str) -> set[str]:
    """Return the keys of a sweep's runs that the local store has."""
    if not database(mlruns).exists():
        return set()
    with closing(open_for_reading(database(mlruns))) as connection:
        return {str(row[0]) for row in connection.execute(tables.ACTIVE_KEYS, {"own": own})}


def _is_kept(mlruns: Path, key: str) -> bool:
    """Return whether a run is not sent yet, or was recorded and sent to who knows where."""
    return (spool_folder(mlruns) / f"{key}.jsonl").is_file() or records_folder(mlruns, key).is_dir()


def _stages(mlruns: Path, ids: dict[str, str]) -> dict[str, str]:
    """Return {key: active | deleted} of the runs that have a row in the local store."""
    if not ids or not database(mlruns).exists():
        return {}
    with closing(open_for_reading(database(mlruns))) as connection:
        found = {}
        for key, run_id in ids.items():
            row = connection.execute(tables.STAGE, {"run": run_id}).fetchone()
            if row is not None:
                found[key] = str(row[0])
        return found
