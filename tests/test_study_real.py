"""Whole sweeps with real trainings in real processes: run, interrupted, killed, and gone on with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.chaos import SWEEP, _write_rows, chaos

from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.state import read_status
from rnnsweep.sweepfile import Sweep, read_sweep
from rnnsweep.tracking import curves, runs

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from pathlib import Path
from rnnsweep.launchers import LocalLauncher
from rnnsweep.engine import run_sweep
from rnnsweep.sweepfile import read_sweep

summary = run_sweep(read_sweep(sys.argv[1]), mlruns=Path(sys.argv[2]), launcher=LocalLauncher(2))
sys.exit(130 if summary.state == "interrupted" else 0)
"""


def write(folder: Path, *, trials: int = 2, more: str = "") -> Sweep:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "chaos.yaml"
    path.write_text(SWEEP.format(trials=trials, rows=_write_rows(folder)) + more, encoding="utf-8")
    return read_sweep(path)


def run(sweep: Sweep, mlruns: Path):
    return run_sweep(sweep, mlruns=mlruns, launcher=LocalLauncher(2))


def scores(mlruns: Path) -> dict[str, float]:
    table = runs(mlruns, "chaos")
    search = table[table["role"] == "trial"]
    names = search["architecture"] + "-" + search["trial"].astype(str)
    return dict(zip(names, search["validation"], strict=True))


def running(mlruns: Path) -> int:
    try:
        return read_status(mlruns, "chaos").trials["running"]
    except ValueError:
        return 0


def test_a_sweep_trains_searches_repeats_and_records_everything(tmp_path):
    summary = run(write(tmp_path), tmp_path / "mlruns")
    assert summary.trials == {"complete": 4, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    table = runs(tmp_path / "mlruns", "chaos")
    assert table.groupby("role").size().to_dict() == {"sweep": 1, "trial": 4, "replicate": 4}
    assert set(table["state"]) == {"complete"}
    assert table[table["role"] == "replicate"]["test"].notna().all()
    assert table[table["role"] == "trial"]["test"].isna().all()
    assert len(curves(tmp_path / "mlruns", "chaos", ["validation/accuracy"])) == 8 * 4


def test_ctrl_c_leaves_no_run_running_and_the_same_command_comes_to_the_same_scores(tmp_path):
    sweep, mlruns = write(tmp_path / "one"), tmp_path / "one" / "mlruns"
    controller = subprocess.Popen([sys.executable, "-c", SCRIPT, str(sweep.path), str(mlruns)])
    while not running(mlruns):
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(controller.pid, signal.SIGINT)
    assert controller.wait() == 130
    assert not set(runs(mlruns, "chaos")["state"]) & {"running"}
    assert read_status(mlruns, "chaos").state == "interrupted"
    assert run(sweep, mlruns).state == "finished"
    whole = write(tmp_path / "two")
    run(whole, tmp_path / "two" / "mlruns")
    assert scores(mlruns) == scores(tmp_path / "two" / "mlruns")


def test_kills_of_controller_and_trials_lose_and_double_nothing(tmp_path):
    counts = chaos(tmp_path, trials=4, kills=4, pause=(1, 4))
    assert sum(counts.kills.values()) > 0
    assert counts.clean, counts
