"""Training with the settings that the rows of the lesson need: vectors, codes, padding that is read."""

import csv

import numpy as np
import pytest
import torch

from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.training import checkpoint, evaluate, train

WORDS = ("red", "green", "blue", "one", "two", "three")


@pytest.fixture
def table(tmp_path):
    """A hundred rows of colours or of numbers, of one to nine words."""
    path = tmp_path / "rows.csv"
    draw = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for n in range(100):
            kind = n % 2
            words = draw.choice(WORDS[3 * kind : 3 * kind + 3], size=n % 9 + 1)
            rows.writerow([" ".join(words) + f" x{n}", ("colour", "number")[kind]])
    return path


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {n} 0.5 {-n} 0.25\n" for n, word in enumerate(WORDS)))
    return path


def run(table, *overrides):
    common = ("data=files", f"data.train={table}", "model.embedding_size=4", "model.hidden_size=4")
    return compose([*common, "trainer.max_epochs=2", "data.batch_size=8", "model.dropout=0", *overrides])


def weights(table, tmp_path, *overrides):
    scores = train(run(table, *overrides), folder=tmp_path / "kept")
    return checkpoint.read(scores.checkpoint)["weights"]


def test_a_frozen_embedding_stays_at_its_vectors(table, vectors, tmp_path):
    kept = weights(table, tmp_path, f"data.vectors={vectors}", "model.freeze_embedding=true")
    vocabulary = prepare(run(table).data).vocabulary
    rows = kept["embedding.weight"][[vocabulary.index(word) for word in WORDS]]
    assert rows.tolist() == [[n, 0.5, -n, 0.25] for n in range(len(WORDS))]


def test_a_tuned_embedding_starts_at_its_vectors_and_moves_a_little(table, vectors, tmp_path):
    kept = weights(table, tmp_path, f"data.vectors={vectors}", "optimizer.lr=0.001")
    vocabulary = prepare(run(table).data).vocabulary
    rows = kept["embedding.weight"][[vocabulary.index(word) for word in WORDS]]
    start = torch.tensor([[n, 0.5, -n, 0.25] for n in range(len(WORDS))])
    assert 0 < (rows - start).abs().max() < 0.1


def test_vectors_of_another_width_are_refused_with_the_right_one(table, vectors):
    with pytest.raises(UserError, match=r"model\.embedding_size=8: .* set model\.embedding_size=4"):
        train(run(table, f"data.vectors={vectors}", "model.embedding_size=8"))


def test_vectors_that_are_missing_or_of_other_words_are_refused(table, tmp_path):
    with pytest.raises(UserError, match=r"data\.vectors='absent\.txt': no such file"):
        train(run(table, "data.vectors=absent.txt"))
    (tmp_path / "others.txt").write_text("un 1 2 3 4\ndeux 1 2 3 4\n")
    with pytest.raises(UserError, match="has none of the"):
        train(run(table, f"data.vectors={tmp_path / 'others.txt'}"))


def test_vectors_do_not_go_with_a_one_hot_code(table, vectors):
    with pytest.raises(
        UserError, match=r"data\.vectors: a network with model\.input=one_hot has no embedding"
    ):
        train(run(table, f"data.vectors={vectors}", "model.input=one_hot"))


def test_one_hot_characters_are_learned(table):
    settings = ("model.input=one_hot", "data.tokens=characters", "model.hidden_size=16", "optimizer.lr=0.02")
    scores = train(run(table, *settings, "trainer.max_epochs=12", "model.pooling=max"))
    assert scores.validation > 0.8


def test_a_network_that_reads_padding_is_scored_in_the_batches_it_is_trained_on(table, tmp_path):
    settings = ("model.masked=false", "data.grouping=none", "model.pooling=last")
    one = run(table, *settings)
    scores = train(one, folder=tmp_path / "kept")
    found = evaluate(one, scores.checkpoint, part="validation")
    assert found.values["accuracy"] == scores.validation
    alone = evaluate(run(table, *settings, "data.batch_size=1"), scores.checkpoint, part="validation")
    assert alone.values["loss"] != pytest.approx(found.values["loss"], abs=1e-6)


def test_a_network_that_masks_padding_is_scored_alike_in_any_batches(table, tmp_path):
    one = run(table, "data.grouping=none", "model.pooling=last", "model.bidirectional=true")
    scores = train(one, folder=tmp_path / "kept")
    found = evaluate(one, scores.checkpoint, part="validation")
    grouped = evaluate(
        run(table, "model.pooling=last", "model.bidirectional=true"), scores.checkpoint, part="validation"
    )
    assert grouped.values["loss"] == pytest.approx(found.values["loss"], abs=1e-6)
