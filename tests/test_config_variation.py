"""A run that is varied from another is the run that composing gives, or is composed."""

import pytest
from hypothesis import given, settings, strategies as st

from rnnsweep.config import compose, quote, variation, vary
from rnnsweep.errors import UserError

BASE = ("model=gru", "data=files", "data.train=rows.csv", "model.hidden_size=8", "optimizer.lr=0.01")
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "model.hidden_size": st.integers(1, 64),
        "optimizer.lr": st.floats(1e-6, 1.0),
        "optimizer.weight_decay": st.sampled_from([0, 1, 0.5]),
        "model.bidirectional": st.booleans(),
        "model.pooling": st.sampled_from(["last", "mean", "max"]),
        "trainer.patience": st.one_of(st.none(), st.integers(1, 9)),
        "seed": st.integers(0, 9),
        "seeds.order": st.integers(0, 9),
        "data.split_seed": st.integers(0, 9),
        "data.text": st.sampled_from(["title, and body", "text"]),
    },
)


@pytest.fixture(scope="module")
def base():
    return compose(BASE)


@settings(max_examples=12, deadline=None)
@given(values=PLAIN)
def test_varied_runs_are_the_composed_ones(base, values):
    overrides = [*BASE, *(quote(key, value) for key, value in values.items())]
    assert vary(base, overrides) == compose(overrides)


def test_nothing_is_composed_for_plain_values(base, monkeypatch):
    monkeypatch.setattr(variation, "compose", lambda *a, **k: pytest.fail("composed again"))
    run = vary(base, [*BASE, "model.hidden_size=16", "optimizer.lr=0.5", "trainer.patience=null"])
    assert (run.model.hidden_size, run.optimizer.lr, base.model.hidden_size) == (16, 0.5, 8)


@pytest.mark.parametrize(
    "more",
    ["optimizer=sgd", "model.layer_dropout=${model.dropout}", "data.train=b.csv"],
)
def test_what_does_more_than_set_a_plain_value_is_composed(base, more):
    assert vary(base, [*BASE, more]) == compose([*BASE, more])
    assert vary(base, BASE[:-1]) == compose(BASE[:-1])  # an override of the base is gone


@pytest.mark.parametrize(
    "wrong", ["model.dropout=2", "model.hidden_size=wide", "model.hiden_size=3", "optimizer.lr=nan"]
)
def test_a_wrong_value_is_refused_as_composing_refuses_it(base, wrong):
    with pytest.raises(UserError) as composed:
        compose([*BASE, wrong], where="trial gru-1")
    with pytest.raises(UserError) as varied:
        vary(base, [*BASE, wrong], where="trial gru-1")
    assert str(varied.value) == str(composed.value)
