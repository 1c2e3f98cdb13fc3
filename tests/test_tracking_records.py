"""What runs recorded is kept after it was sent, and the store is made again from it."""

import gzip
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tracking_store import fresh_store, open_run, points, ship

from rnnsweep import tracking
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.tracking.ship.rebuild import rebuild
from rnnsweep.tracking.spool.archive import keep_if_sent, read_records, recorded_keys
from rnnsweep.tracking.spool.note import read_note
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.tracking.spool.stale import owned_keys


@pytest.fixture
def mlruns(template, tmp_path) -> Path:
    return fresh_store(template, tmp_path / "mlruns")


def record(mlruns: Path, key: str, *steps: int, state: str = "complete", **more) -> None:
    run = open_run(mlruns, key, tags={"rnnsweep.role": "trial"}, params={"model": "gru"}, **more)
    for step in steps:
        run.metrics({"m": step / 10}, step=step)
    run.artifact(f"of {key}", "notes/what.txt")
    run.end(state, "because")


def lose_store(mlruns: Path) -> Path:
    """Lose MLflow's side, its database and its artifacts, and return where the rest is then.

    MLflow keeps connections to a database by its address, so that what is left lies at another one.
    """
    moved = mlruns.with_name(f"{mlruns.name}-")
    mlruns.rename(moved)
    for path in moved.glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(moved / "artifacts", ignore_errors=True)
    return moved


def store_of(mlruns: Path) -> dict:
    """Everything that the store has of each run but its id and what MLflow counts by itself."""
    found = {}
    for key in recorded_keys(mlruns):
        run = tracking.find_run(mlruns, key)
        files = sorted(p.name for p in (mlruns / "artifacts").rglob(f"*{run.run_id}/**/*") if p.is_file())
        found[key] = (run.name, run.status, run.tags, run.params, points(mlruns, key), files)
    return found


def parent_of(mlruns: Path, key: str) -> str:
    query = "SELECT value FROM tags WHERE run_uuid = ? AND key = 'mlflow.parentRunId'"
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        return connection.execute(query, (read_note(mlruns, key).run_id,)).fetchone()[0]


def test_a_spool_that_was_sent_is_kept_compressed_with_its_files(mlruns):
    record(mlruns, "a", 1, 2)
    sent = list(read_all(mlruns / "spool" / "a.jsonl"))
    ship(mlruns)
    assert not (mlruns / "spool" / "a.jsonl").exists()
    assert not (mlruns / "spool" / "a.files").exists()
    assert list(read_records(mlruns, "a")) == sent
    assert [path.read_text() for path in (mlruns / "records" / "a" / "files").rglob("*.txt")] == ["of a"]
    assert (mlruns / "records" / "a").stat().st_mode & 0o777 == 0o700


def test_a_spool_that_goes_on_is_not_moved(mlruns):
    record(mlruns, "a", 1)
    path = mlruns / "spool" / "a.jsonl"
    assert not keep_if_sent(mlruns, "a", offset=3)
    assert path.exists()
    assert keep_if_sent(mlruns, "a", offset=path.stat().st_size)
    assert keep_if_sent(mlruns, "a", offset=0)  # it is gone


def test_the_store_is_made_again_and_is_what_it_was(mlruns):
    record(mlruns, "parent", experiment="toy")
    record(mlruns, "parent.a", 1, 2, 3, experiment="toy", parent_key="parent", state="interrupted")
    ship(mlruns)
    resumed = open_run(mlruns, "parent.a", experiment="toy", parent_key="parent", resume=True)
    for step in (2, 3, 4, 5):
        resumed.metrics({"m": step / 10}, step=step)
    resumed.end("complete")
    record(mlruns, "single", 7)
    ship(mlruns)
    before = store_of(mlruns)
    assert before["parent.a"][4] == [(step, step / 10) for step in (1, 2, 3, 4, 5)]
    for _ in range(2):  # from what the first rebuild kept, too
        mlruns = lose_store(mlruns)
        done = rebuild(mlruns)
        assert (done.runs, done.waiting, done.errors) == (3, (), ())
        after = store_of(mlruns)
        assert after == before
        assert parent_of(mlruns, "parent.a") == read_note(mlruns, "parent").run_id


def test_a_run_whose_process_was_killed_and_that_has_no_end_is_made_again_too(mlruns):
    open_run(mlruns, "parent", experiment="toy")
    record(mlruns, "parent.a", 1, experiment="toy", parent_key="parent")
    ship(mlruns)
    spool = mlruns / "spool" / "parent.jsonl"
    assert recorded_keys(mlruns) == ["parent.a"]
    assert owned_keys(mlruns) == {"parent"}  # its process lives, and sends what it writes
    assert rebuild(mlruns).runs == 1
    spool.write_text(spool.read_text().replace(f'"pid":{os.getpid()}', f'"pid":{2**22 + 1}'))
    moved = lose_store(mlruns)
    done = rebuild(moved)
    assert (done.runs, done.waiting, done.errors) == (2, (), ())
    assert parent_of(moved, "parent.a") == read_note(moved, "parent").run_id


