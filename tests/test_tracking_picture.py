"""Pictures and files on their way to the store, and a store that takes points and no files."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tracking_store import fresh_store, open_run, points, ship

from rnnsweep.tasks import score_named
from rnnsweep.tracking import Shipper, sync
from rnnsweep.tracking.ship.own_files import lock_of
from rnnsweep.tracking.ship.picture import MOST_CLASSES, draw_confusion, draw_curves
from rnnsweep.tracking.ship.shipping import Shipping, draw_all, ship_all, ship_once
from rnnsweep.tracking.ship.waiting import Changes, is_waiting
from rnnsweep.tracking.spool.note import Note, read_note, write_note
from rnnsweep.tracking.store.store import open_client
from rnnsweep.tracking.tags import RUN_COLOUR, Tag

TABLE = 'true \\ predicted,"a,b",c$\n"a,b",8,2\nc$,0,5\n'


@pytest.fixture
def mlruns(template, tmp_path):
    """A store of a test's own."""
    return fresh_store(template, tmp_path / "mlruns")


def size_of(png: bytes) -> tuple[int, int]:
    """Read a PNG's width and height in pixels from its head."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def artifacts(mlruns: Path, key: str = "a") -> set[str]:
    """List what a run has in the store."""
    client = open_client(mlruns, "local")
    return {found.path for found in client.list_artifacts(read_note(mlruns, key).run_id)}


class NoFiles:
    """A real client whose files do not get through: a bucket without credentials."""

    def __init__(self, mlruns: Path, calls: list[str]) -> None:
        self.client = open_client(mlruns, "local")
        self.calls = calls

    def __getattr__(self, name: str):
        if name == "log_artifact":
            self.calls.append(name)
            raise ImportError("No module named 'boto3'")
        return getattr(self.client, name)


def test_curves_are_drawn_with_one_point_with_many_and_with_gaps():
    many = [(step, 1 / (step + 1)) for step in range(500)]
    gaps = [(1, 0.5), (2, float("nan")), (3, 0.7)]
    for curves in ({"validation/accuracy": [(1, 0.5)]}, {"validation/loss": many}, {"train/loss": gaps}, {}):
        assert size_of(
            draw_curves(curves, title="t01 gru $lr$=1", colour="#2a8a4a", score=score_named(None, None))
        ) == (960, 360)


def test_a_confusion_table_is_drawn_larger_for_more_classes():
    small = size_of(draw_confusion(TABLE))
    labels = [str(number) for number in range(40)]
    rows = [["true", *labels], *([label, *"0" * 40] for label in labels)]
    assert size_of(draw_confusion("".join(",".join(row) + "\n" for row in rows)))[0] > 3 * small[0]


@pytest.mark.parametrize(
    "table", ["", "true\n", "true,a\n", "true,a\na,x\n", "true,a,b\na,1\nb,2\n", "true" + ",a" * 99]
)
def test_what_is_no_confusion_table_is_refused(table):
    assert MOST_CLASSES < 99
    with pytest.raises(ValueError, match=r"a table of \d+ classes and \d+ rows|invalid literal"):
        draw_confusion(table)


def test_a_run_ends_with_a_picture_of_its_curves_and_of_its_confusion(mlruns):
    with open_run(mlruns, tags={"rnnsweep.architecture": "gru"}) as run:
        run.metrics({"validation/accuracy": 0.5, "train/loss": 1.0}, step=10)
        run.artifact(TABLE, "test_confusion.csv", picture="confusion")
        run.artifact("no table", "other.csv", picture="confusion")
    ship(mlruns)
    assert artifacts(mlruns) == {"curves.png", "test_confusion.csv", "test_confusion.png", "other.csv"}
    assert not is_waiting(mlruns, "a")
    assert not list((mlruns / "spool").glob("a.*"))


def test_a_run_without_a_curve_has_no_picture(mlruns):
    with open_run(mlruns) as run:
        run.summary({"test/accuracy": 0.5})
    ship(mlruns)
    assert artifacts(mlruns) == set()


def test_a_trial_of_a_search_has_its_curves_in_the_view_and_no_picture(mlruns):
    with open_run(mlruns, tags={"rnnsweep.role": "trial"}) as run:
        run.metrics({"validation/loss": 3.0}, step=1)
    ship(mlruns)
    assert artifacts(mlruns) == set()
    assert not is_waiting(mlruns, "a")


def test_the_curves_of_a_resumed_run_are_drawn_whole(mlruns):
    with open_run(mlruns) as run:
        run.metrics({"validation/loss": 3.0}, step=1)
    ship(mlruns)
    first = (next(mlruns.glob("artifacts/**/curves.png"))).read_bytes()
    with open_run(mlruns, resume=True) as run:
        run.metrics({"validation/loss": 1.0}, step=2)
    ship(mlruns)
    assert next(mlruns.glob("artifacts/**/curves.png")).read_bytes() != first


def test_the_curves_are_drawn_in_the_colour_of_the_run(mlruns):
    for key, shade in (("a", "#c82f2f"), ("b", "#c82f2f"), ("c", "#1c7676")):
        with open_run(
            mlruns, key=key, name="same", tags={RUN_COLOUR: shade, Tag.ARCHITECTURE: f"own_{key}"}
        ) as run:
            run.metrics({"validation/loss": 3.0}, step=1)
    ship(mlruns)
    drawn = [picture.read_bytes() for picture in mlruns.glob("artifacts/**/curves.png")]
    assert len(drawn) == 3
    assert len(set(drawn)) == 2


def test_a_store_that_takes_no_files_gets_every_point_and_the_files_later(mlruns):
    with open_run(mlruns, config_yaml="seed: 1") as run:
        run.metrics({"m": 1.0, "validation/loss": 2.0}, step=1)
    with open_run(mlruns, "b", config_yaml="seed: 2") as run:
        run.metrics({"m": 2.0}, step=1)
    calls: list[str] = []
    with pytest.raises(ImportError, match="boto3"):
        ship(mlruns, client=NoFiles(mlruns, calls))
    assert len(calls) == 2  # one try a run: the files after the first wait with it
    assert points(mlruns, "a") == [(1, 1.0)]
    assert points(mlruns, "b") == [(1, 2.0)]
    assert open_client(mlruns, "local").get_run(read_note(mlruns, "a").run_id).info.status == "FINISHED"
    assert is_waiting(mlruns, "a")
    assert artifacts(mlruns) == set()
    ship(mlruns)
    assert artifacts(mlruns) == {"config.yaml", "curves.png"}
    assert artifacts(mlruns, "b") == {"config.yaml"}
    assert not is_waiting(mlruns, "a")


def test_a_picture_that_the_store_refuses_holds_up_no_other_one(mlruns):
    for key in "ab":
        with open_run(mlruns, key) as run:
            run.metrics({"validation/loss": 2.0}, step=1)
    ship_all(mlruns, ["a", "b"], "local", open_client(mlruns, "local"))
    calls: list[str] = []
    with pytest.raises(ImportError, match="boto3"):
        draw_all(mlruns, ["a", "b"], NoFiles(mlruns, calls), until=lambda: False)
    assert len(calls) == 2
    ship(mlruns)
    assert artifacts(mlruns) == artifacts(mlruns, "b") == {"curves.png"}


def test_pictures_wait_for_new_lines_and_nobody_waits_for_pictures(mlruns):
    for key in "ab":
        with open_run(mlruns, key) as run:
            run.metrics({"validation/loss": 2.0}, step=1)
    client = open_client(mlruns, "local")
    ship_all(mlruns, ["a", "b"], "local", client)
    assert not any(is_waiting(mlruns, key, pictures=False) for key in "ab")
    draw_all(mlruns, ["a", "b"], client, until=lambda: True)
    assert [is_waiting(mlruns, key) for key in "ab"] == [False, True]
    assert not Shipper(mlruns).drain(0.0, pictures=False)
    assert Shipper(mlruns).drain(0.0) == ["b"]
    with lock_of(mlruns, "local"):  # another process is at work, and draws it
        assert sync(mlruns).line == ""
    assert artifacts(mlruns, "b") == set()
    sync(mlruns)
    assert artifacts(mlruns, "b") == {"curves.png"}


def test_a_run_that_trains_on_does_not_hold_up_the_picture_of_one_that_ended(mlruns, monkeypatch):
    training = open_run(mlruns, "a")
    training.summary({"m": 1.0})
    with open_run(mlruns, "b") as run:
        run.metrics({"validation/loss": 2.0}, step=1)
    monkeypatch.setattr(Changes, "are_more", lambda self: True)
    Shipping(mlruns, "local", say=lambda done: None).round()
    assert artifacts(mlruns, "b") == {"curves.png"}


def test_pictures_wait_for_an_idle_core_and_not_for_ever(mlruns, monkeypatch):
    with open_run(mlruns, "a") as run:
        run.metrics({"validation/loss": 2.0}, step=1)
    shipping = Shipping(mlruns, "local", say=lambda done: None)
    monkeypatch.setattr("rnnsweep.tracking.ship.shipping.IDLE", 1e6)  # no machine has as many idle cores
    assert not shipping.can_draw()
    assert shipping.round(draws=False).waiting == ["a"]
    assert artifacts(mlruns) == set()
    monkeypatch.setattr("rnnsweep.tracking.ship.shipping.LONGEST_WAIT", 0.0)
    assert shipping.can_draw()
    shipping.round()
    assert artifacts(mlruns) == {"curves.png"}
    monkeypatch.setattr("rnnsweep.tracking.ship.shipping.LONGEST_WAIT", 60.0)
    assert not shipping.can_draw()
    monkeypatch.setattr("rnnsweep.tracking.ship.shipping.IDLE", -1.0)  # fewer than none
    assert shipping.can_draw()


@pytest.mark.parametrize("draws", [True, False])
def test_lines_are_sent_without_the_pictures_that_another_process_draws(mlruns, draws):
    with open_run(mlruns, "a") as run:
        run.metrics({"validation/loss": 2.0}, step=1)
    assert not ship_once(mlruns, "local", deadline_s=0.0, draws=draws).waiting
    assert not is_waiting(mlruns, "a", pictures=False)
    assert artifacts(mlruns) == ({"curves.png"} if draws else set())


@pytest.mark.slow
def test_pictures_that_are_left_to_the_process_are_there_when_the_command_ends(mlruns):
    code = (
        "import sys; from pathlib import Path; from tracking_store import open_run;"
        "from rnnsweep.tracking import Shipper; m = Path(sys.argv[1]); shipper = Shipper(m).start()\n"
        "for key in 'abc':\n"
        "    with open_run(m, key) as run:\n"
        "        run.metrics({'validation/loss': 2.0}, step=1)\n"
        "assert not shipper.close(60, pictures=False)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    subprocess.run([sys.executable, "-c", code, str(mlruns)], env=env, check=True)
    assert all(artifacts(mlruns, key) == {"curves.png"} for key in "abc")


def test_a_note_or_a_link_that_points_elsewhere_sends_nothing_from_there(mlruns, tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "secret").write_text("s")
    run = open_run(mlruns)
    ship(mlruns)
    (mlruns / "spool" / "a.files").symlink_to(tmp_path / "others")
    note = read_note(mlruns, "a")
    note.files = [
        {"file": str(tmp_path / "secret"), "name": "x"},
        {"file": "../../../secret", "name": "x"},
        {"file": "secret", "name": "x"},
        {"name": "x"},
    ]
    write_note(mlruns, "a", note)
    run.metrics({"m": 1.0}, step=1)
    run.flush()  # a point may wait for the next ones, for a moment
    ship(mlruns)
    assert artifacts(mlruns) == set()
    assert read_note(mlruns, "a").refused == 4
    assert points(mlruns, "a") == [(1, 1.0)]


def test_a_note_with_files_that_are_none_is_an_empty_note(mlruns):
    open_run(mlruns)
    ship(mlruns)
    path = mlruns / "spool" / "notes" / "a.json"
    path.write_text('{"files": "../../secret", "offset": []}')
    assert read_note(mlruns, "a") == Note()
