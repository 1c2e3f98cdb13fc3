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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

RUNGS = 4
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
from rnnsweep.study import run_sweep
from rnnsweep.sweep import read_sweep

sweep, mlruns = read_sweep(sys.argv[1]), Path(sys.argv[2])
summary = run_sweep(sweep, mlruns=mlruns, launcher=LocalLauncher(2), accept_changes=True)
print(summary.state)
"""


@dataclass
class Counts:
    """What the kills did; all but the first two must be 0."""

    kills: dict[str, int]
    seconds: float
    lost: int = 0  # trials without an end
    doubled: int = 0  # trials or runs beyond the budget
    left_running: int = 0  # runs without an end state
    gaps: int = 0  # curves with a point missing
    doubles: int = 0  # curves with a point twice
    left_processes: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost or doubled."""
        return not any(
            (self.lost, self.doubled, self.left_running, self.gaps, self.doubles, self.left_processes)
        )


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
            time.sleep(draw.uniform(*pause))
            done[_kill(controller, folder, draw)] += 1
        else:
            controller.wait()
    done.pop("nobody", None)
    return _count(folder, trials, Counts(dict(done), time.monotonic() - began))


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
    """Give the processes that work on a trial now."""
    found = []
    for lease in (folder / "mlruns" / "sweeps" / "chaos" / "trials").glob("*/lease.json"):
        try:
            holder = json.loads(lease.read_text())
            process = psutil.Process(holder["pid"])
            if abs(process.create_time() - holder["started"]) < 1:
                found.append(process)
        except (ValueError, psutil.NoSuchProcess):
            continue
    return found


def _count(folder: Path, trials: int, counts: Counts) -> Counts:
    from rnnsweep.tracking import curves, runs

    mlruns = folder / "mlruns"
    table = runs(mlruns, "chaos")
    search = table[table["role"] == "trial"]
    ended = search[search["state"].isin(["complete", "pruned", "failed"])]
    counts.lost = max(0, 2 * trials - len(ended))
    counts.doubled = max(0, len(search) - 2 * trials) + int(table["key"].duplicated().sum())
    counts.left_running = int((~table["state"].isin(["complete", "pruned", "failed"])).sum())
    counts.left_processes = len(_working(folder))
    states = dict(zip(table["run_id"], table["state"], strict=True))
    points = curves(mlruns, "chaos", ["validation/accuracy"])
    for run, curve in points.groupby("run_id"):
        steps = list(curve["step"])
        gap = states[run] == "complete" and len(set(steps)) != RUNGS
        counts.gaps += gap
        counts.doubles += len(set(steps)) != len(steps)
        if gap or len(set(steps)) != len(steps):
            counts.details.append(f"{run}: {states[run]} {steps}")
    return counts


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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = chaos(Path(folder), trials=given.trials // 2, kills=given.kills, seed=given.seed)
    print(json.dumps(asdict(counts), indent=1))
    sys.exit(0 if counts.clean else 1)


if __name__ == "__main__":
    main()
