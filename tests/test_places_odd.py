"""Paths, file systems and machines that are not plain: each works, or is refused in one line."""

import errno
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from rnnsweep import hardware
from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.hardware import disks
from rnnsweep.launchers.local.server import start_server
from rnnsweep.runtime.process import spare_loopback
from rnnsweep.search.journal import open_journal, read_journal
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.machine import provenance
from rnnsweep.tracking.store.store import database, ensure_store

ROWS = "\n".join(f"a text of number {n},{'ab'[n % 2]}" for n in range(40))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A working directory and a home folder with blanks, parentheses and letters that are not English."""
    folder = tmp_path / "mon projet (été) [1] 数据"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RNNSWEEP_HOME", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    return folder


FILES = [
    *("données.csv", "my file (1).csv", "a=b,c.csv", "x [1].csv", "{a}.csv", "50%.csv", "# 1.csv", "~/b.csv"),
    *("$HOME 'x'.csv", "評論：中文.csv", "back\\slash.csv", "it's.csv", "a;b.csv", "null.csv", "1e3.csv"),
]


@pytest.mark.parametrize("name", FILES)
def test_a_file_needs_no_quotes_beyond_the_shells(name, elsewhere, capsys):
    (elsewhere / name.removeprefix("~/")).write_text(f"text,отзыв\n{ROWS}\n", encoding="utf-8")
    assert main(["data", f"data.train={name}", "data.label=отзыв", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"a": 20, "b": 20}


@pytest.mark.parametrize(
    "column", ["la bel", "label (1)", "label: x", "标签", "अंक", "100%", "a=b", "l'avis", "#"]
)
def test_a_columns_name_needs_no_quotes_beyond_the_shells(column, elsewhere, capsys):
    (elsewhere / "a.csv").write_text(f"text,{column}\n{ROWS}\n", encoding="utf-8")
    assert main(["data", "data.train=a.csv", f"data.label={column}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"a": 20, "b": 20}


def test_a_list_of_such_files_and_columns_needs_none_either(elsewhere):
    data = compose(["data.train=[données.csv, été (2).csv]", "data.text=[titre é,texte]"]).data
    assert data.train == ["données.csv", "été (2).csv"]
    assert data.text == ["titre é", "texte"]


def test_the_journal_of_a_sweep_needs_no_symbolic_links(tmp_path, monkeypatch):
    def refuse(*_args, **_more):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    folder = SweepFolder.of(tmp_path, "toy")
    folder.path.mkdir(parents=True)
    open_journal(folder).create_new_study([1], "study")
    assert [study.study_name for study in read_journal(folder).get_all_studies()] == ["study"]


class NoSharedMemory(sqlite3.Connection):
    """A database on a file system where no memory can be shared."""

    def execute(self, statement, *values):
        if "wal_checkpoint" in statement:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(statement, *values)


def mode_of(mlruns) -> str:
    with closing(sqlite3.connect(database(mlruns))) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "mode"), [("plain", "wal"), ("no memory", "delete"), ("network", "delete")]
)
def test_the_store_takes_a_rollback_journal_where_memory_cannot_be_shared(place, mode, tmp_path, monkeypatch):
    from rnnsweep.tracking.store import store

    plain = sqlite3.connect
    if place == "no memory":
        odd = SimpleNamespace(
            connect=lambda path: plain(path, factory=NoSharedMemory),
            OperationalError=sqlite3.OperationalError,
        )
        monkeypatch.setattr(store, "sqlite3", odd)
    if place == "network":
        monkeypatch.setattr(store, "is_on_network", lambda path: True)
    ensure_store(tmp_path)
    assert mode_of(tmp_path) == mode


def test_a_file_system_of_a_network_is_known_by_its_mount(monkeypatch, tmp_path):
    mounts = {"/": "ext4", str(tmp_path): "nfs4", str(tmp_path / "local"): "tmpfs"}
    parts = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts.items()]
    monkeypatch.setattr(disks.psutil, "disk_partitions", lambda all: parts)
    found = {place: hardware.is_on_network(Path(place)) for place in ("/", *mounts, f"{tmp_path}/a/b")}
    assert found == {"/": False, str(tmp_path): True, f"{tmp_path}/local": False, f"{tmp_path}/a/b": True}


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_with_what_to_set(number, elsewhere, monkeypatch, capsys):
    from rnnsweep.cli import entry

    def refuse(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(entry, "commands", SimpleNamespace(main=refuse))
    assert main(["train"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: the file system has no locks ({os.strerror(number)}); RNNSWEEP_HOME and")


@pytest.mark.parametrize(
    ("failure", "place"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/d/best.ckpt"), "/d/best.ckpt"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "mlruns"),
        (sqlite3.OperationalError("database or disk is full"), "mlruns/mlflow.db"),
    ],
)
def test_a_full_disk_is_named_with_what_lists_room(failure, place, elsewhere, monkeypatch, capsys):
    from rnnsweep.cli import entry

    def refuse(*_arguments, **_more):
        raise failure

    monkeypatch.setattr(entry, "commands", SimpleNamespace(main=refuse))
    assert main(["train"]) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"{place}: the disk is full; `rnnsweep clean` lists what can be removed\n")
    assert said.startswith("error: ")


ALONE = """
import multiprocessing, sys
from rnnsweep.launchers.local.server import start_server
context = start_server(("math",))
process = context.Process(target=print, args=("it runs",))
process.start(); process.join(); sys.exit(process.exitcode)
"""


def run_alone(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_trials_start_where_tmpdir_is_longer_than_a_sockets_address(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    done = run_alone(ALONE, TMPDIR=str(long))
    assert (done.returncode, done.stdout, done.stderr) == (0, "it runs\n", "")


def test_where_no_folder_is_short_enough_the_variable_is_named(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    none = "import rnnsweep.launchers.local.server as s; s.SHORT_FOLDERS = ()"
    done = run_alone(f"{none}\n{ALONE}", TMPDIR=str(long))
    last = done.stderr.splitlines()[-1]
    assert last.endswith("more than a socket's address may have; set TMPDIR to a shorter folder")


def test_a_daemonic_worker_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(
        multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True, _config={"daemon": True})
    )
    with pytest.raises(UserError, match=r"a daemonic worker may not .*Celery.*; call it from"):
        start_server()


def test_a_proxy_gets_nothing_that_is_for_this_machine(monkeypatch):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, *_words):
            """Write nothing."""

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "records.example")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    spare_loopback()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "records.example,localhost,127.0.0.1,::1"
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.handle_request).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        assert urllib.request.urlopen(address, timeout=5).read() == b"here"


def test_without_a_proxy_the_environment_stays_as_it_is(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    spare_loopback()
    assert "no_proxy" not in os.environ


def test_a_repository_of_another_user_is_named_with_what_makes_git_read_it(tmp_path, monkeypatch, capsys):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    facts = provenance.provenance(tmp_path, diff=False)
    assert facts["git.commit"] == "unknown"
    assert f"git config --global --add safe.directory {tmp_path}\n" in capsys.readouterr().err


def test_the_record_of_the_machine_counts_what_a_container_allows(monkeypatch):
    monkeypatch.setattr(provenance, "usable_cores", lambda: 2)
    monkeypatch.setattr(provenance, "usable_memory", lambda: 3 << 30)
    facts = provenance.hardware()
    assert (facts["cores"], facts["memory_gb"]) == ("2", "3.0")
