"""Dropout of embedded tokens is drawn by counter: the mask depends on seed, step and place alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from short_trainings import Record, StopAfter, same
from torch import nn

from rnnsweep.optim import dropout
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.dropout import DropoutDraw, factors, looked_up_and_dropped, numbers_of
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training import train

WHOLE = slice(None)
DRAW = DropoutDraw(3, 4)


def read(table_UE, places_TB, *, padding=None, texts=WHOLE, draw=DRAW, rate=0.3):
    return looked_up_and_dropped(table_UE, places_TB, padding=padding, texts=texts, draw=draw, rate=rate)


def mask(shape=(40, 16), width=64, *, texts=WHOLE, draw=DRAW, rate=0.3):
    """Which numbers of a batch are kept, as (T, b, E)."""
    size = torch.Size(shape)
    kept_NE = factors(numbers_of(size, texts), width, draw, rate) > 0
    return kept_NE.view(size[0], -1, width)


batches = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 20))


@settings(deadline=None, max_examples=15)
@given(
    batches,
    st.floats(0.01, 0.99),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31),
    st.none() | st.integers(0, 6),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_the_loop_draws_what_pytorch_draws_forward_and_backward(shape, rate, seed, step, padding, dtype):
    *tokens, width = shape
    generator = torch.Generator().manual_seed(step)
    places_TB = torch.randint(0, 7, tokens, generator=generator)
    given_TBE = torch.randn(*tokens, width, generator=generator, dtype=dtype)
    found = []
    for available in (True, False):
        table_UE = torch.linspace(-1, 1, 7 * width, dtype=dtype).view(7, width).requires_grad_()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dropout, "AVAILABLE", available)
            rows_TBE = read(table_UE, places_TB, padding=padding, draw=DropoutDraw(seed, step), rate=rate)
            rows_TBE.backward(given_TBE)
        found.append((rows_TBE.detach(), table_UE.grad))
    (ours, gradient), (theirs, other) = found
    assert torch.equal(ours, theirs)
    torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_numbers_are_dropped_at_the_rate_and_keep_their_mean(rate):
    values = factors(np.arange(4000), 50, DropoutDraw(1, 2), rate)
    share = (values == 0).double().mean().item()
    assert share == pytest.approx(rate, abs=4 * (rate * (1 - rate) / values.numel()) ** 0.5)
    assert values.double().mean().item() == pytest.approx(1, abs=0.02)
    assert len(values.unique()) == 2


def test_every_number_is_dropped_by_itself():
    """Neighbours in a row, tokens, texts and steps: correlations as of independent draws."""
    kept = mask((30, 20), 48).double() - 0.7
    pairs = [
        (kept[:, :, :-1], kept[:, :, 1:]),
        (kept[:, :, :-8], kept[:, :, 8:]),
        (kept[:-1], kept[1:]),
        (kept[:, :-1], kept[:, 1:]),
        (kept, mask((30, 20), 48, draw=DropoutDraw(3, 5)).double() - 0.7),
        (kept, mask((30, 20), 48, draw=DropoutDraw(4, 4)).double() - 0.7),
        (kept, mask((30, 20), 48, draw=DropoutDraw(3 + 2**40, 4)).double() - 0.7),
    ]
    for one, other in pairs:
        correlation = (one * other).mean().item() / 0.21
        assert abs(correlation) < 4.5 / one.numel() ** 0.5


@given(st.integers(1, 4), st.integers(1, 7), st.data())
@settings(deadline=None, max_examples=25)
def test_pieces_of_a_batch_have_the_mask_of_the_whole(pieces, texts, data):
    first = data.draw(st.integers(0, pieces - 1))
    whole = mask((3, texts), 10)
    part = slice(first, None, pieces)
    assert torch.equal(mask((3, texts), 10, texts=part), whole[:, part])


def test_the_longest_text_of_a_batch_changes_no_mask_before_it():
    assert torch.equal(mask((9, 4), 10)[:5], mask((5, 4), 10))


def test_the_optimizer_drops_by_the_draw_that_it_looks_at():
    embedding = nn.Embedding(9, 8)
    optimizer = Optimizer(OptimizerConfig(), embedding, nn.Linear(2, 2).parameters())
    tokens_TB = torch.randint(0, 9, (5, 4))

    def rows(step, rate=0.5):
        optimizer.look(tokens_TB, DropoutDraw(0, step))
        return optimizer.vectors(WHOLE, rate=rate).detach()

    assert torch.equal(rows(1), rows(1))
    assert not torch.equal(rows(1), rows(2))
    assert torch.equal(rows(1, rate=0.0), embedding(tokens_TB))


DROPPED = ("model.embedding_dropout=0.4", "model.dropout=0", "data.batch_size=15", "trainer.max_epochs=1")


def test_a_resumed_training_draws_the_masks_of_one_that_was_never_stopped(settings, tmp_path):
    run = settings(*DROPPED, "optimizer.lazy_embedding=off")
    whole = train(run, folder=tmp_path / "whole")
    stopped = train(run, folder=tmp_path / "cut", callbacks=[StopAfter("interrupted", chunks=1)])
    assert stopped.stopped == "interrupted"
    assert same(train(run, folder=tmp_path / "cut", resume=True), whole)


def test_a_batch_in_pieces_is_trained_on_with_the_masks_of_the_whole(settings):
    one, other = Record(), Record()
    train(settings(*DROPPED), logger=one)
    train(settings(*DROPPED, "trainer.accumulate=3"), logger=other)
    for (_, ours), (_, theirs) in zip(one.points, other.points, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_the_seed_of_dropout_alone_changes_the_masks(settings):
    losses = [
        train(settings(*DROPPED, f"seeds.dropout={seed}", "seed=3")).values["loss"] for seed in (3, 4, 4)
    ]
    assert losses[0] != losses[1] == losses[2]


@pytest.mark.slow
def test_two_processes_draw_the_masks_of_one(settings):
    one, two = Record(), Record()
    train(settings(*DROPPED), logger=one)
    train(settings(*DROPPED, "trainer.devices=2"), logger=two)
    for (_, ours), (_, theirs) in zip(one.points, two.points, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
