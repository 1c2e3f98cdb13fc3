"""Batches of an epoch: every row once, in an order that seed, epoch and position decide."""

import numpy as np
import pytest
import torch
from benchmarks._batches import batches
from hypothesis import given, settings, strategies as st

from rnnsweep.data import Batch, EncodedPart, batch_count, ordered_batches
from rnnsweep.data.tokens import offsets
from rnnsweep.training.module import cut_batch

lengths = st.lists(st.integers(1, 12), min_size=1, max_size=120)
sizes = st.integers(1, 20)
seeds = st.integers(0, 2**40)


def part_of(lengths_of_rows: list[int]) -> EncodedPart:
    """Rows whose target is their number and whose tokens tell row and place."""
    ids = [1000 * (row + 1) + place for row, n in enumerate(lengths_of_rows) for place in range(n)]
    return EncodedPart(
        np.array(ids, np.int32), offsets(np.array(lengths_of_rows)), np.arange(len(lengths_of_rows))
    )


def rows_of(found: list[Batch]) -> list[int]:
    return [row for batch in found for row in batch.targets_B.tolist()]


def assert_holds_its_rows(part: EncodedPart, batch: Batch) -> None:
    assert batch.tokens_BT.dtype == batch.lengths_B.dtype == batch.targets_B.dtype == torch.int64
    assert batch.tokens_BT.shape[1] == int(batch.lengths_B.max())
    for tokens_T, length, row in zip(batch.tokens_BT, batch.lengths_B, batch.targets_B, strict=True):
        wanted = part.ids[part.offsets_N1[row] : part.offsets_N1[row + 1]]
        assert tokens_T[:length].tolist() == wanted.tolist()
        assert tokens_T[length:].tolist() == [0] * (tokens_T.numel() - int(length))


@given(lengths, sizes, seeds, st.integers(0, 5))
@settings(deadline=None)
def test_an_epoch_has_every_row_once_with_its_own_tokens(rows, batch_size, seed, epoch):
    part = part_of(rows)
    found = list(batches(part, batch_size=batch_size, seed=seed, epoch=epoch))
    assert sorted(rows_of(found)) == list(range(len(rows)))
    for batch in found:
        assert_holds_its_rows(part, batch)


@given(lengths, sizes, seeds)
@settings(deadline=None)
def test_all_batches_are_full_but_the_last(rows, batch_size, seed):
    part = part_of(rows)
    found = [len(b.targets_B) for b in batches(part, batch_size=batch_size, seed=seed, epoch=0)]
    assert len(found) == batch_count(part, batch_size=batch_size)
    assert found == [min(batch_size, len(rows) - p * batch_size) for p in range(len(found))]


@given(lengths, sizes, seeds)
@settings(deadline=None)
def test_rows_of_a_batch_stand_by_falling_length(rows, batch_size, seed):
    for batch in batches(part_of(rows), batch_size=batch_size, seed=seed, epoch=0):
        assert (batch.lengths_B.diff() <= 0).all()


