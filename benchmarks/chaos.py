"""Kill a real sweep again and again, controller and trials, and count what was lost.

    python benchmarks/chaos.py --trials 60 --kills 50

Each kill is a SIGKILL at a random moment: of the controller, of one trial, or of both at once. After a
killed controller the same command goes on. At the end every trial must have been told once, every run must
have an end state, and no curve may have a gap or a point twice. Prints the counts as JSON; the exit status
is 1 where one is not 0.
"""

import argparse
import csv
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

RUNGS = 4
CURVES = ("validation/accuracy", "validation/loss", "train/loss", "epoch")
SWEEP = """\
# What is left of a sweep that is killed all the time?
name: chaos
architectures: [bag, gru]
trials: {trials}
replicates: 2
baseline: false
retries: 1000
pruner: {{name: median, startup: 4}}
overrides:
  - data=files
  - data.train={rows}
  - data.batch_size=4
  - model.embedding_size=8
  - trainer.max_epochs=2
  - trainer.validate_every=0.5
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-1, log: true}}
  model.hidden_size: {{type: int, low: 4, high: 16}}
"""
CONTROLLER = """\
import sys
from pathlib import Path
from rnnsweep.launchers import LocalLauncher
from rnnsweep.engine import run_sweep
from rnnsweep.sweepfile import read_sweep

sweep, mlruns = read_sweep(sys.argv[1]), Path(sys.argv[2])
summary = run_sweep(sweep, mlruns=mlruns, launcher=LocalLauncher(2), accept_changes=True)
print(summary.state)
"""


ENDS = ("complete", "pruned", "failed")
FAULTS = ("lost", "doubled", "left_running", "gaps", "doubles", "left_processes", "untold", "unequal")


@dataclass
class Counts:
    """What the kills did; all but kills, seconds and attempts must be 0."""

    kills: dict[str, int]
    seconds: float
    lost: int = 0  # trials without an end
    doubled: int = 0  # trials or runs beyond the budget
    left_running: int = 0  # runs without an end state
    gaps: int = 0  # curves with a point missing
    doubles: int = 0  # curves with a point twice
    left_processes: int = 0
    untold: int = 0  # trials of Optuna's journal without an end, or with numbers missing
    unequal: int = (
        0  # trials that ended otherwise in Optuna than in MLflow, or a status that adds up to others
    )
    attempts: int = 0  # processes that trials lost and went on without; not an error
    details: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost or doubled."""
        return not any(getattr(self, name) for name in FAULTS)


def chaos(
    folder: Path, *, trials: int, kills: int, seed: int = 0, pause: tuple[float, float] = (2, 8)
) -> Counts:
    """Run a sweep of `trials` trials for each of two architectures, with `kills` kills, and count."""
    draw = random.Random(seed)
    sweep = folder / "chaos.yaml"
    sweep.write_text(SWEEP.format(trials=trials, rows=_write_rows(folder)), encoding="utf-8")
    command = [sys.executable, "-c", CONTROLLER, str(sweep), str(folder / "mlruns")]
    began, done = time.monotonic(), Counter()
    controller = subprocess.Popen(command)
    while controller.poll() is None or controller.returncode != 0:
        if controller.poll() is not None:
            if controller.returncode > 0:
                raise RuntimeError(f"the controller failed by itself with status {controller.returncode}")
            controller = subprocess.Popen(command)
        if sum(done.values()) < kills:
            if draw.random() < 0.8:  # the others hit a sweep that only just starts
                _wait_for_work(controller, folder)
            time.sleep(draw.uniform(*pause))
            done += Counter(who for who in [_kill(controller, folder, draw)] if who != "nobody")
        else:
            controller.wait()
    return _count(folder, trials, Counts(dict(done), time.monotonic() - began))


def _wait_for_work(controller: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait until some trial works, so that a busy machine gets further between two kills."""
    while controller.poll() is None and not _working(folder):
        time.sleep(0.2)


def _kill(controller: "subprocess.Popen[bytes]", folder: Path, draw: random.Random) -> str:
    """Kill the controller, a trial, or both; give who was killed."""
    whom = draw.choice(["controller", "trial", "both"])
    working = _working(folder)
    killed = []
    if whom in ("trial", "both") and working:
        draw.choice(working).kill()
        killed.append("trial")
    if whom in ("controller", "both") and controller.poll() is None:
        controller.kill()
        controller.wait()
        killed.append("controller")
    return " and ".join(killed) or "nobody"


