"""A sweep that is removed whole, and one whose runs were deleted in MLflow."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from simulation import without_waiting
from small_sweeps import write_small_sweep
from test_cleaning import go
from tracking_store import fresh_store, open_run, ship

import rnnsweep
from rnnsweep.api import clean, list_sweeps, remove_sweep, status, whole_sweep
from rnnsweep.api.find_sweep import refuse_without_runs
from rnnsweep.api.launching import folder_to_run
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tracking.spool.note import read_note, write_note
from rnnsweep.tracking.store import opened
from rnnsweep.tracking.store.store import open_client


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


@pytest.fixture
def mlruns(home, template):
    """A store with a finished sweep `toy`, its runs and a registered model, and beside it a sweep `other`."""
    mlruns = fresh_store(template, home / "mlruns")
    for name in ("toy", "other"):
        record(mlruns, SweepFolder(go(home, name=name)))
    return mlruns


def record(mlruns, folder):
    """Record a run for each task of a sweep, and the sweep's own, as its processes do."""
    tags = {"rnnsweep.sweep": folder.name}
    for key in (folder.key(), *(folder.key(task.name) for task in folder.tasks())):
        role = "sweep" if key == folder.key() else "trial"
        run = open_run(mlruns, key, experiment=folder.name, tags={**tags, "rnnsweep.role": role})
        run.metrics({"m": 0.5}, step=1)
        run.artifact("hello", "note.txt")
        run.end("complete")
    ship(mlruns)


def register(mlruns, name, *, under=None):
    """Log a model of a sweep's first trial, and register it."""
    client = open_client(mlruns, "local")
    run = rows(mlruns, name)[-1]
    experiment = client.get_experiment_by_name(name).experiment_id
    model = client.create_logged_model(experiment, name="net", source_run_id=run)
    client.create_registered_model(under or name)
    client.create_model_version(
        under or name, model.artifact_location, run, tags={"rnnsweep.key": f"{name}.1.a"}
    )


def rows(mlruns, sweep):
    query = "SELECT run_uuid FROM runs JOIN tags USING (run_uuid) WHERE key = 'rnnsweep.sweep' AND value = ?"
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        return [row[0] for row in connection.execute(query, (sweep,))]


def delete_in_the_ui(mlruns, sweep, number=None):
    client = open_client(mlruns, "local")
    gone = rows(mlruns, sweep)[:number]
    for run in gone:
        client.delete_run(run)
    return len(gone)


def named(mlruns, name):
    """What is in mlruns/, the store included, that bears a sweep's name."""
    paths = [path for path in mlruns.rglob("*") if name in (path.name, *path.name.split("."))]
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        for query in (
            "SELECT run_uuid FROM tags WHERE key = 'rnnsweep.sweep' AND value = ?",
            "SELECT experiment_id FROM experiments WHERE name = ?",
            "SELECT version FROM model_versions WHERE name = ?",
            "SELECT name FROM registered_models WHERE name = ?",
        ):
            paths += connection.execute(query, (name,)).fetchall()
        paths += connection.execute("SELECT model_id FROM logged_models").fetchall()
    return paths


def test_a_sweep_is_listed_first_and_then_removed_with_all_that_bears_its_name(home, mlruns, capsys):
    register(mlruns, "toy")
    refused = mlruns / "spool" / "refused"
    refused.mkdir()
    (refused / f"{SweepFolder.of(mlruns, 'toy').key()}.jsonl").write_text("{}")
    before, others = named(mlruns, "toy"), len(rows(mlruns, "other"))
    assert main(["clean", "toy", "--whole"]) == 0
    said = capsys.readouterr()
    assert "sweep toy: 1 folder" in said.out
    assert "sweep toy: 1 registered model version" in said.out
    assert f"sweep toy: {len(rows(mlruns, 'toy'))} runs" in said.out
    assert "remove it with: rnnsweep clean toy --whole --yes" in said.err
    assert named(mlruns, "toy") == before
    assert main(["clean", "toy", "--whole", "--yes"]) == 0
    assert named(mlruns, "toy") == []
    assert [one.sweep for one in list_sweeps() if one.started] == ["other"]
    assert len(rows(mlruns, "other")) == others
    assert status("other").lost == ""
    assert main(["clean", "toy", "--whole"]) == 2
    assert "there is no such sweep" in capsys.readouterr().err
    record(mlruns, SweepFolder(go(home)))  # its name is free
    assert status("toy").lost == ""