def test_runs_that_the_store_has_keep_their_ids_and_get_what_they_lack(mlruns):
    for key in "ab":
        record(mlruns, key, 1, 2)
    ship(mlruns)
    ids = {key: read_note(mlruns, key).run_id for key in "ab"}
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM metrics WHERE run_uuid = ? AND step = 1", (ids["a"],))
    assert points(mlruns, "a") == [(2, 0.2)]
    assert rebuild(mlruns, wanted=lambda key: key == "a").runs == 1
    assert points(mlruns, "a") == points(mlruns, "b") == [(1, 0.1), (2, 0.2)]
    assert {key: tracking.find_run(mlruns, key).run_id for key in "ab"} == ids


def test_what_was_deleted_in_the_ui_stays_deleted_and_what_is_on_a_server_is_left_alone(mlruns):
    record(mlruns, "gone", 1)
    ship(mlruns)
    from rnnsweep.tracking.store.store import open_client

    open_client(mlruns, "local").delete_run(read_note(mlruns, "gone").run_id)
    record(mlruns, "far", 1, uri="http://127.0.0.1:9")
    spool = mlruns / "spool" / "far.jsonl"
    keep_if_sent(mlruns, "far", offset=spool.stat().st_size)
    done = rebuild(mlruns)
    assert (done.runs, done.deleted, done.elsewhere) == (0, ("gone",), ("far",))
    assert not spool.exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["spool", "note", "files", "forget"])
def test_a_rebuild_that_is_killed_is_done_by_the_next_one(mlruns, monkeypatch, moment):
    from rnnsweep.tracking.ship import rebuild as module

    record(mlruns, "a", 1, 2)
    ship(mlruns)
    before = store_of(mlruns)
    mlruns = lose_store(mlruns)
    call = {
        "spool": "write_whole",
        "note": "write_note",
        "files": "return_files",
        "forget": "forget_records",
    }
    with monkeypatch.context() as patch:

        def killed(*values, **named):
            raise KeyboardInterrupt

        patch.setattr(module, call[moment], killed)
        with pytest.raises(KeyboardInterrupt):
            rebuild(mlruns)
    rebuild(mlruns)
    after = store_of(mlruns)
    assert (after["a"][4], after["a"][5]) == (before["a"][4], before["a"][5])
    assert len(list(read_records(mlruns, "a"))) >= 4
    (part,) = (mlruns / "records" / "a").glob("*.gz")
    lines = [json.loads(line) for line in gzip.decompress(part.read_bytes()).splitlines()]
    assert [line["step"] for line in lines if line["op"] == "metrics"] == [1, 2]


def test_records_that_do_not_read_cost_no_other(mlruns):
    for key in "ab":
        record(mlruns, key, 1)
    ship(mlruns)
    (part,) = (mlruns / "records" / "a").glob("*.gz")
    part.write_bytes(part.read_bytes()[:-9])
    (mlruns / "records" / "a name that is no key").mkdir()
    mlruns = lose_store(mlruns)
    done = rebuild(mlruns)
    assert points(mlruns, "b") == [(1, 0.1)]
    assert done.errors == ()


def test_the_command_says_what_it_did_and_refuses_where_nothing_was_recorded(home, template, capsys):
    mlruns = fresh_store(template, home / "mlruns")
    assert main(["store", "rebuild"]) == 2
    assert "no records in" in capsys.readouterr().err
    assert main(["store", "rebuild", "none"]) == 2
    assert "there is no such sweep" in capsys.readouterr().err
    record(mlruns, "a", 1, 2)
    ship(mlruns)
    lose_store(mlruns).rename(home / "mlruns")
    assert main(["store", "rebuild"]) == 0
    assert capsys.readouterr().out == "1 run with 2 points sent to the store again.\n"
    assert main(["store", "rebuild", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 1


def test_another_process_that_ships_is_waited_for_and_named(mlruns, monkeypatch):
    from rnnsweep.tracking.ship import own_files as module
    from rnnsweep.tracking.ship.own_files import lock_of

    monkeypatch.setattr(module, "WAIT_S", 0.1)
    with (
        lock_of(mlruns, "local").acquire(),
        pytest.raises(UserError, match="another process sends to the store"),
    ):
        rebuild(mlruns)
