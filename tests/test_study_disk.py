"""A disk that is full: nothing is torn, nothing is lost, and the sweep goes on when there is room."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from simulation import FakeClock, FakeLauncher, Script, run_simulated, without_waiting, write_sweep

from rnnsweep.errors import UserError
from rnnsweep.files import append
from rnnsweep.state import read_status
from rnnsweep.state.disk import Disk, StillFull, room_for
from rnnsweep.state.ledger import Ledger, read_ledger

TESTS = Path(__file__).parent
FULL = OSError(errno.ENOSPC, "No space left on device")


class FillingDisk:
    """Takes a part of a write, or none of it, as a disk does that fills up; then all."""

    def __init__(self, monkeypatch, *answers: str) -> None:
        self._answers, self._write = list(answers), os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: bytes) -> int:
        answer = self._answers.pop(0) if self._answers else "all"
        if answer == "full":
            raise FULL
        return self._write(descriptor, data[: len(data) // 2] if answer == "part" else data)


@pytest.mark.parametrize(
    ("answers", "left"),
    [(["part"], b"first\nsecond\n"), (["full"], b"first\n"), (["part", "part", "full"], b"first\n")],
)
def test_lines_are_appended_whole_or_not_at_all(tmp_path, monkeypatch, answers, left):
    path = tmp_path / "lines"
    path.write_bytes(b"first\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    with monkeypatch.context() as patch, suppress(OSError):
        FillingDisk(patch, *answers)
        append(descriptor, b"second\n")
    os.close(descriptor)
    assert path.read_bytes() == left


def test_the_ledger_keeps_events_until_they_fit(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, time.time)
    with monkeypatch.context() as patch:
        FillingDisk(patch, "part", "full")
        ledger.write("pause")
    assert read_ledger(tmp_path) == []
    ledger.write("close")
    ledger.close()
    assert [event["event"] for event in read_ledger(tmp_path)] == ["pause", "close"]


def test_a_torn_line_of_the_ledger_is_mended_before_the_next(tmp_path):
    (tmp_path / "ledger.jsonl").write_text('{"time": 1, "event": "pause"}\n{"time": 2, "ev')
    ledger = Ledger(tmp_path, time.time)
    ledger.write("close")
    ledger.close()
    assert [event["event"] for event in read_ledger(tmp_path)] == ["pause", "close"]


def test_room_is_looked_for_by_reserving_it(tmp_path, monkeypatch):
    assert room_for(1 << 20, tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", lambda *values: (_ for _ in ()).throw(FULL), raising=False)
    assert not room_for(1 << 20, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_written_when_there_is_room(tmp_path):
    tries, heard = [], []

    def write() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise FULL
        return "written"

    disk = Disk(tmp_path, pause_s=0.0)
    disk.tell = heard.append
    assert disk.patiently(write) == "written"
    assert len(tries) == 3
    assert [text.split(":")[0] for text in heard] == ["paused", "the disk has space again"] * 2


def test_who_waits_for_room_hears_a_stop(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnsweep.state.disk.room_for", lambda size, folder: False)
    disk = Disk(tmp_path, pause_s=0.0)
    disk.stopped = lambda: True
    with pytest.raises(StillFull):
        disk.patiently(lambda: (_ for _ in ()).throw(FULL))


def test_other_errors_of_a_disk_are_not_waited_for(tmp_path):
    with pytest.raises(PermissionError):
        Disk(tmp_path).patiently(lambda: (_ for _ in ()).throw(PermissionError("no")))


class Heard:
    """Keeps the messages, and the least number of running tasks while the sweep is paused."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.paused: list[int] = []

    def update(self, snapshot) -> None:
        if snapshot.paused:
            self.paused.append(len(snapshot.running))

    def message(self, text: str) -> None:
        self.messages.append(text)


def simulate(tmp_path, monkeypatch, *, script, looks: int):
    """Run a sweep whose disk has no room at the first `looks` looks."""
    left = iter(range(looks))
    monkeypatch.setattr("rnnsweep.state.disk.room_for", lambda size, folder: next(left, None) is None)
    monkeypatch.setattr("rnnsweep.state.disk.PAUSE_S", 0.0)
    monkeypatch.setattr(Disk.__init__, "__kwdefaults__", {"pause_s": 0.0})
    fake, heard = FakeLauncher(FakeClock(), script), Heard()
    with without_waiting():
        summary = run_simulated(
            write_sweep(tmp_path, trials=3),
            tmp_path,
            fake,
            listener=heard,
        )
    return fake, heard, summary


