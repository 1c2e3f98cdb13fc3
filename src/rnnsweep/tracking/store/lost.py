"""Runs of a sweep that the local store had and has no more: deleted in MLflow, or gone with a database."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rnnsweep.safety.shell import command_line
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.spool.archive import records_folder
from rnnsweep.tracking.spool.note import read_note
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
    nothing_left: bool = False  # not one of its trials, replicates and fits

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
    ids: dict[str, str] = {}  # key -> run_id
    for key in (own, *(folder.key(task.name) for task in folder.tasks())):
        note = read_note(mlruns, key)
        if note.run_id and note.destination == LOCAL:
            ids[key] = note.run_id
    stages = _stages(mlruns, ids)
    lost = [key for key in ids if stages.get(key) != "active"]
    if not lost:
        return None
    gone = [key for key in lost if key not in stages and records_folder(mlruns, key).is_dir()]
    left = set(ids) - set(lost) - {own}
    return LostRuns(folder.name, len(ids), len(lost) - len(gone), len(gone), nothing_left=not left)


def _stages(mlruns: Path, ids: dict[str, str]) -> dict[str, str]:
    """Return {key: active | deleted} of the runs that have a row in the local store."""
    if not database(mlruns).exists():
        return {}
    with closing(open_for_reading(database(mlruns))) as connection:
        found = {}
        for key, run_id in ids.items():
            row = connection.execute(tables.STAGE, {"run": run_id}).fetchone()
            if row is not None:
                found[key] = str(row[0])
        return found
