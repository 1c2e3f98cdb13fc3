"""Settings of the data that the lesson's rows need: its tokens, its rows, its way of making batches."""

import csv

import numpy as np
import pytest
from benchmarks._batches import batches

from rnnsweep.data import DataConfig, ordered_batches, prepare
from rnnsweep.data.tokens import RULES, Tokeniser
from rnnsweep.errors import UserError


@pytest.fixture
def table(tmp_path):
    """Sixty rows of one to ten words; every third has no title."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "body", "label"])
        for n in range(60):
            title = "" if n % 3 == 0 else f"title {n}"
            rows.writerow([title, " ".join(f"w{k}" for k in range(n % 10 + 1)) + f" u{n}", "ab"[n % 2]])
    return path


def config(path, **values):
    return DataConfig(corpus="files", train=str(path), label="label", **{"text": "body", **values})


def test_tokens_of_keras_have_no_punctuation():
    assert Tokeniser("keras", rules=RULES).pieces("Oil's up: U.S. crude at $50-mark!") == [
        "oils",
        "up",
        "us",
        "crude",
        "at",
        "50mark",
    ]


def test_rows_without_text_can_be_left_out(table, tmp_path):
    every = prepare(config(table, text="title"), tmp_path)
    titled = prepare(config(table, text="title", skip_empty=True), tmp_path)
    assert (sum(every.sizes.values()), sum(titled.sizes.values())) == (60, 40)
    assert sum(every.empty.values()) == 20
    assert sum(titled.empty.values()) == 0


def test_a_sample_of_rows_with_text_has_its_size(table, tmp_path):
    corpus = prepare(config(table, text="title", skip_empty=True, sample=30), tmp_path)
    assert (sum(corpus.sizes.values()), sum(corpus.empty.values())) == (30, 0)


def test_leaving_out_every_row_is_refused(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text('"1","","one"\n"2","","two"\n')
    settings = DataConfig(corpus="ag_news", dir=str(tmp_path), text="title", skip_empty=True)
    with pytest.raises(UserError, match=r"data\.skip_empty=true leaves no row"):
        prepare(settings, tmp_path / "cache")


def rows_of(found):
    return sorted(tuple(tokens[:length]) for b in found for tokens, length in _pairs(b))


def _pairs(batch):
    return zip(batch.tokens_BT.tolist(), batch.lengths_B.tolist(), strict=True)


def padding(found):
    slots = sum(b.tokens_BT.numel() for b in found)
    return 1 - sum(int(b.lengths_B.sum()) for b in found) / slots


def test_without_grouping_the_same_rows_come_with_more_padding(table, tmp_path):
    part = prepare(config(table), tmp_path).train
    grouped = list(batches(part, batch_size=8, seed=1, epoch=0))
    drawn = list(batches(part, batch_size=8, seed=1, epoch=0, grouped=False))
    assert rows_of(grouped) == rows_of(drawn)
    assert [len(b.lengths_B) for b in grouped].count(8) == [len(b.lengths_B) for b in drawn].count(8)
    assert padding(drawn) > padding(grouped) + 0.1


def test_without_grouping_batches_follow_seed_and_epoch_and_start_anywhere(table, tmp_path):
    part = prepare(config(table), tmp_path).train

    def order(**values):
        options = {"batch_size": 8, "seed": 1, "epoch": 0, "grouped": False} | values
        return [b.tokens_BT.tolist() for b in batches(part, **options)]

    assert order() == order()
    assert order(seed=2) != order() != order(epoch=1)
    assert order(start=3) == order()[3:]


def test_without_grouping_validation_rows_come_in_their_own_order(table, tmp_path):
    part = prepare(config(table), tmp_path).train
    found = list(ordered_batches(part, batch_size=7, grouped=False))
    assert np.concatenate([rows_B for rows_B, _ in found]).tolist() == list(range(len(part)))
    halves = [list(ordered_batches(part, batch_size=7, grouped=False, rank=r, world=2)) for r in (0, 1)]
    assert sorted(n for half in halves for rows_B, _ in half for n in rows_B) == list(range(len(part)))


@pytest.mark.parametrize(("key", "value"), [("grouping", "size"), ("tokens", "kears")])
def test_an_unknown_choice_is_refused_with_the_nearest(key, value):
    with pytest.raises(UserError, match=f"data.{key}='{value}' is not one of"):
        DataConfig(**{key: value})
