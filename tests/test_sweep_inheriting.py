"""``like:``: a question asked again on other rows, without a copy of its file."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rnnsweep.errors import UserError
from rnnsweep.sweepfile import read_sweep
from rnnsweep.sweepfile.search_space.values import dump_yaml, load_yaml

BASE = """\
# Which cell, on docstrings?
name: cells
architectures: [lstm, gru]
trials: 4
replicates: 8
overrides: [data=docstrings, data.limit=2000, trainer.max_epochs=3]
space:
  optimizer.lr: {type: float, low: 1e-3, high: 1e-2, log: true}
"""
NEWS = """\
# And on news?
like: cells
replicates: 10
overrides: [data=ag_news, data.limit=9000]
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "cells.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "cells_news.yaml").write_text(NEWS, encoding="utf-8")
    return tmp_path


def test_what_a_file_does_not_say_comes_from_the_other_and_its_own_keys_win(folder):
    base, news = read_sweep(folder / "cells.yaml"), read_sweep(folder / "cells_news.yaml")
    assert (news.question, news.name) == ("And on news?", "cells_news")
    assert (news.architectures, news.space, news.trials) == (base.architectures, base.space, base.trials)
    assert news.replicates == 10
    assert news.overrides == ("trainer.max_epochs=3", "data=ag_news", "data.limit=9000")


def test_what_the_other_file_searches_for_an_architecture_that_is_not_here_is_left_out(folder):
    both = (
        BASE + "per_architecture:\n  lstm: {model.dropout: [0.1, 0.2]}\n  gru: {model.dropout: [0.0, 0.1]}\n"
    )
    (folder / "cells.yaml").write_text(both, encoding="utf-8")
    deep = "# Deeper?\nlike: cells\narchitectures: {}\n"
    for names in ("[gru, rnn]", "{gru: [model=gru], deep: [model=gru, model.num_layers=3]}"):
        (folder / "deep.yaml").write_text(deep.format(names), encoding="utf-8")
        assert list(read_sweep(folder / "deep.yaml").per_architecture) == ["gru"]
    own = deep.format("[gru]") + "per_architecture: {lstm: {model.dropout: [0.1, 0.2]}}\n"
    (folder / "deep.yaml").write_text(own, encoding="utf-8")
    with pytest.raises(UserError, match="unknown key 'lstm' in per_architecture"):
        read_sweep(folder / "deep.yaml")


def test_the_text_that_is_kept_needs_no_second_file(folder, tmp_path_factory):
    news = read_sweep(folder / "cells_news.yaml")
    alone = tmp_path_factory.mktemp("alone") / "cells_news.yaml"
    alone.write_text(news.text, encoding="utf-8")
    again = read_sweep(alone)
    assert again.text == news.text
    assert (again.overrides, again.space, again.digest) == (news.overrides, news.space, news.digest)


def test_a_change_of_the_other_file_changes_the_digest(folder):
    before = read_sweep(folder / "cells_news.yaml").digest
    (folder / "cells.yaml").write_text(BASE.replace("1e-2", "2e-2"), encoding="utf-8")
    assert read_sweep(folder / "cells_news.yaml").digest != before


def test_a_file_may_be_like_one_that_is_like_a_third(folder):
    (folder / "third.yaml").write_text("# And on all news?\nlike: cells_news\ntrials: 9\n", encoding="utf-8")
    third = read_sweep(folder / "third.yaml")
    assert (third.trials, third.replicates, third.overrides[1]) == (9, 10, "data=ag_news")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Loop?\nlike: loop\n", "like: 'loop': must not lead back to this file"),
        (
            "# Loop?\nlike: cell\n",
            "like: 'cell': must be a sweep file beside this one. Did you mean 'cells'?",
        ),
        ("# Loop?\nlike: [cells]\n", r"like: ['cells']: must be"),
        ("# Loop?\nlike: cells\nspaec: {}\n", "spaec"),
        ("# Loop?\nlik: cells\n", "unknown key 'lik': known are name, "),
        ("# Loop?\nlik: cells\n", ", like. Did you mean 'like'?"),
    ],
)
def test_a_mistake_is_refused_with_the_file_the_key_and_what_is_right(text, said, folder):
    (folder / "loop.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_sweep(folder / "loop.yaml")
    assert "loop.yaml" in str(refused.value)
    assert said in str(refused.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("1e-4"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.dictionaries(st.text(), VALUES, max_size=4))
def test_values_that_are_written_are_read_as_they_were(values):
    assert load_yaml(dump_yaml(values), Path("x.yaml")) == values
