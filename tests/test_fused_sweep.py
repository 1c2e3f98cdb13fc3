"""Whole fused sweeps with real trainings: the same scores as one by one, and nothing lost by a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from short_trainings import write_rows

from rnnsweep.engine import run_sweep
from rnnsweep.launchers import make_launcher
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking import curves, runs

pytestmark = pytest.mark.slow

SWEEP = """\
# Does it matter that runs are fused?
name: fused
architectures: [gru]
trials: 3
replicates: 2
baseline: false
pruner: none
sampler: random
launcher: {{fuse: {fuse}}}
overrides:
  - data=files
  - data.train={rows}
  - data.batch_size=8
  - model.hidden_size=8
  - trainer.max_epochs=1
  - trainer.validate_every=0.5
space:
  optimizer.lr: {{type: float, low: 0.01, high: 0.03, log: true}}
  model.dropout: {{type: float, low: 0.0, high: 0.5}}
"""
SCRIPT = """
import sys
from pathlib import Path
from rnnsweep.engine import run_sweep
from rnnsweep.launchers import make_launcher
from rnnsweep.sweepfile import read_sweep

sweep = read_sweep(sys.argv[1])
run_sweep(sweep, mlruns=Path(sys.argv[2]), launcher=make_launcher(sweep, 1), accept_changes=True)
"""


def write(folder: Path, fuse: object) -> Path:
    folder.mkdir()
    write_rows(folder / "rows.csv")
    path = folder / "fused.yaml"
    path.write_text(SWEEP.format(fuse=fuse, rows=folder / "rows.csv"))
    return path


def run(path: Path):
    sweep, mlruns = read_sweep(path), path.parent / "mlruns"
    return run_sweep(sweep, mlruns=mlruns, launcher=make_launcher(sweep, 1), accept_changes=True)


def table(path: Path):
    found = runs(path.parent / "mlruns", "fused")
    return found[found["role"].isin(["trial", "replicate"])].set_index("name").sort_index()


def pids(path: Path) -> set[int]:
    leases = (path.parent / "mlruns" / "sweeps" / "fused" / "trials").glob("*/lease.json")
    open_ones = [lease for lease in leases if not lease.with_name("outcome.json").exists()]
    return {json.loads(lease.read_text())["pid"] for lease in open_ones}


def assert_whole(path: Path) -> None:
    found = table(path)
    assert found["role"].value_counts().to_dict() == {"trial": 3, "replicate": 2}
    assert set(found["state"]) == {"complete"}
    assert len(curves(path.parent / "mlruns", "fused", ["validation/accuracy"])) == 5 * 2


def test_a_fused_sweep_comes_to_the_scores_of_one_that_is_not(tmp_path):
    one, other = write(tmp_path / "one", 4), write(tmp_path / "other", "off")
    for path in (one, other):
        assert run(path).state == "finished"
        assert_whole(path)
    fused, separate = table(one), table(other)
    trials = separate["role"] == "trial"  # the best of them, which is repeated, may be another one
    for name in separate[trials].index:
        assert fused.loc[name, "optimizer.lr"] == separate.loc[name, "optimizer.lr"]
        loss = separate.loc[name, "validation_loss"]
        assert fused.loc[name, "validation_loss"] == pytest.approx(loss, abs=0.02)
    assert fused[fused["role"] == "replicate"]["test"].notna().all()


def test_a_fused_process_that_is_killed_costs_its_runs_nothing_but_time(tmp_path):
    path = write(tmp_path / "killed", 4)
    command = [sys.executable, "-c", SCRIPT, str(path), str(path.parent / "mlruns")]
    controller = subprocess.Popen(command)
    while not pids(path):
        time.sleep(0.05)
    time.sleep(1.0)
    for pid in pids(path):
        os.kill(pid, signal.SIGKILL)
    assert controller.wait() == 0
    assert_whole(path)


def test_a_killed_controller_of_a_fused_sweep_goes_on(tmp_path):
    path = write(tmp_path / "cut", 4)
    controller = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), str(path.parent / "mlruns")])
    while not pids(path):
        time.sleep(0.05)
    time.sleep(1.0)
    controller.kill()
    controller.wait()
    assert run(path).state == "finished"
    assert_whole(path)
