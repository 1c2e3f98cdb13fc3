"""One sweep on a simulated cluster: what its controller computes, waits for and writes, measured."""

import json
import re
import resource
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._cluster_simulated import SimulatedCluster
from benchmarks._controller import REPORTS, SWEEP
from benchmarks._no_records import NoRecords
from benchmarks._simulated_agents import simulated
from benchmarks._simulated_time import Latency, Moment
from benchmarks._simulated_world import World

MEASURED = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.json"
START, ANSWER = "agent on Ray, start to Started", "agent on Ray, report to answer"
WEIGHTS = 2 << 20  # bytes of a trial's best weights, as in the benchmark of lockers
SHIPPED = 100  # trials that are sent to SQLite for real


@dataclass(frozen=True)
class Case:
    """A sweep to simulate.

    Attributes:
        slots: of the cluster.
        trials: in all studies.
        studies: as many architectures, copies of one.
        seconds: of a trial that is not pruned, on average; they are drawn from two to four thirds of it.
        disk_ms: one wait for the disk.
    """

    slots: int
    trials: int
    studies: int = 20
    seconds: float = 90.0
    disk_ms: float = 1.0


def latency(case: str) -> Latency:
    """Read a measured latency from the page of benchmarks: its median, and below what 95 % lie."""
    (row,) = [row for row in json.loads(MEASURED.read_text(encoding="utf-8")) if row["case"] == case]
    found = re.search(r"95 % within ([\d.]+) ms", row["note"])
    assert found, f"{MEASURED}: {case!r}: its note names no 95 %"
    return Latency(row["ours"] / 1000, float(found[1]) / 1000)


MARKS = (1000, 3000, 10_000, 30_000, 100_000)  # trials of a sweep at which is noted what it has cost