@pytest.mark.parametrize(
    "moment", ["mark_deleted", "forget_spools", "remove_stored", "_set_aside", "forget_notes"]
)
@pytest.mark.parametrize("after", [False, True])
def test_a_removal_that_was_killed_is_finished_by_the_next_one(mlruns, monkeypatch, moment, after):
    register(mlruns, "toy")
    real = getattr(whole_sweep, moment)

    def killed(*values, **named):
        if after:
            real(*values, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(whole_sweep, moment, killed)
    with pytest.raises(KeyboardInterrupt):
        remove_sweep("toy", yes=True)
    monkeypatch.setattr(whole_sweep, moment, real)
    if (mlruns / "sweeps" / "toy").exists() and (after or moment != "mark_deleted"):
        assert status("toy").next == "rnnsweep clean toy --whole"
    remove_sweep("toy", yes=True)
    assert named(mlruns, "toy") == []
    assert clean().removals == clean("other").removals


def test_what_a_killed_removal_left_goes_with_clean_too(mlruns, monkeypatch):
    monkeypatch.setattr(shutil, "rmtree", stop_at(mlruns / "removed"))
    with pytest.raises(KeyboardInterrupt):
        remove_sweep("toy", yes=True)
    monkeypatch.undo()
    monkeypatch.setenv("RNNSWEEP_HOME", str(mlruns.parent))
    assert "toy" not in [one.sweep for one in list_sweeps() if one.started]
    assert "folder of sweep toy" in [one.what for one in clean().removals]
    clean(yes=True)
    assert named(mlruns, "toy") == []


def stop_at(above):
    real = shutil.rmtree

    def removed(path, **options):
        if above in path.parents:
            raise KeyboardInterrupt
        real(path, **options)

    return removed


def test_a_sweep_whose_folder_was_deleted_by_hand_is_removed_from_the_store(mlruns):
    shutil.rmtree(mlruns / "sweeps" / "toy")
    remove_sweep("toy", yes=True)
    assert named(mlruns, "toy") == []


def test_a_running_sweep_is_not_removed(mlruns, capsys):
    before = named(mlruns, "toy")
    with SweepFolder.of(mlruns, "toy").hold():
        assert main(["clean", "toy", "--whole", "--yes"]) == 2
    assert "toy: this sweep is run by process" in capsys.readouterr().err
    assert named(mlruns, "toy") == before


def test_a_sweep_in_which_a_trial_still_trains_is_not_removed(mlruns):
    task = SweepFolder.of(mlruns, "toy").tasks()[0]
    task.forget_outcome()
    task.write_lease()
    with pytest.raises(UserError, match=rf"toy: process \d+ still trains {task.name} of this sweep"):
        remove_sweep("toy", yes=True)
    assert (mlruns / "sweeps" / "toy").is_dir()


def test_a_model_that_is_registered_under_another_name_keeps_its_sweep(mlruns, capsys):
    register(mlruns, "toy", under="in production")
    before = named(mlruns, "toy")
    assert main(["clean", "toy", "--whole", "--yes"]) == 2
    assert (
        "version 1 of the registered model 'in production' was made from its runs" in capsys.readouterr().err
    )
    assert named(mlruns, "toy") == before


def test_a_model_in_the_files_of_a_run_that_is_registered_under_another_name_keeps_its_sweep(mlruns):
    client, run = open_client(mlruns, "local"), rows(mlruns, "toy")[-1]
    client.create_registered_model("prod")
    client.create_model_version("prod", f"{client.get_run(run).info.artifact_uri}/net", run)
    with pytest.raises(UserError, match="version 1 of the registered model 'prod' was made from its runs"):
        remove_sweep("toy", yes=True)
    assert run in rows(mlruns, "toy")


def test_a_version_of_another_sweep_stays_with_its_alias(mlruns):
    register(mlruns, "toy")
    client, run = open_client(mlruns, "local"), rows(mlruns, "other")[-1]
    source, tags = f"{client.get_run(run).info.artifact_uri}/net", {"rnnsweep.key": "other.1.a"}
    version = client.create_model_version("toy", source, run, tags=tags).version
    client.set_registered_model_alias("toy", "champion", version)
    remove_sweep("toy", yes=True)
    assert client.get_model_version_by_alias("toy", "champion").version == version


def test_somebody_elses_model_stays_where_its_run_is_gone(mlruns):
    client = open_client(mlruns, "local")
    experiment = client.get_experiment_by_name("toy").experiment_id
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, name="mine", source_run_id=run)
    client.delete_run(run)
    clean(yes=True)
    remove_sweep("toy", yes=True)
    assert client.get_logged_model(model.model_id).name == "mine"


