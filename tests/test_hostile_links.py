"""An `mlruns/` with links in the place of files and folders: nothing is written where they lead."""

import os
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest
from tracking_store import fresh_store, open_run, ship

from rnnsweep import files
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.state.disk import room_for
from rnnsweep.tracking import sync
from rnnsweep.tracking.spool.note import Note, read_note, write_note

MINE = "alias ls=ls\n"
SHELL = '"; touch /tmp/hacked; echo "'


@pytest.fixture
def bashrc(tmp_path):
    """A file of the user's, outside mlruns/, which a shell runs."""
    path = tmp_path / "bashrc"
    path.write_text(MINE)
    return path


@pytest.fixture
def mlruns(template, tmp_path):
    return fresh_store(template, tmp_path / "mlruns")


def linked(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(target)


def record_and_ship(mlruns):
    run = open_run(mlruns)
    run._write("nonsense")
    run.artifact("text", "note.txt")
    run.end("complete")
    ship(mlruns)


def sync_here(mlruns):
    with suppress(UserError):
        sync(mlruns, deadline_s=1)


def test_a_refused_line_does_not_go_through_a_link_into_a_file_that_a_shell_runs(mlruns, bashrc):
    run = open_run(mlruns)
    run._write(SHELL)  # a line of no known kind
    run.end("complete")
    linked(mlruns / "spool" / "refused" / "a.jsonl", bashrc)
    with pytest.raises(UserError, match=r"a\.jsonl: is a link"):
        ship(mlruns)
    sync_here(mlruns)
    assert bashrc.read_text() == MINE


@pytest.mark.parametrize("name", ["spool/b.jsonl", "spool/notes/a.json", "spool/shipper.log"])
def test_a_linked_file_of_the_spool_is_not_written_through(mlruns, bashrc, name):
    open_run(mlruns).end("complete")
    linked(mlruns / name, bashrc)
    with suppress(UserError):
        write_note(mlruns, "a", Note(run_id="x"))
    sync_here(mlruns)
    with suppress(UserError):
        open_run(mlruns, "b", resume=True).end("complete")
    assert bashrc.read_text() == MINE


def test_the_shippers_last_error_and_its_log_are_not_written_through_a_link(mlruns, bashrc):
    from rnnsweep.tracking import Shipper
    from rnnsweep.tracking.ship.own_files import last_error
    from rnnsweep.tracking.ship.shipped import Shipped
    from rnnsweep.tracking.ship.shipping import tell_parent

    target = "http://127.0.0.1:9"
    say = tell_parent(mlruns, target)
    say(Shipped(errors=["first"]))
    (path,) = (mlruns / "spool").glob(".shipper-*.error")
    linked(path, bashrc)
    with suppress(UserError):
        say(Shipped(errors=[SHELL]))
    assert bashrc.read_text() == MINE
    with suppress(UserError):
        assert last_error(mlruns, target) in (None, SHELL)
    linked(mlruns / "spool" / "shipper.log", bashrc)
    with pytest.raises(UserError, match=r"shipper\.log: is a link"):
        Shipper(mlruns).start()


@pytest.mark.parametrize("name", ["spool", "spool/notes", "spool/a.files", "spool/refused"])
def test_a_linked_folder_of_the_spool_is_refused(mlruns, tmp_path, name):
    away = tmp_path / "away"
    away.mkdir()
    if (mlruns / name).exists():
        shutil.rmtree(mlruns / name)
    linked(mlruns / name, away)
    with pytest.raises(UserError, match="is a link to"):
        record_and_ship(mlruns)
    assert list(away.iterdir()) == []


@pytest.mark.parametrize("name", ["mlflow.db", "artifacts"])
def test_a_linked_store_is_refused(mlruns, tmp_path, name):
    shutil.rmtree(mlruns / "artifacts", ignore_errors=True)
    if name == "mlflow.db":
        shutil.move(mlruns / name, tmp_path / "theirs")
    else:
        (tmp_path / "theirs").mkdir()
    linked(mlruns / name, tmp_path / "theirs")
    open_run(mlruns).end("complete")
    with pytest.raises(UserError, match="is a link"):
        ship(mlruns)


@pytest.mark.parametrize(
    "address", ["file://{away}", "{away}", "file://{mlruns}/artifacts/../../away", "s3://theirs/x"]
)
def test_a_row_that_sends_files_elsewhere_gets_none(mlruns, tmp_path, address):
    """Else a run called so by its row, and an artifact called `authorized_keys`, open the user's account."""
    away = tmp_path / "away"
    away.mkdir()
    run = open_run(mlruns)
    ship(mlruns)
    run_id = read_note(mlruns, "a").run_id
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection, connection:
        location = address.format(away=away, mlruns=mlruns)
        connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (location, run_id))
    run.artifact("ssh-rsa AAAA", "authorized_keys")
    run.end("complete")
    ship(mlruns)
    assert list(away.iterdir()) == []
    assert "outside mlruns/artifacts/" in (mlruns / "spool" / "refused" / "a.jsonl").read_text()


