"""`python -m examples.lesson`: rows trained, scored, and written as a page."""

import csv
import json
import signal

import numpy as np
import pandas as pd
import pytest
from examples.lesson.__main__ import NAME, lesson_command
from examples.lesson.gradients import draw_gradients
from examples.lesson.pages import BEGIN, END, add, write as write_page, write_between
from examples.lesson.rows import SWEEP, Outcome, _question, find_rows, read_rows, running_score

from rnnsweep.cli.entry import main
from rnnsweep.errors import UserError
from rnnsweep.search.space import check_space
from rnnsweep.sweepfile import read_sweep


def lesson(*arguments):
    return main(arguments, program=lesson_command, name=NAME)


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


def points(*rows):
    return pd.DataFrame(rows, columns=["epoch", "step", "value"])


def test_running_accuracy_is_that_of_the_first_epoch():
    assert running_score(points((1.0, 100, 0.6), (2.0, 200, 0.9))) == pytest.approx(0.6)


def test_running_accuracy_adds_up_the_points_of_an_epoch_by_their_steps():
    shown = points((0.25, 25, 0.2), (1.0, 100, 0.6), (1.5, 150, 0.9))
    assert running_score(shown) == pytest.approx((25 * 0.2 + 75 * 0.6) / 100)
    assert running_score(points((1.5, 150, 0.9))) == pytest.approx(0.9)


def test_the_rows_are_one_sweep_in_which_nothing_is_searched(tmp_path):
    sweep = read_sweep(SWEEP)
    assert sweep.architectures == tuple(row.architecture for row in read_rows())
    assert (sweep.trials, sweep.replicates, sweep.space) == (1, 0, ())
    runs = check_space(sweep)
    assert [run.choices["experiment"] for run in runs.values()] == [row.experiment for row in read_rows()]


def test_chosen_rows_and_overrides_are_a_sweep_of_their_own(tmp_path):
    def asked(*arguments):
        path = tmp_path / "rows.yaml"
        path.write_text(_question(*arguments))
        return read_sweep(path)

    whole, some = asked(find_rows(), []), asked(find_rows([5, 18]), ["seed=3", "data.vectors=own"])
    assert whole.name == "lesson-rows"
    assert some.name.startswith("lesson-rows-")
    assert some.name != asked(find_rows([5]), ["seed=3"]).name
    assert some.overrides[-1] == "seed=3"  # vectors are for the rows that start from some
    assert some.variants["18_vectors_tuned"][-1] == "data.vectors=own"
    assert len(some.variants["05_lstm_packed"]) == len(some.variants["18_vectors_random"]) == 1


def test_gradients_by_distance_are_drawn_for_four_cells(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("examples.lesson.gradients.TOKENS", 3)
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


@pytest.mark.slow
def test_rows_are_one_json_object_and_a_page_and_ctrl_c_is_continued(home, folder, capsys, monkeypatch):
    from rnnsweep.cli.live import PlainLines

    arguments = ["5", "18", f"data.dir={folder}", "--quick", "--slots", "1", "--json"]
    update = PlainLines.update

    def interrupt(shown, snapshot):
        update(shown, snapshot)
        if snapshot.standings[0].complete:
            monkeypatch.setattr(PlainLines, "update", update)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(PlainLines, "update", interrupt)
    assert lesson(*arguments) == 130
    first = json.loads(capsys.readouterr().out)["rows"]
    assert [row["row"] for row in first][:1] == [5]
    assert len(first) < 4

    assert lesson(*arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in printed["rows"]] == [5, 18, 18, 18]
    row = printed["rows"][0]
    assert row == first[0]
    assert set(row) >= {"row", "name", "recorded", "train", "validation", "test", "parameters", "seconds"}
    assert (row["recorded"], row["parameters"]) == (0.8138, 6_144_644)
    assert all(0 <= row[score] <= 1 for row in printed["rows"] for score in ("train", "validation", "test"))
    page = (home / "mlruns" / "lesson" / "quick.md").read_text()
    assert page.count("| 18 |") == 3
    assert "| 5 | LSTM 32, packed, last state | embedding 64, last, masked, batch 16 | .8138 (running" in page
    assert printed["page"].endswith("quick.md")


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
    assert lesson(*arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not (home / "mlruns" / "lesson").exists()
    assert not (home / "docs").exists()


def test_rows_of_several_calls_come_together_in_the_lessons_order(tmp_path):
    add(tmp_path, [outcome("GRU 32, packed, last state", row=7)], form="full")
    together = add(tmp_path, [outcome()], form="full")
    assert [one.row for one in together] == [3, 7]
    assert [one.row for one in add(tmp_path, [outcome(test=0.5)], form="full")] == [3, 7]
    assert [one.row for one in add(tmp_path, [outcome()], form="quick")] == [3]


def test_what_stands_around_the_table_stays(home):
    page = home / "docs" / "lesson.md"
    page.parent.mkdir()
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    assert write_page([outcome()], quick=False) == page
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    assert "59,022 training rows" in text
    assert ".8061 (running training) | .7100 | .8200 | .8100 | 6,135,236 | 12 |" in text
    assert write_page([outcome()], quick=False).read_text() == text


def test_a_page_that_is_not_there_gets_a_title(tmp_path):
    page = write_between(tmp_path / "new.md", (BEGIN, END), ["a line"], title="# Title\n\n")
    assert page.read_text() == f"# Title\n\n{BEGIN}\n\na line\n\n{END}\n"