def test_a_sweep_whose_name_goes_on_behind_that_of_a_removed_one_keeps_its_records(home, mlruns, monkeypatch):
    record(mlruns, SweepFolder(go(home, name="toy.new")))
    before = set(os.listdir(mlruns / "records"))
    (mlruns / "sweeps" / "fresh").mkdir()
    (mlruns / "sweeps" / "toy" / "start.json").unlink()  # as one that never started
    monkeypatch.setattr(shutil, "rmtree", stop_at(mlruns / "removed"))
    with pytest.raises(KeyboardInterrupt):
        remove_sweep("toy", yes=True)
    monkeypatch.undo()
    monkeypatch.setenv("RNNSWEEP_HOME", str(mlruns.parent))
    remove_sweep("toy", yes=True)
    gone = before - set(os.listdir(mlruns / "records"))
    assert {key for key in gone if key.startswith("toy.new.")} == set()
    assert status("toy.new").lost == ""


@pytest.mark.parametrize("options", [[], ["--whole"]])
def test_a_list_of_what_may_go_changes_no_file(mlruns, options):
    register(mlruns, "toy")
    (mlruns / "sweeps" / "toy" / "controller.json").write_text("{}")
    before = contents(mlruns)
    assert main(["clean", "toy", *options]) == 0
    assert contents(mlruns) == before


def contents(folder):
    """What is in a folder, but the index of SQLite's log, which readers write."""
    return {
        path: path.is_file() and path.read_bytes() for path in folder.rglob("*") if path.suffix != ".db-shm"
    }


def test_somebody_elses_run_keeps_the_experiment(mlruns):
    client = open_client(mlruns, "local")
    run = client.create_run(client.get_experiment_by_name("toy").experiment_id)
    remove_sweep("toy", yes=True)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"


def test_whole_needs_a_name(home, capsys):
    assert main(["clean", "--whole"]) == 2
    assert "--whole removes one sweep: give its name" in capsys.readouterr().err


def test_a_sweep_whose_runs_were_deleted_says_so_everywhere_and_how_it_is_removed(mlruns, capsys):
    number = delete_in_the_ui(mlruns, "toy")
    sentence = f"its {number} runs were deleted in MLflow; remove the sweep with: rnnsweep clean toy --whole"
    assert (status("toy").lost, status("toy").next) == (sentence, "rnnsweep clean toy --whole")
    for command in (["list"], ["status"], ["status", "toy"]):
        assert main(command) == 0
        assert f"toy: {sentence}" in capsys.readouterr().err.replace("\n", " ")
    shutil.copyfile(mlruns / "sweeps" / "toy" / "sweep.yaml", mlruns.parent / "sweeps" / "toy.yaml")
    for command in (["compare", "toy"], ["sweep", "toy"], ["replicate", "toy", "--n", "4"]):
        assert main(command) == 2
        assert f"error: sweep 'toy': {sentence}" in capsys.readouterr().err.replace("\n", " ")


def test_clean_with_a_name_lists_its_deleted_runs_and_no_others(mlruns):
    number = delete_in_the_ui(mlruns, "toy")
    delete_in_the_ui(mlruns, "other")
    assert [one.sweep for one in clean("toy").removals if one.why == "deleted"] == ["toy"] * number
    clean("toy", yes=True)
    assert len(rows(mlruns, "toy")) == 0
    assert len(rows(mlruns, "other")) > 0
    assert status("toy").next == "rnnsweep clean toy --whole"


def test_a_sweep_that_lacks_some_of_its_runs_says_how_many(mlruns):
    delete_in_the_ui(mlruns, "toy", 2)
    number = len(rows(mlruns, "toy"))
    assert status("toy").lost == (
        f"2 of its {number} runs were deleted in MLflow: a comparison does without them"
    )
    assert status("toy").next != "rnnsweep clean toy --whole"


def test_runs_that_went_with_the_database_are_made_again(mlruns):
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM runs")
    assert status("toy").next == "rnnsweep store rebuild toy"
    assert "are not in the store; make them again with: rnnsweep store rebuild toy" in status("toy").lost


def test_runs_of_an_earlier_sweep_of_the_same_name_are_no_runs_of_this_one(home, mlruns):
    shutil.rmtree(mlruns / "sweeps" / "toy")
    folder = SweepFolder(go(home))
    record(mlruns, folder)
    own = rnnsweep.runs("toy")
    assert {".".join(key.split(".")[:2]) for key in own["key"]} == {folder.key()}
    assert len(rows(mlruns, "toy")) == 2 * len(own)
    assert set(rnnsweep.curves("toy", ["m"])["run_id"]) == set(own["run_id"])