def test_a_link_among_the_runs_own_artifacts_is_not_followed(mlruns, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    run = open_run(mlruns)
    ship(mlruns)
    run_id = read_note(mlruns, "a").run_id
    linked(mlruns / "artifacts" / "exp" / run_id / "artifacts", away)
    run.artifact("ssh-rsa AAAA", "authorized_keys")
    run.end("complete")
    ship(mlruns)
    assert list(away.iterdir()) == []


def test_looking_for_room_empties_no_file_that_the_probe_links_to(tmp_path, bashrc):
    linked(tmp_path / "room.probe", bashrc)
    assert room_for(1000, tmp_path)
    assert bashrc.read_text() == MINE


def test_a_checkpoint_is_not_written_through_a_link(tmp_path, bashrc):
    import torch

    from rnnsweep.training import checkpoint

    for name in ("best.ckpt.part", "best.ckpt"):
        linked(tmp_path / name, bashrc)
    checkpoint.write({"weights": {"w": torch.zeros(1)}}, tmp_path / "best.ckpt")
    assert bashrc.read_text() == MINE
    assert checkpoint.read(tmp_path / "best.ckpt")["weights"]["w"].shape == (1,)


def test_a_report_is_not_written_through_a_link(tmp_path, bashrc):
    from rnnsweep.comparison.report.templating import write_whole

    linked(tmp_path / "report.html", bashrc)
    linked(tmp_path / f".report.html.{os.getpid()}", bashrc)
    write_whole(tmp_path / "report.html", "<p>new")
    assert bashrc.read_text() == MINE
    assert (tmp_path / "report.html").read_text() == "<p>new"


@pytest.fixture
def task(tmp_path):
    from rnnsweep.trial import TrialTask

    folder = tmp_path / "mlruns" / "sweeps" / "toy" / "trials" / "gru-0"
    return TrialTask("toy.gru-0", "trial", "gru", (), folder, tmp_path / "mlruns", "toy", "gru-0")


def test_a_trials_log_is_not_appended_to_a_file_that_it_links_to(task, bashrc):
    from rnnsweep.launchers.fused.worker import LogOfThread
    from rnnsweep.launchers.local import child

    child.make_folder(task)
    linked(task.folder / "log.txt", bashrc)
    for write in (child.redirect, LogOfThread().open):
        with pytest.raises(UserError, match=r"log\.txt: is a link"):
            write(task.folder / "log.txt")
    assert bashrc.read_text() == MINE


@pytest.mark.parametrize("name", ["sweeps", "sweeps/toy", "sweeps/toy/trials", "sweeps/toy/trials/gru-0"])
def test_a_linked_folder_on_the_way_to_a_trial_is_refused(task, tmp_path, name):
    from rnnsweep.launchers.local import child

    (tmp_path / "away").mkdir()
    linked(tmp_path / "mlruns" / name, tmp_path / "away")
    with pytest.raises(UserError, match="is a link to"):
        child.make_folder(task)
    assert list((tmp_path / "away").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["checkpoints", "test_predictions.npz"])
def test_a_trial_writes_neither_weights_nor_predictions_through_a_link(task, tmp_path, short_rows, name):
    from dataclasses import replace

    from short_trainings import SETTINGS
    from test_trial import Line

    from rnnsweep.config import compose
    from rnnsweep.trial import run_trial

    (tmp_path / "away").mkdir()
    target = tmp_path / "away"
    if name.endswith("npz"):
        target = target / "mine"
        target.write_text(MINE)
    linked(task.folder / name, target)
    overrides = (*SETTINGS, f"data.train={short_rows}", "trainer.max_epochs=1")
    run_trial(replace(task, role="replicate", overrides=overrides, run=compose(overrides)), Line())
    assert [path.name for path in (tmp_path / "away").iterdir()] in ([], ["mine"])
    assert not target.is_file() or target.read_text() == MINE


def test_mlruns_itself_may_be_a_link(template, tmp_path):
    fresh_store(template, tmp_path / "big disk")
    (tmp_path / "mlruns").symlink_to(tmp_path / "big disk")
    run = open_run(tmp_path / "mlruns")
    run.artifact("text", "note.txt")
    run.end("complete")
    ship(tmp_path / "mlruns")
    assert len(list((tmp_path / "big disk" / "artifacts").rglob("note.txt"))) == 1
    assert not (tmp_path / "big disk" / "spool" / "refused").exists()


def test_runs_of_a_linked_folder_are_refused_in_one_line(home, tmp_path, capsys):
    (home / "mlruns").mkdir()
    (home / "mlruns" / "spool").symlink_to(tmp_path)
    assert main(["sync"]) == 2
    said = capsys.readouterr().err
    assert "mlruns/spool: is a link to" in said
    assert len(said.splitlines()) == 1


def test_files_of_state_are_their_owners_alone(mlruns):
    run = open_run(mlruns)
    run.artifact("text", "note.txt")
    run.end("complete")
    ship(mlruns)
    (note,) = (mlruns / "spool" / "notes").glob("*.json")
    assert note.stat().st_mode & 0o077 == 0
    assert (mlruns / "spool").stat().st_mode & 0o077 == 0
    assert files.PRIVATE == 0o600