def _working(folder: Path) -> list[psutil.Process]:
    """Return the processes that work on a trial now."""
    from rnnsweep.state.folder import SweepFolder

    workers = [task.worker() for task in SweepFolder.of(folder / "mlruns", "chaos").tasks()]
    return [process for worker in workers if worker and (process := worker.process())]


def _count(folder: Path, trials: int, counts: Counts) -> Counts:
    from rnnsweep.state import read_status
    from rnnsweep.tracking import curves, runs

    mlruns = folder / "mlruns"
    table = runs(mlruns, "chaos")
    search = table[table["role"] == "trial"]
    ended = search[search["state"].isin(ENDS)]
    counts.lost = max(0, 2 * trials - len(ended))
    counts.doubled = max(0, len(search) - 2 * trials) + int(table["key"].duplicated().sum())
    counts.left_running = int((~table["state"].isin(ENDS)).sum()) + _running_in_mlflow(mlruns)
    counts.left_processes = len(_working(folder))
    counts.unequal = int(sum(read_status(mlruns, "chaos").trials[word] for word in ENDS) != 2 * trials)
    trained = table[table["role"] != "sweep"]
    states = dict(zip(trained["run_id"], trained["state"], strict=True))
    for key in CURVES:
        _check_curves(curves(mlruns, "chaos", [key]), states, counts)
    _check_journal(mlruns, search, trials, counts)
    return counts


def _running_in_mlflow(mlruns: Path) -> int:
    """Count the runs that MLflow's own column of states has as not ended."""
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        query = "SELECT count(*) FROM runs WHERE status IN ('RUNNING', 'SCHEDULED')"
        return int(connection.execute(query).fetchone()[0])


def _check_curves(points: Any, states: dict[str, str], counts: Counts) -> None:
    """Count curves with a gap (complete: every rung; pruned: the first ones) or with a point twice."""
    whole = max(({*curve["step"]} for _, curve in points.groupby("run_id")), key=len)
    drawn = set(points["run_id"])
    counts.gaps += sum(state == "complete" and run not in drawn for run, state in states.items())
    for run, curve in points.groupby("run_id"):
        steps = sorted(curve["step"])
        wanted = sorted(whole)[: RUNGS if states[run] == "complete" else len(set(steps))]
        gap, double = sorted(set(steps)) != wanted or len(wanted) > RUNGS, len(set(steps)) != len(steps)
        counts.gaps += gap
        counts.doubles += double
        if gap or double:
            counts.details.append(f"{run}: {states[run]} {steps}")


def _check_journal(mlruns: Path, search: Any, trials: int, counts: Counts) -> None:
    """Compare what Optuna was told with what the store has."""
    import optuna

    from rnnsweep.search.journal import read_journal
    from rnnsweep.state.folder import SweepFolder

    storage = read_journal(SweepFolder.of(mlruns, "chaos"))
    words = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    for name, own in search.groupby("architecture"):
        told = optuna.load_study(study_name=f"chaos/{name}", storage=storage).trials
        counts.untold += sum(not trial.state.is_finished() for trial in told) + abs(len(told) - trials)
        counts.attempts += sum(int(trial.user_attrs.get("attempts", 0)) for trial in told)
        stored = dict(zip(own["trial"].astype(int), own["state"], strict=True))
        counts.unequal += sum(stored.get(t.number) != words.get(t.state.name) for t in told)


def _write_rows(folder: Path) -> Path:
    draw, path = random.Random(0), folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(4000):
            label = ("low", "high")[number % 2]
            words = [f"{label if draw.random() < 0.3 else 'any'}{draw.randrange(50)}" for _ in range(12)]
            writer.writerow([" ".join([*words, f"row{number}"]), label])
    return path


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60, help="in all, of two architectures")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds at most between two kills")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pause = (given.pause / 4, given.pause)
        trials, kills = given.trials // 2, given.kills
        counts = chaos(Path(folder), trials=trials, kills=kills, seed=given.seed, pause=pause)
    print(json.dumps(asdict(counts), indent=1))
    sys.exit(0 if counts.clean else 1)


if __name__ == "__main__":
    main()
