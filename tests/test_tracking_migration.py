"""`migrate`: an old file store becomes today's database, with its artifacts, or stays as it was."""

import os
import shutil
import subprocess
import sys

import pytest

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.tracking.store.migration import migrate
from rnnsweep.tracking.store.store import open_client

OLD = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("old one")
with mlflow.start_run(run_name="was here"):
    mlflow.log_param("lr", 0.1)
    mlflow.log_metric("acc", 0.5, step=1)
    mlflow.log_text("hello", "notes/note.txt")
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A file store as MLflow wrote them, made once in a place that it then leaves."""
    folder = tmp_path_factory.mktemp("old") / "mlruns"
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
    command = [sys.executable, "-c", OLD, folder.as_uri()]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return folder


@pytest.fixture
def old(store, home):
    """The same where a project has its answers; its files still name the place it was made in."""
    shutil.copytree(store, home / "mlruns")
    for path in (home / "mlruns").rglob("meta.yaml"):
        path.write_text(path.read_text().replace(str(store), str(home / "mlruns")))
    (home / "mlruns" / "README.md").write_text("mine")
    return home / "mlruns"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["sync"], ["clean"], ["ui"], ["evaluate", "x"], ["train", "trainer.max_epochs=1"]]
)
def test_every_command_that_needs_the_store_says_which_command_migrates(old, arguments, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "is an old MLflow file store (it has " in said
    assert "bring its runs over with: rnnsweep migrate" in said


@pytest.mark.slow
def test_runs_and_artifacts_are_taken_over_and_the_old_store_is_kept(old, capsys):
    assert main(["migrate"]) == 0
    assert f"the old store is kept in {old}.old" in capsys.readouterr().out
    (row,) = rnnsweep.runs().to_dict("records")
    assert (row["name"], row["lr"]) == ("was here", 0.1)
    client = open_client(old, "local")
    run = client.get_run(row["run_id"])
    assert run.data.metrics == {"acc": 0.5}
    assert [one.path for one in client.list_artifacts(row["run_id"], "notes")] == ["notes/note.txt"]
    assert run.info.artifact_uri.startswith((old / "artifacts").as_uri())
    assert (old / "README.md").read_text() == "mine"
    assert len(list(old.with_name("mlruns.old").rglob("note.txt"))) == 1
    assert main(["migrate"]) == 2
    assert "is no MLflow file store" in capsys.readouterr().err


@pytest.mark.slow
def test_a_store_that_mlflow_cannot_read_stays_as_it_was(old):
    for path in old.rglob("meta.yaml"):
        path.write_text("[")
    before = sorted(path.relative_to(old) for path in old.rglob("*") if path.name != ".store.lock")
    with pytest.raises(UserError, match=r"MLflow cannot read this run \(1 of 1 are like that\)"):
        migrate(old)
    assert sorted(path.relative_to(old) for path in old.rglob("*") if path.name != ".store.lock") == before
    assert not old.with_name("mlruns.old").exists()


def test_nothing_is_written_over(tmp_path):
    mlruns = tmp_path / "mlruns"
    (mlruns / "0").mkdir(parents=True)
    (mlruns / "0" / "meta.yaml").write_text("name: Default")
    (tmp_path / "mlruns.old").mkdir()
    with pytest.raises(UserError, match=r"mlruns\.old: is there already"):
        migrate(mlruns)
    (mlruns / "mlflow.db").touch()
    with pytest.raises(UserError, match=r"mlflow\.db: is there already"):
        migrate(mlruns)
