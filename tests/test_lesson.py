"""`rnnsweep lesson`: rows trained, scored, and written as a page."""

import csv
import json
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from rnnsweep.api import draw_gradients, lesson
from rnnsweep.api.lesson_rows.row import running_score
from rnnsweep.api.results import Validation
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.lesson import Outcome
from rnnsweep.lesson.page import BEGIN, END, keep, write_page
from rnnsweep.tasks import score_named


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny corpus in the layout of AG News."""
    place = tmp_path_factory.mktemp("ag")
    draw = np.random.default_rng(0)
    topics = ("army vote treaty", "goal match coach", "profit shares oil", "chip software space")
    for name, rows in {"train.csv": 160, "test.csv": 40}.items():
        with (place / name).open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for n in range(rows):
                title, body = (" ".join(draw.choice(topics[n % 4].split(), size=k)) for k in (3, n % 7 + 1))
                writer.writerow([n % 4 + 1, f"{title} {n}", f"{body} on day {n}"])
    return place


def outcome(name="RNN 32, mean of outputs", row=3, **values):
    given = dict(
        row=row, name=name, recorded=0.80606, train=0.71, validation=0.82, test=0.81, parameters=6_135_236,
        seconds=12.3, run_id="abc", training_rows=59_022,
    )  # fmt: skip
    return Outcome(**(given | values))


def look(epoch, step, accuracy):
    values = {"accuracy": 0.5, "loss": 1.0}
    return Validation(epoch, step, score_named(None, None), values, {"accuracy": accuracy, "loss": 1.0}, 1.0)


def test_running_accuracy_is_that_of_the_first_epoch():
    assert running_score([look(1.0, 100, 0.6), look(2.0, 200, 0.9)]) == pytest.approx(0.6)


def test_running_accuracy_adds_up_the_looks_of_an_epoch_by_their_steps():
    looks = [look(0.25, 25, 0.2), look(1.0, 100, 0.6), look(1.5, 150, 0.9)]
    assert running_score(looks) == pytest.approx((25 * 0.2 + 75 * 0.6) / 100)


def test_a_row_gives_its_figures_as_one_json_object_and_a_page(home, folder, capsys):
    settings = [f"data.dir={folder}", "tracking.enabled=false"]
    arguments = ["lesson", "5", "18", "--quick", "--slots", "1", "--json", *settings]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in said["rows"]] == [5, 18, 18, 18]
    first = said["rows"][0]
    assert set(first) >= {"row", "name", "recorded", "train", "validation", "test", "parameters", "seconds"}
    assert (first["recorded"], first["parameters"]) == (0.8138, 6_144_644)
    assert all(0 <= row[score] <= 1 for row in said["rows"] for score in ("train", "validation", "test"))
    page = (home / "mlruns" / "lesson" / "quick.md").read_text()
    assert page.count("| 18 |") == 3
    assert said["page"].endswith("quick.md")


def test_a_recorded_row_keeps_its_test_score_on_its_run(home, folder):
    assert main(["lesson", "3", f"data.dir={folder}"]) == 0
    from rnnsweep.api import runs

    table = runs()
    assert table["name"].tolist() == ["row 3, RNN 32, mean of outputs"]
    assert 0 <= table["test"].iloc[0] <= 1
    assert (
        "| 3 | RNN 32, mean of outputs | embedding 64, mean, padding read, batch 16 | .8061 (running"
        in (home / "docs" / "lesson.md").read_text()
    )


def test_gradients_by_distance_are_drawn_for_four_cells(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("rnnsweep.api.inside.gradients.TOKENS", 3)
    overrides = [f"data.dir={folder}", "trainer.max_epochs=1", "model.hidden_size=4"]
    reaches = draw_gradients(tmp_path / "pictures" / "vanishing.png", overrides)
    assert (tmp_path / "pictures" / "vanishing.png").read_bytes().startswith(b"\x89PNG")
    assert [reach.name for reach in reaches] == [
        "RNN", "GRU", "LSTM, forget bias 0", "LSTM, forget bias 1"
    ]  # fmt: skip
    assert all(reach.fresh_T[0] == reach.trained_T[0] == 1 for reach in reaches)
    assert all(reach.fresh_T[2] < 1 for reach in reaches)
    assert any((reach.fresh_T != reach.trained_T).any() for reach in reaches)


def test_gradients_need_texts_that_are_long_enough(folder, tmp_path):
    with pytest.raises(UserError, match="no text of the validation part has 40 tokens"):
        draw_gradients(tmp_path / "vanishing.png", [f"data.dir={folder}"])


def test_ctrl_c_ends_the_rows_and_keeps_those_that_are_done(home, folder, monkeypatch, capsys):
    told = []

    def interrupt_the_second(row, run):
        told.append(row.row)
        if len(told) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("rnnsweep.cli.commands.lesson._begin", interrupt_the_second)
    settings = [f"data.dir={folder}", "tracking.enabled=false"]
    assert main(["lesson", "3", "4", "5", "--quick", "--slots", "1", *settings]) == 130
    assert told == [3, 4]
    page = (home / "mlruns" / "lesson" / "quick.md").read_text()
    assert ("| 3 |" in page, "| 4 |" in page) == (True, False)


@pytest.mark.slow
def test_rows_side_by_side_give_what_they_give_one_after_the_other(home, folder):
    settings = [f"data.dir={folder}", "tracking.enabled=false"]
    told, begun = [], []
    heard = {"on_row": lambda row, run: begun.append(row.row), "on_outcome": lambda one: told.append(one.row)}
    side, page = lesson([3, 5, 18], settings, quick=True, slots=2, **heard)
    after, _ = lesson([3, 5, 18], settings, quick=True, slots=1)
    assert [replace(one, seconds=0) for one in side] == [replace(one, seconds=0) for one in after]
    assert [one.row for one in side] == [3, 5, 18, 18, 18]  # in the lesson's order, whatever ended first
    assert sorted(told) == sorted(begun) == [3, 5, 18, 18, 18]
    assert page.read_text().count("| 18 |") == 3


@pytest.mark.slow
def test_a_row_in_a_slot_that_cannot_be_read_is_told_in_one_line(home, capsys):
    assert main(["lesson", "3", "5", "--slots", "2", "data.dir=absent", "tracking.enabled=false"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: data.dir='absent': no such folder")
    assert not (home / "mlruns").exists()


@pytest.mark.slow
def test_ctrl_c_records_the_rows_in_the_slots_as_interrupted(home, folder):
    def interrupt_as_soon_as_both_train():
        while len(list(home.glob("mlruns/runs/*/last.ckpt"))) < 2:
            time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt_as_soon_as_both_train, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        lesson([3, 4], [f"data.dir={folder}", "trainer.max_epochs=5000"], slots=2)
    from rnnsweep.api import runs

    assert sorted(runs()["state"]) == ["interrupted", "interrupted"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["3", "4", "--slots", "none"], "slots='none': must be a number (4)"),
        (["6"], "row 6: the lesson's rows that can be trained are 3, 4, 5, 7"),
        (["five"], "'five': must be the number of a row, as 5, or key=value"),
        (["5", "model.hiden_size=3"], "Did you mean 'model.hidden_size'?"),
        (["5", "data.dir=absent"], "data.dir='absent': no such folder"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_made(home, capsys, arguments, message):
    assert main(["lesson", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not (home / "mlruns" / "lesson").exists()
    assert not (home / "docs").exists()


def test_rows_of_several_calls_come_together_in_the_lessons_order(tmp_path):
    keep(tmp_path, [outcome("GRU 32, packed, last state", row=7)], form="full")
    together = keep(tmp_path, [outcome()], form="full")
    assert [one.row for one in together] == [3, 7]
    assert [one.row for one in keep(tmp_path, [outcome(test=0.5)], form="full")] == [3, 7]
    assert [one.row for one in keep(tmp_path, [outcome()], form="quick")] == [3]


def test_what_stands_around_the_table_stays(tmp_path, home):
    page = tmp_path / "lesson.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    facts = {"cpu": "Model X", "versions": "rnnsweep=0.1.0 torch=2.13.0"}
    write_page(page, [outcome()], facts=facts, form="full")
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    assert "59,022 training rows; Model X, one thread, PyTorch 2.13.0" in text
    assert ".8061 (running training) | .7100 | .8200 | .8100 | 6,135,236 | 12 |" in text
    assert write_page(page, [outcome()], facts=facts, form="full").read_text() == text
