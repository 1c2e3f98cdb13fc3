"""`migrate`: MLflow's own command brings an old file store into a database, and its artifacts are found."""

import os
import shutil
import subprocess
import sys

import pytest

from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.tracking.store.store import open_client, refuse_old_layout

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
    "arguments",
    [["migrate"], ["sync"], ["clean"], ["ui"], ["evaluate", "x"], ["train", "trainer.max_epochs=1"]],
)
def test_every_command_that_needs_the_store_says_which_command_of_mlflow_migrates_it(old, arguments, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "is an old MLflow file store (it has " in said
    assert "migrate-filestore --source" in said
    assert len(said.strip().splitlines()) == 1
    assert not (old / "mlflow.db").exists()


@pytest.mark.slow
def test_the_printed_command_brings_over_runs_and_artifacts_whatever_the_folder_is_called(
    store, home, capsys
):
    place = home / "a folder; of mine"
    shutil.copytree(store, place / "mlruns")
    for path in (place / "mlruns").rglob("meta.yaml"):
        path.write_text(path.read_text().replace(str(store), str(place / "mlruns")))
    with pytest.raises(UserError) as refused:
        refuse_old_layout(place / "mlruns")
    command = str(refused.value).partition("bring its runs over with: ")[2]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refuse_old_layout(place / "mlruns")  # the database is there now
    client = open_client(place / "mlruns", "local")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert (run.info.run_name, run.data.params, run.data.metrics) == ("was here", {"lr": "0.1"}, {"acc": 0.5})
    assert [one.path for one in client.list_artifacts(run.info.run_id, "notes")] == ["notes/note.txt"]


def test_where_there_is_no_file_store_there_is_nothing_to_migrate(home, capsys):
    assert main(["migrate"]) == 2
    assert "nothing to migrate" in capsys.readouterr().err