def run_case(case: Case, note: Path | None = None) -> dict[str, Any]:
    """Run the sweep of a case; return its row. In a process of its own, whose memory is then the case's.

    Args:
        case: what is simulated.
        note: a file to which each mark of the sweep is appended as soon as it is reached.
    """
    from rnnsweep.engine import run_sweep
    from rnnsweep.sweepfile import read_sweep

    world = World(
        case.slots,
        latency(START),
        latency(ANSWER),
        case.disk_ms / 1000,
        (case.seconds * 2 / 3, case.seconds * 4 / 3),
        REPORTS,
        WEIGHTS,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        names = ", ".join(f"bag{number}: [model=bag]" for number in range(case.studies))
        path = folder / "thousand.yaml"
        text = SWEEP.format(architectures=f"{{{names}}}", trials=case.trials // case.studies)
        path.write_text(text, encoding="utf-8")
        marks: list[dict[str, float]] = []
        with simulated(world, folder / "locker") as (launcher, cluster, clock):
            cluster.on_end = partial(_mark, marks, cluster, folder / "mlruns" / "sweeps" / "thousand", note)
            summary = run_sweep(
                read_sweep(path),
                mlruns=folder / "mlruns",
                launcher=launcher,
                clock=clock,
                records=NoRecords(),
                prepare=lambda run: "corpus",
                accept_changes=True,
            )
        assert cluster.first is not None
        assert cluster.last is not None
        assert summary.ran == case.trials
        hours = (cluster.over_at - cluster.first.time) / 3600
        return {
            **asdict(case),
            "nodes": len(cluster.rooms),
            "reports": cluster.reported / case.trials,
            "started": len(cluster.started),
            "ended_once": len(set(cluster.ended)),
            **_rates(cluster.first, cluster.last),
            "busy": cluster.trained(),
            "silent_s": launcher.silent_s,
            "hours": hours,
            "slot_hours": hours * case.slots,
            "node_hours": hours * len(cluster.rooms),
            "controller_hours": clock.computed / 3600,
            "trial_ms": 1000 * clock.computed / case.trials,
            "syncs": clock.syncs / case.trials,
            "letters": cluster.letters / case.trials,
            "memory_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "marks": marks,
            **_bytes(folder / "mlruns", cluster.spooled, case.trials),
        }


def _mark(
    marks: list[dict[str, float]], cluster: SimulatedCluster, folder: Path, note: Path | None, trials: int
) -> None:
    """Note what a sweep has cost, where so many trials are one of the marks."""
    if trials not in MARKS:
        return
    now, first = cluster.now(), cluster.first
    assert first is not None
    since = marks[-1] if marks else {"trials": 0, "computed": first.computed}
    mark = {
        "trials": trials,
        "hours": (now.time - first.time) / 3600,
        "computed": now.computed,
        "trial_ms": 1000 * (now.computed - since["computed"]) / (trials - since["trials"]),
        "memory_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "journal_bytes": (folder / "journal.log").stat().st_size,
        "ledger_bytes": (folder / "ledger.jsonl").stat().st_size,
        "spool_bytes": cluster.spooled,
    }
    marks.append(mark)
    if note is not None:
        with note.open("a", encoding="utf-8") as file:
            file.write(json.dumps(mark) + "\n")


def _rates(first: Moment, last: Moment) -> dict[str, float]:
    """Return what the controller did a second, and an event, while there were trials to start."""
    seconds, events = last.clock - first.clock, last.events - first.events
    computed, waited = last.computed - first.computed, last.waited - first.waited
    return {
        "event_ms": 1000 * computed / events if events else 0.0,
        "load": computed / seconds if seconds else 0.0,
        "disk": waited / seconds if seconds else 0.0,
        "trials_a_second": (last.ended - first.ended) / seconds if seconds else 0.0,
    }


def _bytes(mlruns: Path, spooled: int, trials: int) -> dict[str, float]:
    """Return the bytes that each trial leaves on the controller's disk, its weights left out."""
    folder = mlruns / "sweeps" / "thousand"
    spooled += _size(mlruns, "spool/*.jsonl")
    kept = [path for path in (folder / "trials").rglob("*") if path.is_file() and path.suffix != ".ckpt"]
    sizes = {
        "journal": (folder / "journal.log").stat().st_size,
        "ledger": (folder / "ledger.jsonl").stat().st_size,
        "folder": sum(path.stat().st_size for path in kept),
        "spool": spooled,
    }
    return {f"{name}_bytes": size / trials for name, size in sizes.items()}


def run_store(trials: int = SHIPPED) -> dict[str, float]:
    """Send trials of this size to SQLite for real; return what each costs there."""
    from benchmarks._trial_record import record
    from rnnsweep.config import compose
    from rnnsweep.tracking.ship.shipping import ship_once
    from rnnsweep.tracking.store.address import LOCAL
    from rnnsweep.tracking.store.store import ensure_store
    from rnnsweep.tracking.tags import Tag
    from rnnsweep.trial import TrialTask

    run = compose(("model=bag",))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        mlruns = Path(name) / "mlruns"
        ensure_store(mlruns)
        place: dict[str, Any] = {"folder": mlruns / "t", "mlruns": mlruns, "experiment": "many", "name": "t"}
        tags = {Tag.ROLE: "trial", Tag.SWEEP: "many", Tag.ARCHITECTURE: "bag"}  # no trial has a picture
        task = TrialTask("t", "trial", "bag", (), **place, tags=tags, run=run)
        seen = []
        for first, last in ((0, trials // 2), (trials // 2, trials)):  # the first half makes the tables
            for number in range(first, last):
                own = replace(task, key=f"many.{number}", number=number)
                record(own, mlruns, reports=REPORTS, samples=9)
            done = ship_once(mlruns, LOCAL, deadline_s=3600)
            assert not done.waiting, done
            with closing(sqlite3.connect(mlruns / "mlflow.db")) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            seen.append((_size(mlruns, "mlflow.db"), _size(mlruns, "*/**/*")))
    (database, others), (database_after, others_after) = seen
    count = trials - trials // 2
    return {
        "database_bytes": (database_after - database) / count,
        "record_bytes": (others_after - others) / count,
    }


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())
