"""An `mlruns/` from somebody else, or a copy of one's own: `clean --yes` removes nothing outside of it."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from test_cleaning import checkpoints, go
from tracking_store import fresh_store

from rnnsweep.api import clean
from rnnsweep.cli import main
from rnnsweep.errors import UserError


@pytest.fixture
def precious(tmp_path):
    """A folder of the user's, outside mlruns/, in the shape that clean looks for."""
    place = tmp_path / "precious"
    (place / "checkpoints").mkdir(parents=True)
    (place / "checkpoints" / "thesis.txt").write_text("years")
    return place


def safe(precious):
    return (precious / "checkpoints" / "thesis.txt").read_text() == "years"


def rename_in_ledger(folder, task, name):
    """Make the ledger call a task by a path."""
    ledger = folder / "ledger.jsonl"
    events = [json.loads(line) for line in ledger.read_text().splitlines()]
    renamed = [{**one, "name": name} if one.get("name") == task else one for one in events]
    ledger.write_text("".join(json.dumps(one) + "\n" for one in renamed))


@pytest.mark.parametrize("path", ["../../../../../precious", "{precious}", "..", ".", "gru-0/../../../.."])
def test_a_task_that_is_a_path_in_the_ledger_removes_nothing_there(home, precious, path):
    folder = go(home)
    loser = clean().removals[0].what.split()[0]
    rename_in_ledger(folder, loser, path.format(precious=precious))
    (folder / "checkpoints").mkdir()  # what `..` names
    (folder / "checkpoints" / "mine").write_text("mine")
    done = clean(yes=True)
    assert safe(precious)
    assert (folder / "checkpoints" / "mine").exists()
    trials = (folder / "trials").resolve()
    assert all(path.parents[1] == trials for one in done.removals for path in one.paths)


@pytest.mark.parametrize("linked", ["sweeps", "sweeps/toy", "sweeps/toy/trials"])
def test_a_folder_of_mlruns_that_is_a_link_loses_nothing_where_it_leads(home, tmp_path, linked):
    folder = go(home)
    before = checkpoints(folder)
    place = home / "mlruns" / linked
    shutil.move(place, tmp_path / "away")
    place.symlink_to(tmp_path / "away")
    if linked == "sweeps/toy/trials":  # of a sweep that is there: refused by name
        with pytest.raises(UserError, match="trials: is a link"):
            clean(yes=True)
    else:
        assert clean(yes=True).removals == ()
    assert checkpoints(folder) == before


def test_mlruns_itself_may_be_a_link(home, tmp_path):
    go(home)
    shutil.move(home / "mlruns", tmp_path / "big disk")
    (home / "mlruns").symlink_to(tmp_path / "big disk")
    assert clean(yes=True).removals


def store_with_deleted(template, home, *, location=None, name="gone"):
    """A local store with a deleted run, whose artifacts lie where MLflow puts them or at `location`."""
    from rnnsweep.tracking.store.store import open_client

    mlruns = home / "mlruns"
    if not mlruns.exists():
        fresh_store(template, mlruns)
    client = open_client(mlruns, "local")
    run = client.create_run("0", run_name=name)
    client.log_text(run.info.run_id, "hello", "note.txt")
    client.delete_run(run.info.run_id)
    if location is not None:
        point(mlruns, run.info.run_id, location)
    return run.info.run_id, mlruns / "artifacts" / "0" / run.info.run_id / "artifacts"


def point(mlruns, run_id, location):
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (str(location), run_id))


def rows(mlruns):
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        return [row[0] for row in connection.execute("SELECT run_uuid FROM runs")]


def test_a_deleted_run_goes_with_its_own_folder(home, template):
    run_id, artifacts = store_with_deleted(template, home)
    (one,) = clean(yes=True).removals
    assert (one.run_id, one.paths, one.left) == (run_id, (artifacts,), None)
    assert not artifacts.parent.exists()
    assert rows(home / "mlruns") == []


@pytest.mark.parametrize(
    "address", ["file://{precious}", "{precious}", "{mlruns}/artifacts/../../../precious"]
)
def test_artifacts_at_a_foreign_address_are_left_alone_and_named(home, template, precious, address, capsys):
    location = address.format(precious=precious, mlruns=home / "mlruns")
    run_id, _ = store_with_deleted(template, home, location=location)
    assert main(["clean", "--yes"]) == 0
    said = capsys.readouterr().out
    assert f"left alone, as it is not its folder below mlruns/artifacts/: {location}" in said
    assert safe(precious)
    assert run_id not in rows(home / "mlruns")