def test_a_trial_that_finds_the_disk_full_pauses_the_sweep_and_goes_on_as_the_same_trial(
    tmp_path, monkeypatch
):
    def script(task, life):
        full = task.name == "rnn-1" and life == 0
        return Script((0.5,), end="failed", cause="full disk") if full else Script((0.5,))

    fake, heard, summary = simulate(tmp_path, monkeypatch, script=script, looks=200)
    assert summary.trials == {"complete": 6, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert heard.paused[-1] == 0  # what ran ended, and nothing new was started
    lives = [task for task in fake.started if task.name == "rnn-1"]
    assert [task.resume for task in lives] == [False, True]
    assert [text for text in heard.messages if "disk" in text][-1].startswith("the disk has space")
    events = [event["event"] for event in read_ledger(tmp_path / "mlruns/sweeps/toy")]
    assert events.index("pause") < events.index("go on")


def test_a_trial_that_never_finds_room_fails_by_name(tmp_path, monkeypatch):
    def script(task, life):
        return Script((), end="failed", cause="full disk") if task.name == "rnn-1" else Script((0.5,))

    fake, _, summary = simulate(tmp_path, monkeypatch, script=script, looks=1)
    assert [(failure.name, failure.cause) for failure in summary.failures] == [("rnn-1", "full disk")]
    assert sum(task.name == "rnn-1" for task in fake.started) == 6
    assert read_status(tmp_path / "mlruns", "toy").failures == summary.failures


def test_a_sweep_that_cannot_even_start_says_so_in_one_line(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "start.json")

    monkeypatch.setattr("rnnsweep.engine.run.begin", refuse)
    with pytest.raises(
        UserError, match=r"start.json: the disk is full; free some space and run the same command"
    ):
        simulate(tmp_path, monkeypatch, script=lambda task, life: Script(), looks=0)


SCRIPT = """
import json, os, sys, threading
from pathlib import Path

from benchmarks.chaos import SWEEP, _write_rows
from rnnsweep.launchers import LocalLauncher
from rnnsweep.engine import run_sweep
from rnnsweep.state import read_status
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking import curves, runs

folder, disk, stops = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "stop"
ballast = disk / "ballast"


class Fills:
    filled, messages, status = False, [], []

    def update(self, snapshot):
        if not self.filled and any(task.epoch for task in snapshot.running):
            Fills.filled = True
            with ballast.open("wb") as file:
                try:
                    while True:
                        file.write(bytes(1 << 16))
                        file.flush()
                except OSError:
                    pass
                try:
                    file.close()
                except OSError:
                    pass
        if snapshot.paused and not snapshot.running and not self.status:
            Fills.status.append(read_status(disk / "mlruns", "chaos").state)

    def message(self, text):
        Fills.messages.append(text)
        if text.startswith("paused") and ballast.exists():
            if stops:
                os.kill(os.getpid(), 2)
            else:
                threading.Timer(3.0, ballast.unlink, [True]).start()


path = folder / "chaos.yaml"
path.write_text(SWEEP.format(trials=2, rows=_write_rows(folder)))


def run():
    return run_sweep(
        read_sweep(path), mlruns=disk / "mlruns", launcher=LocalLauncher(2), listener=Fills()
    )


states = [run().state]
if stops:
    ballast.unlink()
    states.append(run().state)
table = runs(disk / "mlruns", "chaos")
names = table["architecture"].astype(str) + table["trial"].astype(str) + table["seed"].astype(str)
points = curves(disk / "mlruns", "chaos", ["validation/accuracy"])
print(json.dumps({
    "states": states, "filled": Fills.filled, "messages": Fills.messages, "status": Fills.status,
    "trials": read_status(disk / "mlruns", "chaos").trials,
    "runs": dict(zip(names, table["state"])),
    "scores": {n: v for n, v, r in zip(names, table["validation"], table["role"]) if r != "sweep"},
    "steps": [sorted(curve["step"]) for _, curve in points.groupby("run_id")],
}))
"""


def on_small_disk(tmp_path: Path, how: str) -> dict:
    """Run a sweep in a mount namespace of its own, its records on a memory disk of 300 MB."""
    folder, disk = tmp_path / how, tmp_path / how / "disk"
    disk.mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = (
        f"mount -t tmpfs -o size=300m tmpfs {disk} && exec {sys.executable} {script} {folder} {disk} {how}"
    )
    path = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a small disk")
def test_a_sweep_on_a_disk_that_fills_up_pauses_and_loses_nothing(tmp_path):
    found = on_small_disk(tmp_path, "wait")
    assert found["filled"]
    assert found["states"] == ["finished"]
    assert found["trials"]["complete"] == 4
    said = [text.split(":")[0] for text in found["messages"] if "disk" in text]
    assert said[0].startswith(("paused", "bag", "gru"))
    assert said[-1] == "the disk has space again"
    assert set(found["runs"].values()) == {"complete"}
    assert len(found["steps"]) == 8
    assert all(steps == found["steps"][0] and len(set(steps)) == 4 for steps in found["steps"])
    stopped = on_small_disk(tmp_path, "stop")
    assert stopped["states"] == ["interrupted", "finished"]
    assert stopped["scores"] == found["scores"]
    assert stopped["steps"] == found["steps"]
    assert set(stopped["runs"].values()) == {"complete"}