@given(lengths, sizes)
@settings(deadline=None)
def test_as_many_batches_as_can_be_hold_one_length_alone(rows, batch_size):
    found = list(batches(part_of(rows), batch_size=batch_size, seed=1, epoch=2))
    alone = sum(len(b.targets_B) == batch_size and int(b.lengths_B.min()) == b.lengths_B.max() for b in found)
    assert alone >= sum(n // batch_size for n in np.bincount(rows).tolist())


@given(lengths, sizes, seeds, st.data())
@settings(deadline=None)
def test_an_epoch_resumed_at_a_position_goes_on_with_the_same_batches(rows, batch_size, seed, data):
    part = part_of(rows)
    whole = list(batches(part, batch_size=batch_size, seed=seed, epoch=3))
    start = data.draw(st.integers(0, len(whole)))
    rest = list(batches(part, batch_size=batch_size, seed=seed, epoch=3, start=start))
    assert [b.targets_B.tolist() for b in rest] == [b.targets_B.tolist() for b in whole[start:]]


@given(sizes, st.integers(1, 4), st.integers(1, 5))
def test_pieces_of_all_processes_are_the_batch_and_none_is_empty(size, world, pieces):
    rows = np.arange(size)
    cut = [rows[p] for rank in range(world) for p in cut_batch(size, rank=rank, world=world, pieces=pieces)]
    assert sorted(np.concatenate(cut)) == list(rows)
    assert all(len(piece) for piece in cut)


def test_another_epoch_or_seed_is_another_order_and_the_same_ones_repeat_it():
    part = part_of([5] * 300)
    orders = {
        (seed, epoch): tuple(rows_of(list(batches(part, batch_size=8, seed=seed, epoch=epoch))))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(set(orders.values())) == 4
    again = rows_of(list(batches(part, batch_size=8, seed=1, epoch=1)))
    assert tuple(again) == orders[1, 1]


def test_the_order_is_the_same_on_every_machine():
    found = batches(part_of([1, 2, 2, 1, 3, 2, 2, 1, 1]), batch_size=2, seed=7, epoch=1)
    assert [b.targets_B.tolist() for b in found] == RECORDED_ORDER


RECORDED_ORDER = [[0, 7], [3, 8], [1, 6], [2, 5], [4]]


def test_lengths_like_those_of_news_leave_hardly_any_padding():
    lengths_N = np.random.default_rng(0).normal(45, 12, 20_000).clip(5, 100).astype(int)
    part = EncodedPart(
        np.ones(lengths_N.sum(), np.int32), offsets(lengths_N), np.zeros(lengths_N.size, np.int64)
    )
    for batch_size, most in ((16, 0.003), (64, 0.01), (256, 0.03)):
        slots = sum(b.tokens_BT.numel() for b in batches(part, batch_size=batch_size, seed=0, epoch=0))
        assert 1 - lengths_N.sum() / slots < most


@given(lengths, sizes, st.integers(1, 60))
@settings(deadline=None)
def test_ordered_batches_have_every_row_once_within_the_token_budget(rows, batch_size, tokens):
    part = part_of(rows)
    found = list(ordered_batches(part, batch_size=batch_size, tokens=tokens))
    assert sorted(row for rows_B, _ in found for row in rows_B.tolist()) == list(range(len(rows)))
    for rows_B, batch in found:
        assert batch.targets_B.tolist() == rows_B.tolist()
        assert len(rows_B) == 1 or (len(rows_B) <= batch_size and batch.tokens_BT.numel() <= tokens)
        assert_holds_its_rows(part, batch)


def test_processes_share_the_ordered_batches():
    part = part_of([4, 1, 3, 2, 5, 1, 2])
    whole = [rows_B.tolist() for rows_B, _ in ordered_batches(part, batch_size=2)]
    shared = [
        [rows_B.tolist() for rows_B, _ in ordered_batches(part, batch_size=2, rank=r, world=2)]
        for r in (0, 1)
    ]
    assert [shared[0], shared[1]] == [whole[0::2], whole[1::2]]


def test_a_part_without_rows_has_no_batches():
    nothing = EncodedPart(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int64))
    assert list(batches(nothing, batch_size=4, seed=0, epoch=0)) == []
    assert list(ordered_batches(nothing, batch_size=4)) == []


def test_rows_that_are_gathered_do_not_share_memory_with_the_corpus():
    part = part_of([2, 2])
    batch = next(batches(part, batch_size=2, seed=0, epoch=0))
    batch.tokens_BT.zero_()
    batch.targets_B.zero_()
    assert part.ids.min() >= 1000
    assert part.targets_N.tolist() == [0, 1]


@pytest.mark.parametrize("seed", [0, 2**31, 2**63 + 5])
def test_any_seed_will_do(seed):
    assert len(list(batches(part_of([1, 2, 3]), batch_size=2, seed=seed, epoch=0))) == 2
