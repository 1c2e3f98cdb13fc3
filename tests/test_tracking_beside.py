"""The process that ships, shared by what one Python process trains and compares."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from short_trainings import SETTINGS

from rnnsweep.state.outcome import EndState
from rnnsweep.tracking import RunRecord, Shipper, sync
from rnnsweep.tracking.ship import beside
from rnnsweep.tracking.ship.own_files import lock_of
from rnnsweep.tracking.ship.shipped import BUSY

WAITS = "import os; [None for _ in iter(lambda: os.read(0, 99), b'')]"  # ends with its standard input


@pytest.fixture
def shared(monkeypatch):
    """Share processes that import nothing; return what takes one and leaves it, as a training does."""
    monkeypatch.setattr(beside, "_shared", None)
    monkeypatch.setattr(beside, "shipper_command", lambda mlruns, target: [sys.executable, "-c", WAITS])
    made = []

    def train(mlruns: Path) -> int:
        with Shipper(mlruns, shared=True) as shipper:
            made.append(shipper._process)
        return made[-1]._process.pid

    yield train
    beside._end_shared()
    assert not any(process.lives() for process in made)


def test_the_next_training_takes_the_process_of_the_last(shared, tmp_path):
    first = shared(tmp_path / "mlruns")
    assert shared(tmp_path / "mlruns") == first


def test_what_a_training_sets_for_itself_does_not_change_the_process(shared, tmp_path, monkeypatch):
    first = shared(tmp_path)
    for name in ("PL_GLOBAL_SEED", "TORCHINDUCTOR_CACHE_DIR", "NUMBA_CACHE_DIR", "KMP_INIT_AT_FORK"):
        monkeypatch.setenv(name, "7")
    assert shared(tmp_path) == first


def test_credentials_that_changed_reach_the_next_training(shared, tmp_path, monkeypatch):
    first = shared(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "new")
    assert shared(tmp_path) != first


def test_a_store_that_was_removed_or_built_anew_gets_another_process(shared, tmp_path):
    mlruns = tmp_path / "mlruns"
    mlruns.mkdir()
    database = mlruns / "mlflow.db"
    database.write_text("old")
    first = shared(mlruns)
    aside = mlruns / "aside"
    aside.write_text("new")
    os.replace(aside, database)
    second = shared(mlruns)
    mlruns.rename(tmp_path / "away")
    assert len({first, second, shared(mlruns)}) == 3


def test_a_process_whose_store_was_removed_sends_nothing_of_the_next_one(shared, tmp_path):
    mlruns = tmp_path / "mlruns"
    mlruns.mkdir()
    shared(mlruns)
    old = beside._shared._process
    mlruns.rename(tmp_path / "away")
    mlruns.mkdir()
    shared(mlruns)
    assert old.returncode == -signal.SIGTERM  # ended before a last try


def test_another_store_and_a_process_that_was_killed_get_another_one(shared, tmp_path):
    first = shared(tmp_path / "a")
    second = shared(tmp_path / "b")
    os.kill(second, signal.SIGKILL)
    beside._shared._process.wait()
    assert len({first, second, shared(tmp_path / "b")}) == 3


def test_a_process_that_another_training_still_uses_is_not_ended(shared, tmp_path):
    with Shipper(tmp_path / "a", shared=True) as outer:
        shared(tmp_path / "b")
        assert outer._process.lives()
        used = outer._process
    assert not used.lives()


def test_a_process_that_a_comparison_waits_for_is_not_ended_by_another_store(shared, tmp_path):
    shared(tmp_path / "a")
    found = beside.find_shared(tmp_path / "a", "local")
    shared(tmp_path / "b")
    assert found.lives()
    beside.leave_shared(found)
    assert not found.lives()


def test_who_has_no_patience_does_not_wait_for_the_process_of_a_training_beside(shared, tmp_path):
    def sent(*, patient):
        return sync(tmp_path, deadline_s=5.0, patient=patient)

    with Shipper(tmp_path, shared=True) as shipper, lock_of(tmp_path, "local"):
        record = RunRecord.open(tmp_path, experiment="e", name="n", key="e.n")
        before = time.monotonic()
        assert (sent(patient=False).errors, time.monotonic() - before < 4) == ([BUSY], True)
        assert sent(patient=True).waiting == ["e.n"]
        record.end(EndState.COMPLETE)
        shipper._waits_for = "other"
    beside._end_shared()
    assert not beside._drawing  # what cannot be sent is no picture: this process ends without it


def test_a_process_without_anything_to_send_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "_shared", None)
    beside.warm_shared(tmp_path / "mlruns", "local")
    process = beside._shared
    assert process.lives()
    beside._end_shared()
    assert not process.lives()
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_a_process_whose_folder_is_removed_ends_and_does_not_make_it_again(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "_shared", None)
    mlruns = tmp_path / "mlruns"
    with Shipper(mlruns, shared=True):
        process = beside._shared
    shutil.rmtree(mlruns)
    ends = time.monotonic() + 60
    while process.lives() and time.monotonic() < ends:
        time.sleep(0.05)
    is_over = not process.lives()
    beside._end_shared()
    assert is_over
    assert not mlruns.exists()


@pytest.mark.slow
def test_two_trainings_of_one_python_process_are_in_the_store_when_each_returns(home, short_rows):
    settings = [*SETTINGS, f"data.train={short_rows}"]
    code = f"""
        import os
        from pathlib import Path
        import rnnsweep
        from rnnsweep.tracking.ship import beside
        for seed in (1, 2):
            result = rnnsweep.train([*{settings!r}, f"seed={{seed}}"])
            assert rnnsweep.runs().set_index("run_id")["state"][result.run_id] == "complete"
            print(beside._shared._process.pid)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, check=True
    )
    first, second = map(int, done.stdout.split())
    assert first == second
    assert not Path(f"/proc/{first}").exists()
