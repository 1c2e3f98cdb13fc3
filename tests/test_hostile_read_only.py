"""An `mlruns/` that may be read and not written: it is read, and what would write is refused in one line."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import click
import pytest
from tracking_store import fresh_store, open_run, ship

from rnnsweep.cli import main
from rnnsweep.tracking.read.runs import runs
from rnnsweep.tracking.store.opened import open_for_reading
from rnnsweep.tracking.store.store import ensure_store

WORDS = {errno.EACCES: "Permission denied", errno.EPERM: "Operation not permitted"}
WORDS |= {errno.EROFS: "Read-only file system"}


def raising(error: Exception):
    """Make a command that ends with an error."""

    @click.command("x")
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize("number", WORDS, ids=WORDS.get)
def test_a_file_that_cannot_be_written_is_one_line_with_its_name(number, capsys):
    error = OSError(number, WORDS[number], "/data/mlruns/spool")
    assert main([], program=raising(error)) == 2
    said = capsys.readouterr().err
    assert f"/data/mlruns/spool: {WORDS[number]}; give yourself the right, or copy it" in said
    assert len(said.splitlines()) == 1


def test_a_database_that_cannot_be_written_is_one_line_with_its_name(home, template, capsys):
    mlruns = fresh_store(template, home / "mlruns")

    @click.command("x")
    def command() -> None:
        try:
            with closing(open_for_reading(mlruns / "mlflow.db")) as connection:
                connection.execute("DELETE FROM runs")
        except sqlite3.Error as error:  # as SQLAlchemy and MLflow hand it on
            raise RuntimeError("(sqlite3.OperationalError) a page of text\nmore") from error

    assert main([], program=command) == 2
    said = capsys.readouterr().err
    assert f"{mlruns / 'mlflow.db'}: attempt to write a readonly database; give yourself" in said
    assert len(said.splitlines()) == 1


def test_runs_are_read_from_a_folder_that_cannot_be_written(template, tmp_path, monkeypatch):
    mlruns = fresh_store(template, tmp_path / "mlruns")
    open_run(mlruns).end("complete")
    ship(mlruns)
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = set(mlruns.iterdir())
    monkeypatch.setattr(os, "access", lambda *values: False)
    assert len(runs(mlruns)) == 1
    ensure_store(mlruns)
    assert set(mlruns.iterdir()) == before  # no log beside the database


@pytest.mark.slow
def test_on_a_disk_that_is_read_only_runs_are_read_and_a_training_is_refused_in_one_line(home, template):
    mlruns = fresh_store(template, home / "mlruns")
    open_run(mlruns).end("complete")
    ship(mlruns)
    mount = f"mount --bind {home} {home} && mount -o remount,ro,bind {home}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "sh", "-c", mount]).returncode:
        pytest.skip("this user may mount nothing")
    command = f"{mount} && exec {sys.executable} -m rnnsweep"

    def rnnsweep(words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"{command} {words}"], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr.strip().splitlines()[-1]

    for words in ("train trainer.max_epochs=1", "store rebuild"):
        status, said = rnnsweep(words)
        assert status == 2, said
        assert "error: " in said
        assert "give yourself the right" in said
    status, said = rnnsweep("predict --model nothing text")
    assert "is not in the store of 1 runs" in said
