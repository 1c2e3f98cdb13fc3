"""Passwords and names of people: not recorded, not in pages that are handed on, not readable by others."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tracking_store import open_run

from rnnsweep.api.comparing.answers import _origin
from rnnsweep.cli import main
from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.safety.redaction import has_secret, masked, refuse_secret
from rnnsweep.tracking import destination
from rnnsweep.tracking.machine.provenance import provenance
from rnnsweep.tracking.read.runs import RunRow

WITH_SECRETS = [
    "http://me:hunter2@box.lab:5000",
    "https://hunter2@box.lab",
    "postgresql://me:hunter2@db.lab/mlflow",
    "postgresql+psycopg://db.lab/mlflow?user=me&password=hunter2",
    "mysql+pymysql://me:hunter2@db.lab/x",
    "https://box.lab/?token=hunter2",
]


@pytest.mark.parametrize("address", WITH_SECRETS)
def test_an_address_with_a_secret_is_refused_in_a_setting_and_not_shown(address):
    with pytest.raises(UserError) as refused:
        compose([f"tracking.uri='{address}'"])
    assert "hunter2" not in str(refused.value)
    assert "must hold no password or token; set" in str(refused.value)


@pytest.mark.parametrize("address", WITH_SECRETS)
def test_an_address_with_a_secret_is_refused_in_the_environment_and_not_shown(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(UserError, match=r"MLFLOW_TRACKING_URI=") as refused:
        destination(None)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "instead"),
    [
        ("http://me:x@box", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("postgresql://me:x@db/x", "PGPASSWORD, or a line in ~/.pgpass"),
        ("mysql://me:x@db/x", "read_default_file"),
        ("mssql://me:x@db/x", "the variable or file that its driver reads"),
    ],
)
def test_the_refusal_names_where_the_secret_belongs(address, instead):
    with pytest.raises(UserError) as refused:
        refuse_secret("tracking.uri", address)
    assert instead in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["http://box.lab:5000", "sqlite:////home/me/x.db", "postgresql://me@db/x", "local", "databricks://a:b"],
)
def test_an_address_without_a_secret_is_taken(address):
    refuse_secret("tracking.uri", address)
    assert masked(address) == address


_WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=4, max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(user=_WORD, password=_WORD, host=_WORD, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_password_in_an_address_is_masked_wherever_it_stands(user, password, host, before, after):
    password = f"P@{password}"  # a password may hold an @ itself
    text = f"{before} postgresql://{user}:{password}@{host}/x {after}"
    assert password not in masked(text).removeprefix(before).removesuffix(after)
    assert f"postgresql://{user}:***@{host}/x" in masked(text)
    assert has_secret(f"postgresql://{user}:{password}@{host}/x")


def test_a_training_with_a_password_in_its_address_leaves_nothing(home, capfd):
    assert main(["train", "tracking.uri=http://me:hunter2@127.0.0.1:9"]) == 2
    assert "hunter2" not in capfd.readouterr().err
    assert not (home / "mlruns").exists()


def test_the_log_of_an_internal_error_holds_no_password_and_is_the_users_own(monkeypatch, tmp_path, capfd):
    def broken(*values: object) -> None:
        raise RuntimeError("no connection to postgresql://me:hunter2@db/x")

    monkeypatch.setattr("platformdirs.user_log_path", lambda name: tmp_path / "logs")
    monkeypatch.setattr("rnnsweep.api.find_sweep.find_paths", broken)
    assert main(["plan", "postgresql://me:hunter2@db/x"]) == 1
    said = capfd.readouterr().err
    (log,) = (tmp_path / "logs").iterdir()
    assert "hunter2" not in said + log.read_text()
    assert "me:***@db" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with a changed file of code and changed files of secrets, whose settings name programs."""
    folder = tmp_path / "code"
    folder.mkdir()
    names = ["code.py", ".env", "config/.env.production", "server.key", "AWS_Credentials.txt"]
    git(folder, "init", "-q")
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("before\n")
    (folder / ".gitattributes").write_text("*.py diff=own filter=own\n")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    for name in names:
        (folder / name).write_text(f"changed {name} at http://me:hunter2@box\n")
    seen = tmp_path / "seen"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {seen}\ncat\n")
    program.chmod(0o755)
    for setting in (
        *("core.fsmonitor", "diff.external", "diff.own.command", "diff.own.textconv"),
        *("filter.own.clean", "filter.own.smudge", "filter.own.process"),
    ):
        git(folder, "config", setting, str(program))
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_a_repository_is_read_without_its_programs_its_secrets_and_a_lock(repository, tmp_path):
    index = repository / ".git" / "index"
    os.utime(repository / "code.py", (1, 1))  # reading it would refresh the index
    before = index.read_bytes()
    diff = provenance(repository)["git.diff"]
    assert not (tmp_path / "seen").exists()
    assert index.read_bytes() == before
    assert "+changed code.py at http://me:***@box" in diff
    assert [name for name in (".env", ".key", "Credentials", "hunter2") if name in diff] == []


def test_the_diff_is_not_kept_where_the_user_does_not_want_it(repository, home):
    assert "git.diff" in provenance(repository)
    assert "git.diff" not in provenance(repository, diff=False)
    assert compose(["tracking.diff=false"]).tracking.diff is False


def test_a_report_tells_of_the_training_and_not_of_its_reader_or_of_people():
    tags = {
        "rnnsweep.role": "sweep",
        **{f"rnnsweep.{name}": f"of the training: {name}" for name in ("cpu", "git.commit", "versions")},
        "rnnsweep.user": "alice",
        "rnnsweep.host": "alices-laptop",
        "rnnsweep.git.diff": "+secret",
        "rnnsweep.command": "rnnsweep sweep /home/alice/x.yaml",
    }
    found = _origin([RunRow("1", "x", "FINISHED", 1, tags=tags), RunRow("2", "t", "FINISHED", 2)])
    assert found == {name: f"of the training: {name}" for name in ("git.commit", "versions", "cpu")}
    assert _origin([]) == {}


def test_points_of_a_run_are_readable_by_their_user_alone(tmp_path):
    before = os.umask(0)
    try:
        open_run(tmp_path / "mlruns").end("complete")
    finally:
        os.umask(before)
    spool = tmp_path / "mlruns" / "spool"
    assert spool.stat().st_mode & 0o777 == 0o700
    assert (spool / "a.jsonl").stat().st_mode & 0o777 == 0o600
