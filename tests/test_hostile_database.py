"""A database that somebody else made: no view, trigger or value in it holds up who reads it."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from tracking_store import fresh_store, open_run, ship

from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.tracking.read.runs import runs
from rnnsweep.tracking.store.opened import LONGEST, open_for_reading
from rnnsweep.tracking.store.store import ensure_store

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.fixture
def mlruns(template, home):
    """The store of one run, in a project."""
    folder = fresh_store(template, home / "mlruns")
    open_run(folder, key="a").end("complete")
    ship(folder)
    return folder


def change(mlruns, *statements):
    with closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("PRAGMA foreign_keys=OFF")
        for statement in statements:
            connection.execute(statement)


COMPUTED = {
    "an endless view": (
        "ALTER TABLE runs RENAME TO hidden",
        f"CREATE VIEW runs AS {ENDLESS} SELECT h.* FROM n, hidden h WHERE i < 0",
    ),
    "an endless view of experiments": (
        "ALTER TABLE experiments RENAME TO hidden",
        f"CREATE VIEW experiments AS {ENDLESS} SELECT i AS experiment_id, 'x' AS artifact_location FROM n"
        " WHERE i < 0",
    ),
    "an endless trigger": (
        "CREATE TRIGGER slow BEFORE INSERT ON runs BEGIN INSERT INTO params SELECT 'k', i, 'r' FROM"
        " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END",
    ),
    "a virtual table": ("CREATE VIRTUAL TABLE words USING fts5(text)",),
}


@pytest.mark.parametrize("statements", COMPUTED.values(), ids=COMPUTED)
def test_a_store_that_computes_is_refused_at_once(mlruns, statements, capsys):
    change(mlruns, *statements)
    begun = time.process_time()
    for read in (lambda: runs(mlruns), lambda: ensure_store(mlruns)):
        with pytest.raises(UserError, match="a store of MLflow has tables alone, so it is not read"):
            read()
    assert time.process_time() - begun < 2
    for words in (["list", "runs"], ["store", "rebuild"], ["clean"]):
        status = main(words)
        said = capsys.readouterr().err
        assert (status, len(said.splitlines())) == (2, 1), (words, said)


def test_the_trigger_that_mlflow_has_is_none_of_these(mlruns):
    with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
        triggers = connection.execute("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert triggers == [("secrets",)]
    assert len(runs(mlruns)) == 1


def test_a_value_that_a_column_computes_fills_no_memory(mlruns):
    change(mlruns, f"ALTER TABLE runs ADD COLUMN wide AS (zeroblob({LONGEST + 1}))")
    with (
        closing(open_for_reading(mlruns / "mlflow.db")) as connection,
        pytest.raises(sqlite3.DataError, match="too big"),
    ):
        connection.execute("SELECT wide FROM runs").fetchone()


BROKEN = {
    "other bytes": lambda path: path.write_bytes(b"not a database " * 400),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "no tables": lambda path: (path.unlink(), sqlite3.connect(path).execute("CREATE TABLE x(y)")),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_database_that_is_none_is_refused_in_one_line(mlruns, damage, capsys):
    for log in mlruns.glob("mlflow.db-*"):
        log.unlink()
    damage(mlruns / "mlflow.db")
    for words in (["list", "runs"], ["clean"], ["store", "rebuild"]):
        status = main(words)
        said = capsys.readouterr().err
        assert (status, len(said.splitlines())) == (2, 1), (words, said)
        assert "mlflow.db" in said


ODD = {
    "a late start": "UPDATE runs SET start_time = 9000000000000000000",
    "names": "UPDATE runs SET name = x'ff00', status = 3, start_time = 'x'",
    "no names": "UPDATE runs SET name = NULL, status = NULL, start_time = NULL, experiment_id = NULL",
    "tags": "UPDATE tags SET value = x'fffe'",
    "numbers as tags": "UPDATE tags SET value = 3.5",
    "keys": "UPDATE params SET key = NULL, value = x'ff'",
    "metrics": "UPDATE latest_metrics SET value = 'text'",
    "letters that are none": "UPDATE tags SET value = CAST(x'c328' AS TEXT)",
}


@pytest.mark.parametrize("statement", ODD.values(), ids=ODD)
def test_odd_values_in_a_store_are_read_or_refused_in_one_line(mlruns, statement, capsys):
    with closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        connection.execute("PRAGMA writable_schema=ON")
        for name, sql in schema:  # no constraint of the columns
            if name in ("runs", "tags", "params", "latest_metrics"):
                plain = sql.replace("NOT NULL", "")
                connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (plain, name))
        connection.execute("PRAGMA writable_schema=RESET")
    change(mlruns, "PRAGMA ignore_check_constraints=ON", statement)
    for words in (["list", "runs"], ["list", "runs", "--json"], ["clean"]):
        status = main(words)
        said = capsys.readouterr().err
        assert status in (0, 2), (words, said)


def damage(mlruns):
    """Overwrite pages in the middle of the database, whose log was written into it."""
    path = mlruns / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 40_000)


@pytest.mark.slow
def test_a_rebuild_refuses_a_damaged_database_at_once_and_makes_it_again_where_it_was_moved_away(
    mlruns, capsys
):
    damage(mlruns)
    before = (mlruns / "mlflow.db").read_bytes()
    assert main(["store", "rebuild"]) == 2
    error = capsys.readouterr().err
    assert f"{mlruns / 'mlflow.db'}: " in error
    assert "; move it away, then make it again from the records: rnnsweep store rebuild" in error
    assert (mlruns / "mlflow.db").read_bytes() == before
    assert main(["doctor", "--json"]) == 2
    (store,) = (one for one in json.loads(capsys.readouterr().out) if one["check"] == "store")
    assert store["remedy"] == "move it away, then make it again from the records: rnnsweep store rebuild"
    (mlruns / "mlflow.db").rename(mlruns / "damaged.db")
    # a process of its own, as a user's: this one has the connections of the old file still
    words = [sys.executable, "-P", "-m", "rnnsweep", "store", "rebuild"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith("1 run ")
    assert [str(one) for one in runs(mlruns)["name"]] == ["a"]


def test_a_new_database_is_not_given_the_log_of_one_that_was_moved_away(mlruns):
    path = mlruns / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(50):
            connection.execute(
                "INSERT INTO tags VALUES (?, 'x', (SELECT run_uuid FROM runs))", (f"k{number}",)
            )
        connection.commit()
        log = path.with_name(
            "mlflow.db-wal"
        ).read_bytes()  # as a kill leaves it: the last to close removes it
    assert len(log) > 4096
    path.rename(mlruns / "old.db")
    path.with_name("mlflow.db-wal").write_bytes(log)
    ensure_store(mlruns)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