def test_a_sweep_whose_other_runs_are_still_to_be_sent_is_not_refused(mlruns):
    folder = SweepFolder.of(mlruns, "toy")
    first, *others = [folder.key(task.name) for task in folder.tasks()]
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        for key in others:
            connection.execute("DELETE FROM runs WHERE run_uuid = ?", (read_note(mlruns, key).run_id,))
            (mlruns / "spool" / "notes" / f"{key}.json").unlink()
            shutil.rmtree(mlruns / "records" / key)
            (mlruns / "spool" / f"{key}.jsonl").write_text("")
    for key in (folder.key(), first):
        open_client(mlruns, "local").delete_run(read_note(mlruns, key).run_id)
    assert status("toy").lost == "its 2 runs were deleted in MLflow: a comparison does without them"
    refuse_without_runs(folder, find_paths())


def test_a_sweep_that_goes_on_is_not_refused_for_the_runs_of_its_first_trials(home, mlruns):
    folder = SweepFolder(go(home, name="cut", cut=True))
    record(mlruns, folder)
    client = open_client(mlruns, "local")
    for task in folder.tasks():
        client.delete_run(read_note(mlruns, folder.key(task.name)).run_id)
    assert "a comparison does without them" in status("cut").lost
    assert status("cut").next == "rnnsweep sweep cut"
    refuse_without_runs(folder, find_paths())


def test_a_sweep_that_is_read_from_another_store_is_not_refused(mlruns, monkeypatch, tmp_path):
    moved = tmp_path / "elsewhere.db"
    shutil.move(mlruns / "mlflow.db", moved)
    folder, places = SweepFolder.of(mlruns, "toy"), find_paths()
    with pytest.raises(UserError, match="are not in the store"):
        refuse_without_runs(folder, places)
    assert refuse_without_runs(folder, places, uri=f"sqlite:///{moved}") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{moved}")
    assert refuse_without_runs(folder, places) is None
    assert status("toy").lost == ""


def test_a_store_that_is_locked_stops_no_sweep(mlruns, monkeypatch):
    monkeypatch.setattr(opened, "PATIENCE", 0.01)
    copy = mlruns / "copy.db"
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))  # which has no write-ahead log: readers wait
    for path in mlruns.glob("mlflow.db*"):
        path.unlink()
    copy.rename(mlruns / "mlflow.db")
    with closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        folder = SweepFolder.of(mlruns, "toy")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            refuse_without_runs(folder, find_paths())
        assert folder_to_run("toy", find_paths()) == folder


def test_what_a_removed_sweep_has_on_other_machines_is_named(home, mlruns, capsys):
    place = home / "lab.yaml"
    place.write_text("slots: 1\nstudies: postgresql://me@db:5433/sweeps\nlocker: /shared/locker\n")
    folder = SweepFolder.of(mlruns, "toy")
    opened_before = {name: value for name, value in folder.opened().items() if name not in ("time", "event")}
    folder.ledger().write("open", **opened_before | {"machine": str(place)})
    own = read_note(mlruns, folder.key())
    write_note(mlruns, folder.key(), replace(own, destination="https://mlflow.example"))
    assert main(["clean", "toy", "--whole"]) == 0
    assert (
        "sweep toy: left alone, its runs at https://mlflow.example (delete experiment 'toy' there); its copy"
        f" at postgresql://me@db:5433/sweeps, from which `--on {place}` brings it back; its checkpoints at"
        " /shared/locker"
    ) in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_comparison_says_how_many_runs_of_its_sweep_are_missing(home, capsys):
    variants = {"none": "model.dropout=0.0", "half": "model.dropout=0.5"}
    write_small_sweep(home, "small.yaml", "Does dropout pay?", variants)
    assert main(["sweep", "small.yaml", "--slots", "1"]) == 0
    mlruns, number = home / "mlruns", len(rnnsweep.runs("small"))
    run = rnnsweep.runs("small").query("role == 'replicate' and architecture == 'none'")["run_id"].iloc[-1]
    open_client(mlruns, "local").delete_run(run)
    (remark,) = (one for one in rnnsweep.compare("small").health if "deleted" in one.sentence)
    assert (remark.sentence, remark.next) == (f"1 of its {number} runs was deleted in MLflow.", "")
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (run,))
    (remark,) = (one for one in rnnsweep.compare("small").health if "store" in one.sentence)
    assert remark.sentence == f"1 of its {number} runs is not in the store."
    assert remark.next == "rnnsweep store rebuild small"
    capsys.readouterr()
    assert main(["compare", "small"]) == 0
    assert f"1 of its {number} runs is not in the store." in " ".join(capsys.readouterr().out.split())
