"""What there is: sweeps that can be started or were, and single runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.state import SweepStatus
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import EndState
from rnnsweep.sweepfile import question_of

NOT_STARTED = "not started"
RECENT = 20  # single runs that are listed
FIRST = "quickstart"  # the example to begin with


@dataclass(frozen=True)
class ListedSweep:
    """A sweep, its progress, and what is left of it."""

    sweep: str
    state: str  # not started | running | paused | interrupted | finished | unreadable
    question: str = ""
    file: str | None = None  # of sweeps/, where there is one of this name
    trials: Mapping[str, int] = field(default_factory=dict)  # by outcome
    replicates: int = 0  # done
    replicates_wanted: int = 0
    left: Mapping[str, int] = field(default_factory=dict)  # trials and replicates that are still to run
    own: bool = True  # of this project; False: an example that the package brings
    lost: str = ""  # which of its runs are not in the local store any more, and what to do

    @property
    def started(self) -> bool:
        """Whether it has a folder in mlruns/sweeps/."""
        return self.state != NOT_STARTED


def list_sweeps() -> tuple[ListedSweep, ...]:
    """List the sweeps of this project: those that were started, then files of sweeps/ that were not.

    Of these, own files come before the package's examples, and what was written last before older files.
    """
    from rnnsweep.api.find_sweep import status

    places = find_paths()
    files = {f.stem: f for folder in reversed(places.sweeps) for f in sorted(folder.glob("*.yaml"))}
    started = [one.name for one in SweepFolder.every(places.mlruns)]
    listed = []
    for name in started:
        try:
            listed.append(_started(status(name), files.get(name)))
        except UserError as error:
            listed.append(ListedSweep(name, "unreadable", question=str(error)))
    rest = [
        ListedSweep(name, NOT_STARTED, _question(f), str(f), own=f.parent == places.sweeps[0])
        for name, f in sorted(files.items(), key=_age)
        if name not in started
    ]
    return (*listed, *sorted(rest, key=lambda one: not one.own))


def _age(named: tuple[str, Path]) -> tuple[float, bool, str]:
    """Return a key that sorts files by the minute they were written in, the newest first, then by name.

    The files of a clone are all of one minute: there the quickstart comes first.
    """
    name, file = named
    try:
        written = file.stat().st_mtime
    except OSError:  # gone since
        written = 0.0
    return -(written // 60), name != FIRST, name


def _started(status: "SweepStatus", file: Path | None) -> ListedSweep:
    return ListedSweep(
        status.sweep,
        status.state,
        _question(status.folder / "sweep.yaml"),
        str(file) if file else None,
        dict(status.trials),
        sum(one.replicates for one in status.standings),
        sum(one.replicates_wanted for one in status.standings),
        left_of(status),
        lost=status.lost,
    )


def left_of(status: "SweepStatus") -> dict[str, int]:
    """Count the trials and replicates of a sweep that are still to run; nothing where it is finished."""
    if status.state == "finished":
        return {"trials": 0, "replicates": 0}
    return {
        "trials": sum(one.waiting + one.running for one in status.standings),
        "replicates": sum(max(0, one.replicates_wanted - one.replicates) for one in status.standings),
    }


def _question(file: Path) -> str:
    try:
        return question_of(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""


def list_runs(most: int = RECENT) -> list[dict[str, Any]]:
    """List the latest single runs, the newest first; those of sweeps are listed by `runs(sweep)`.

    A run whose process died is `interrupted`, whatever the store says: the next `sync` tells it.

    Raises:
        UserError: the store does not answer.
    """
    from rnnsweep.api.comparing.answers import runs
    from rnnsweep.tracking.spool.stale import stale_keys
    from rnnsweep.tracking.store.address import LOCAL, destination

    if destination(None) == LOCAL and not (find_paths().mlruns / "mlflow.db").is_file():
        return []
    table = runs()
    single = table[table["role"] == "single"].tail(most).iloc[::-1]
    dead = (single["state"] == "running") & single["key"].isin(stale_keys(find_paths().mlruns))
    single = single.assign(state=single["state"].mask(dead, str(EndState.INTERRUPTED)))
    columns = ["run_id", "name", "architecture", "state", "score", "validation", "test", "started"]
    rows = single[columns].astype({"started": str}).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
