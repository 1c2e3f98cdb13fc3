"""Every row of the lesson has its experiment, its exact count of weights, and trains."""

import csv

import numpy as np
import pytest
from examples.lesson.rows import find_rows, read_rows

from rnnsweep.config import compose
from rnnsweep.config.files import conf_folders, options
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.networks import build, parameter_count
from rnnsweep.training import evaluate, train

ROWS = read_rows()
COUNTS = {  # as the lesson's own frameworks print them
    "lesson/03_rnn_mean": 6_135_236,
    "lesson/04_lstm_padded": 6_144_644,
    "lesson/05_lstm_packed": 6_144_644,
    "lesson/07_gru": 6_141_508,
    "lesson/10_keras_rnn_titles": 1_281_364,
    "lesson/11_keras_rnn_masked": 1_281_364,
    "lesson/12_keras_lstm": 1_282_372,
    "lesson/13_keras_two_bilstms": 2_758_148,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny corpus in the layout of AG News; every fourth row has no title."""
    place = tmp_path_factory.mktemp("ag")
    draw = np.random.default_rng(0)
    topics = ("army vote treaty", "goal match coach", "profit shares oil", "chip software space")
    for name, rows in {"train.csv": 120, "test.csv": 24}.items():
        with (place / name).open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for n in range(rows):
                words = [" ".join(draw.choice(topics[n % 4].split(), size=k)) for k in (3, n % 7 + 1)]
                title = "" if name == "train.csv" and n % 4 == n // 4 % 4 else f"{words[0]} {n}"
                writer.writerow([n % 4 + 1, title, f"{words[1]} on day {n}"])
    return place


def test_every_experiment_of_the_lesson_belongs_to_a_row():
    there = {name for name in options("experiment", conf_folders()) if name.startswith("lesson/")}
    assert {row.experiment for row in ROWS} == there
    assert len(there) == len(ROWS) >= 17


def test_the_rows_that_can_be_trained_are_all_there():
    assert sorted({row.row for row in ROWS}) == [3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 17, 18]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.experiment)
def test_the_weights_are_counted_to_the_last_one(row):
    model = compose([f"experiment={row.experiment}"]).model
    counted = parameter_count(model, vocabulary=200, classes=4)
    network = build(model, vocabulary=200, classes=4)
    assert counted == sum(weight.numel() for weight in network.parameters())
    if row.parameters is not None:
        assert counted == row.parameters
    assert COUNTS.get(row.experiment, counted) == counted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.experiment)
def test_every_row_trains_and_is_tested(row, folder, tmp_path):
    run = compose([f"experiment={row.experiment}", f"data.dir={folder}", "data.batch_size=32"])
    scores = train(run, folder=tmp_path)
    found = evaluate(run, scores.checkpoint)
    assert len(found.answers["predictions_N"]) == 24
    assert np.isfinite([scores.values["loss"], found.values["loss"]]).all()
    assert scores.epochs == run.trainer.max_epochs


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.experiment)
def test_a_recorded_figure_says_of_what_kind_it_is(row):
    assert (row.recorded is None) == (row.kind is None)
    assert row.figure == "none" if row.recorded is None else row.figure.startswith(".")
    assert row.shows.endswith(".")


def test_titles_alone_are_read_where_there_is_one(folder):
    corpus = prepare(compose(["experiment=lesson/10_keras_rnn_titles", f"data.dir={folder}"]).data)
    assert sum(corpus.sizes.values()) < 144
    assert sum(corpus.empty.values()) == 0
    assert all(" on day " not in text for text in corpus.texts("train"))


def test_the_lessons_one_id_for_padding_and_unknown_words_is_kept(folder):
    run = compose(["experiment=lesson/05_lstm_packed", f"data.dir={folder}"])
    assert 0 in prepare(run.data).encode(["a word that never came"]).ids
    two = compose(["experiment=lesson/05_lstm_packed", f"data.dir={folder}", "data.pad_is_unknown=false"])
    assert 0 not in prepare(two.data).encode(["a word that never came"]).ids


def test_a_number_gives_all_its_rows_and_an_unknown_one_is_refused():
    assert [row.experiment[-1] for row in find_rows([9])] == ["1", "2", "3", "4"]
    assert find_rows() == ROWS
    with pytest.raises(UserError, match="row 6: the lesson's rows that can be trained are 3, 4, 5, 7"):
        find_rows([6])
