"""The linear baseline on rows whose answer is known."""

import random

import pytest

from rnnsweep.baseline import fit_baseline
from rnnsweep.data.config import DataConfig
from rnnsweep.errors import UserError


def write_rows(path, *, telling: bool):
    draw = random.Random(0)
    lines = ["text,label"]
    for number in range(300):
        label = ("fruit", "metal")[number % 2]
        word = (
            draw.choice({"fruit": ["apple", "plum"], "metal": ["iron", "zinc"]}[label]) if telling else "word"
        )
        lines.append(f"{word} w{draw.randrange(30)} n{number},{label}")
    path.write_text("\n".join(lines) + "\n")
    return DataConfig(corpus="files", train=str(path))


def test_words_that_tell_the_label_are_enough(tmp_path):
    found = fit_baseline(write_rows(tmp_path / "rows.csv", telling=True))
    assert (found.validation, found.test, found.test_macro_f1) == (1.0, 1.0, 1.0)
    assert found.test_loss < 0.3
    assert found.parameters > 30


def test_words_that_tell_nothing_score_like_a_coin(tmp_path):
    found = fit_baseline(write_rows(tmp_path / "rows.csv", telling=False))
    assert 0.2 < found.test < 0.8


def test_a_missing_corpus_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"gone.csv"):
        fit_baseline(DataConfig(corpus="files", train=str(tmp_path / "gone.csv")))