@pytest.mark.parametrize("inside", ["artifacts", "artifacts/0", "sweeps", "."])
def test_an_address_inside_mlruns_that_is_not_the_runs_own_is_left_alone(home, template, inside):
    mlruns = home / "mlruns"
    _, artifacts = store_with_deleted(template, home)
    (mlruns / "sweeps").mkdir()
    store_with_deleted(template, home, location=mlruns / inside, name="greedy")
    (greedy,) = (one for one in clean().removals if one.what.endswith("greedy"))
    assert greedy.paths == ()
    point(mlruns, greedy.run_id, artifacts)  # the folder of another run
    (greedy,) = (one for one in clean().removals if one.what.endswith("greedy"))
    assert greedy.paths == ()


def test_a_copy_of_mlruns_removes_nothing_of_the_original(home, template, tmp_path, monkeypatch):
    """The copy's own files are removed even where the database still names those of the original."""
    run_id, artifacts = store_with_deleted(template, home)
    with closing(sqlite3.connect(home / "mlruns" / "mlflow.db")) as connection, connection:
        # an experiment 0 that does not tell where the store was: addresses are not mended in a copy
        connection.execute("UPDATE experiments SET artifact_location = 'x' WHERE experiment_id = 0")
    other = tmp_path / "copy"
    other.mkdir()
    shutil.copytree(home / "mlruns", other / "mlruns")
    monkeypatch.setenv("RNNSWEEP_HOME", str(other))
    (one,) = clean(yes=True).removals
    assert (artifacts / "note.txt").read_text() == "hello"
    assert one.left == artifacts.as_uri()
    assert rows(other / "mlruns") == []
    assert rows(home / "mlruns") == [run_id]


def test_a_link_among_the_folders_of_artifacts_is_not_followed(home, template, precious):
    run_id, artifacts = store_with_deleted(template, home)
    shutil.move(artifacts.parent, precious / run_id)
    artifacts.parent.symlink_to(precious / run_id)
    clean(yes=True)
    assert (precious / run_id / "artifacts" / "note.txt").exists()


def test_the_key_of_a_deleted_run_is_no_path(home, template, precious):
    from rnnsweep.tracking.store.store import open_client

    run_id, _ = store_with_deleted(template, home)
    (home / "mlruns" / "runs").symlink_to(precious.parent)
    client = open_client(home / "mlruns", "local")
    client.restore_run(run_id)
    client.set_tag(run_id, "rnnsweep.key", "precious")
    client.delete_run(run_id)
    clean(yes=True)
    assert safe(precious)


def test_a_deleted_model_and_a_deleted_experiment_take_no_foreign_files_along(home, template, precious):
    from rnnsweep.tracking.store.store import open_client

    mlruns = home / "mlruns"
    store_with_deleted(template, home)
    client = open_client(mlruns, "local")
    model = client.create_logged_model("0", name="net")
    client.delete_logged_model(model.model_id)
    experiment = client.create_experiment("theirs", artifact_location=precious.as_uri())
    client.delete_experiment(experiment)
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE logged_models SET artifact_location = ?", (precious.as_uri(),))
    done = clean(yes=True)
    assert {(one.what.split()[0], one.left) for one in done.removals} == {
        ("run", None),
        ("model", precious.as_uri()),
    }
    assert safe(precious)
    assert clean().removals == ()


@pytest.mark.parametrize("arguments", [["--yes", "--details"], ["--yes", "--json"]])
def test_the_paths_are_on_the_terminal_when_the_first_one_goes(home, capsys, monkeypatch, arguments):
    go(home, replicates=3)
    paths = [str(path) for one in clean().removals for path in one.paths]
    before = []

    def note(path, **options):
        before.append(capsys.readouterr())

    monkeypatch.setattr(shutil, "rmtree", note)
    assert main(["clean", *arguments]) == 0
    shown = before[0].err if "--json" in arguments else before[0].out
    assert [path for path in paths if path not in shown] == []
    assert all(Path(path).is_dir() for path in paths)
