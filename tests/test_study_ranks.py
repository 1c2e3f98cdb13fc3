"""A sweep whose trials have two processes each."""

from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from benchmarks.chaos import SWEEP, _write_rows

from rnnsweep.engine import run_sweep
from rnnsweep.launchers import LocalLauncher
from rnnsweep.state.ledger import read_ledger
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking import curves, runs

pytestmark = pytest.mark.slow


def companions(of: list[psutil.Process]) -> list[psutil.Process]:
    """The second processes of trainings among these."""
    found = []
    for process in of:
        with suppress(psutil.Error):  # gone, or a zombie
            if "rnnsweep.training.distributed.companion" in process.cmdline():
                found.append(process)
    return found


def left_of(folder: Path) -> list[psutil.Process]:
    """The second processes that were started for this folder, whoever is their parent now."""
    return [
        one
        for one in companions(list(psutil.process_iter()))
        if str(folder) in one.environ().get("PROOF", "")
    ]


class KillsOne:
    """Kills the second process of the first trial that has validated."""

    killed = most = 0

    def update(self, snapshot) -> None:
        self.most = max(self.most, len(snapshot.running))
        if self.killed or not any(task.epoch for task in snapshot.running):
            return
        for process in companions(psutil.Process().children(recursive=True)):
            process.kill()
            self.killed += 1

    def message(self, text: str) -> None:
        pass


def sweep_of(folder: Path, devices: int, listener=None):
    folder.mkdir()
    text = SWEEP.format(trials=1, rows=_write_rows(folder)).replace("[bag, gru]", "[gru]")
    text = text.replace("replicates: 2", "replicates: 1").replace("data.batch_size=4", "data.batch_size=16")
    more = ("data=files", "data.limit=480", f"trainer.devices={devices}", "model.dropout=0")
    text = text.replace("max_epochs=2", "max_epochs=6")  # long enough to be hit in
    lines = "\n".join(f"  - {override}" for override in (*more, "model.embedding_dropout=0"))
    path = folder / "chaos.yaml"
    path.write_text(text.replace("  - data=files", lines), encoding="utf-8")
    mlruns = folder / "mlruns"
    summary = run_sweep(read_sweep(path), mlruns=mlruns, launcher=LocalLauncher(2), listener=listener)
    return summary, runs(mlruns, "chaos"), curves(mlruns, "chaos", ["validation/accuracy", "train/loss"])


def test_two_processes_a_trial_take_two_slots_and_survive_the_death_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PROOF", str(tmp_path))  # inherited: it tells these processes from others
    listener = KillsOne()
    summary, table, points = sweep_of(tmp_path / "two", 2, listener)
    assert listener.killed == 1
    assert listener.most == 1  # both slots are one trial's
    assert summary.trials == {"complete": 1, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert sorted(table["role"]) == ["replicate", "sweep", "trial"]  # one run each, no second sweep
    assert set(table["state"]) == {"complete"}
    ledger = read_ledger(tmp_path / "two/mlruns/sweeps/chaos")
    assert {event["slots"] for event in ledger if event["event"] == "start"} == {2}
    (again,) = (event for event in ledger if event.get("state") == "retried")
    assert again["cause"] == "lost process"
    assert "process 1 of the run ended with -9" in again["reason"]
    alone, one, their_points = sweep_of(tmp_path / "one", 1)
    assert alone.trials == summary.trials
    ours, theirs = (frame.sort_values(["key", "step", "value"]) for frame in (points, their_points))
    assert list(ours["step"]) == list(theirs["step"])  # no gap, no point twice
    assert list(ours["value"]) == pytest.approx(list(theirs["value"]), abs=1e-4)
    assert left_of(tmp_path) == []
