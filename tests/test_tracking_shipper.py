"""Shipping from a process beside: servers that die, hang and come back, databases that are locked."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from tracking_servers import free_port, mlflow_server, postgres
from tracking_store import open_run, points, ship

from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking import Shipper, close_stale, curves, find_run, runs, sync
from rnnsweep.tracking.ship import beside
from rnnsweep.tracking.ship.own_files import lock_of
from rnnsweep.tracking.ship.shipping import ship_once
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.store.address import LOCAL
from rnnsweep.tracking.store.chosen import remember
from rnnsweep.tracking.store.store import ensure_store
from rnnsweep.tracking.ui.serve import serve_ui, start_ui

POINTS = 200


@pytest.fixture(autouse=True)
def _no_server_of_the_users(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def train(mlruns: Path, uri: str | None, *, key: str = "a", at: dict | None = None) -> None:
    """Log as a training does, a point a step; `at` says what happens at which step."""
    with open_run(mlruns, key, uri=uri, tags={"rnnsweep.sweep": "q"}) as record:
        for step in range(1, POINTS + 1):
            record.metrics({"m": step / 3, "epoch": step / 10}, step=step)
            (at or {}).get(step, lambda: None)()
            time.sleep(0.01)


def arrived(mlruns: Path, uri: str | None, key: str = "a") -> list[float]:
    table = curves(mlruns, "q", ["m"], uri=uri)
    return table[table["run_id"] == find_run(mlruns, key, uri=uri).run_id]["value"].tolist()


WANTED = [step / 3 for step in range(1, POINTS + 1)]


@pytest.mark.slow
def test_a_training_and_its_shipper_end_with_everything_in_the_store(tmp_path):
    with Shipper(tmp_path) as shipper:
        train(tmp_path, None)
        assert not shipper.drain(60)
        run_id = shipper.run_id("a")
    assert run_id == read_note(tmp_path, "a").run_id
    assert points(tmp_path, "a") == list(enumerate(WANTED, 1))
    assert sync(tmp_path).line == ""


@pytest.mark.slow
def test_a_drain_does_not_give_up_on_a_process_that_is_still_starting(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnsweep.tracking.ship.shipper.SILENT", 600)
    with open_run(tmp_path, "a", tags={"rnnsweep.sweep": "q"}) as record:
        record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    with Shipper(tmp_path) as shipper:
        assert not shipper.drain(0.5), "the process takes seconds to import MLflow"


@pytest.mark.slow
def test_a_drain_tells_how_many_runs_wait_until_none_does(tmp_path):
    told = []
    for key in "abc":
        with open_run(tmp_path, key, tags={"rnnsweep.sweep": "q"}) as record:
            record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    with Shipper(tmp_path) as shipper:
        assert not shipper.drain(60, tell=told.append)
    assert (told[0], told[-1]) == (3, 0)
    assert told == sorted(set(told), reverse=True)


def test_what_another_process_is_still_sending_counts_as_waiting(tmp_path):
    with open_run(tmp_path, "a", tags={"rnnsweep.sweep": "q"}) as record:
        record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    with lock_of(tmp_path, LOCAL):
        done = ship_once(tmp_path, LOCAL, deadline_s=0.0)
    assert (done.waiting, done.errors) == (["a"], ["another process ships to this store"])


def test_who_cannot_wait_leaves_to_another_process_what_it_is_sending(tmp_path):
    with open_run(tmp_path, "a") as record:
        record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    with lock_of(tmp_path, LOCAL):
        left = sync(tmp_path, patient=False)
    assert left.waiting == ["a"]
    assert left.line == "1 run not yet in the store: another process is sending."
    assert sync(tmp_path, patient=False).waiting == []


def test_a_run_does_not_wait_for_a_sweep_that_ships_to_the_same_store(tmp_path):
    with open_run(tmp_path, "a") as record:
        record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    ship(tmp_path)
    with open_run(tmp_path, "sweep.bag-0") as record:
        record.metrics({"m": 1.0, "epoch": 1.0}, step=1)
    assert not Shipper(tmp_path, waits_for="a").drain(0.0)
    for everything in (Shipper(tmp_path), Shipper(tmp_path, waits_for="sweep")):
        assert everything.drain(0.0) == ["sweep.bag-0"]


def test_what_a_running_sweep_still_sends_is_not_called_lost(tmp_path):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.make()
    digests = dict.fromkeys(("corpus", "configuration", "code"), "1")
    folder.write_start({"identity": "1a2b", "asked": {}, **digests})
    for key in (folder.key("gru-0"), folder.key("gru-1"), "single.1"):
        open_run(tmp_path, key).metrics({"m": 1.0}, step=1)
    with folder.hold(), lock_of(tmp_path, "local").acquire():
        assert sync(tmp_path, patient=False).line == (
            "3 runs not yet whole in the store: the running sweep toy sends the rest."
        )
    with lock_of(tmp_path, "local").acquire():
        assert sync(tmp_path, patient=False).line == (
            "3 runs not yet whole in the store: what trains now sends the rest."
        )


@pytest.mark.slow
def test_where_mlflow_is_imported_a_sync_with_the_local_store_starts_no_process(tmp_path, monkeypatch):
    import rnnsweep.tracking.ship.mlflow_imports  # noqa: F401

    def forbidden(*args, **options):
        raise AssertionError("a process was started")

    train(tmp_path, None)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", forbidden)
        done = sync(tmp_path)
    assert done.line == f"Sent {2 * POINTS} points of 1 run to the store."
    assert points(tmp_path, "a") == list(enumerate(WANTED, 1))


@pytest.mark.slow
def test_what_a_killed_parent_left_is_shipped_all_the_same(tmp_path):
    code = (
        "import os, signal, sys, time; from pathlib import Path; from tracking_store import open_run;"
        "from rnnsweep.tracking import Shipper; m = Path(sys.argv[1]); s = Shipper(m).start();"
        "r = open_run(m); [r.metrics({'m': i}, step=i) for i in range(1, 50)];"
        "print(s._process._process.pid); sys.stdout.flush();"
        "time.sleep(0.5); os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True, check=False
    )
    _wait_until_gone(int(done.stdout))
    assert len(points(tmp_path, "a")) == 49
    assert close_stale(tmp_path) == ["a"]
    assert not sync(tmp_path, deadline_s=60).waiting
    assert runs(tmp_path)["state"].tolist() == ["interrupted"]


def _wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 180
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_a_locked_database_loses_and_doubles_nothing(tmp_path):
    ensure_store(tmp_path)
    with (
        closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as lock,
        Shipper(tmp_path) as s,
    ):
        at = {20: lambda: lock.execute("BEGIN EXCLUSIVE"), 180: lambda: lock.execute("COMMIT")}
        train(tmp_path, None, at=at)
        assert not s.drain(60)
    assert points(tmp_path, "a") == list(enumerate(WANTED, 1))


@pytest.mark.slow
def test_two_shippers_of_one_store_send_everything_once(tmp_path):
    with Shipper(tmp_path), Shipper(tmp_path) as second:
        train(tmp_path, None)
        train(tmp_path, None, key="b")
        assert not second.drain(60)
    for key in ("a", "b"):
        assert points(tmp_path, key) == list(enumerate(WANTED, 1))
    assert len(runs(tmp_path)) == 2


@pytest.mark.server
@pytest.mark.slow
def test_a_server_killed_in_mid_training_and_restarted_has_everything_once(tmp_path):
    port, mlruns = free_port(), tmp_path / "mlruns"
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(tmp_path / "server", port) as kill, Shipper(mlruns, uri) as shipper:
        train(mlruns, uri, at={40: lambda: shipper.run_id("a", 60), 100: kill})
        assert shipper.drain(1)
        with mlflow_server(tmp_path / "server", port):
            assert not shipper.drain(90)
            assert arrived(mlruns, uri) == WANTED
            assert runs(mlruns, "q", uri=uri)["state"].tolist() == ["complete"]


@pytest.mark.server
@pytest.mark.slow
def test_a_server_that_never_comes_back_gets_everything_from_a_later_sync(tmp_path):
    port, mlruns = free_port(), tmp_path / "mlruns"
    uri = f"http://127.0.0.1:{port}"
    train(mlruns, uri)
    remember(uri)
    result = sync(mlruns, deadline_s=1)
    assert result.waiting == ["a"]
    assert "1 run could not be sent to the store" in result.line
    assert result.line.endswith("kept in mlruns/spool. To try again: rnnsweep sync")
    with mlflow_server(tmp_path / "server", port):
        assert sync(mlruns, deadline_s=60).waiting == []
        assert arrived(mlruns, uri) == WANTED
        assert sync(mlruns).line == ""


@pytest.mark.slow
def test_a_server_that_hangs_holds_nobody_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        shipper = Shipper(tmp_path, uri).start()
        begin = threading.Event()
        train(tmp_path, uri, at={POINTS: begin.set})
        assert begin.is_set()
        assert shipper.run_id("a", 0.2) == "a"  # the key stands in
        assert shipper.close(0.5) == ["a"]
        pid = shipper._process
        assert pid is None


@pytest.mark.server
@pytest.mark.slow
def test_postgresql_takes_everything_once(tmp_path):
    with postgres(tmp_path) as uri:
        mlruns = tmp_path / "mlruns"
        with Shipper(mlruns, uri) as shipper:
            train(mlruns, uri)
            assert shipper.drain(60) == []
        assert arrived(mlruns, uri) == WANTED


@pytest.mark.server
@pytest.mark.slow
def test_the_ui_takes_the_next_port_and_ends_cleanly(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start_ui(tmp_path, port=port)
    assert server.address != f"http://127.0.0.1:{port}"
    assert server.url == f"{server.address}/view"
    said: list[str] = []
    serve_ui(tmp_path, port=port, say=said.append)  # returns at once: one server of a store is enough
    assert said == [f"MLflow UI: {server.url}\nIt runs already; Ctrl-C where it was started ends it."]
    server.close()
    assert server.process.returncode is not None
    assert not list(Path("/").glob("mlflow.db"))


@pytest.mark.slow
def test_what_is_recorded_after_the_folder_was_removed_arrives_in_the_new_store(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "_shared", None)
    mlruns = tmp_path / "mlruns"
    for value in (1.0, 2.0, 3.0):  # each time in a folder of this name that is another one
        mlruns.mkdir()
        with open_run(mlruns, "a", tags={"rnnsweep.sweep": "q"}) as record:
            record.metrics({"m": value}, step=1)
        with Shipper(mlruns, shared=True) as shipper:
            assert not shipper.drain(20)
        assert points(mlruns, "a") == [(1, value)]
        shutil.rmtree(mlruns)
    beside._end_shared()
