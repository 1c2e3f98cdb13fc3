"""Which rows go into which part."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rnnsweep.data.config import DataConfig
from rnnsweep.data.groups import group_by_text, hash_names
from rnnsweep.data.rows import (
    TextRows,
    choose_rows,
    digest,
    draw_groups,
    keep_balanced,
    split,
)
from rnnsweep.errors import UserError

labelled = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=2, max_size=200)


def rows_of(targets, texts, given=("train",), parts=None) -> TextRows:
    return TextRows(
        name="some",
        labels=("a", "b", "c", "d"),
        texts=texts,
        targets_N=np.array(targets, np.int64),
        groups_N=group_by_text(texts),
        parts_N=np.array(parts or [0] * len(texts), np.int8),
        given=given,
    )


def shares(rows, seed=0):
    return split(rows, validation_share=0.2, test_share=0.25, split_seed=seed)


@given(labelled, st.integers(0, 9))
@settings(deadline=None)
def test_every_row_is_in_one_part_and_no_text_in_two(pairs, seed):
    rows = rows_of([y for y, _ in pairs], [f"text {x}" for _, x in pairs])
    parts = shares(rows, seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(pairs)))
    texts = [{rows.texts[n] for n in numbers} for numbers in parts.values()]
    assert sum(map(len, texts)) == len(set().union(*texts))


@given(labelled, st.integers(0, 99), st.integers(100, 199))
@settings(deadline=None)
def test_the_split_seed_never_touches_the_test_part(pairs, one, other):
    rows = rows_of([y for y, _ in pairs], [f"text {x}" for _, x in pairs])
    assert shares(rows, one)["test"].tolist() == shares(rows, other)["test"].tolist()


def test_another_split_seed_draws_other_validation_rows_and_the_same_one_repeats_them():
    rows = rows_of([n % 4 for n in range(400)], [f"text {n}" for n in range(400)])
    drawn = [shares(rows, seed)["validation"].tolist() for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]


@given(st.permutations(range(60)))
@settings(deadline=None)
def test_a_rows_part_depends_on_its_text_and_not_on_its_place(order):
    texts = [f"text {n}" for n in order]
    rows = rows_of([n % 3 for n in order], texts)
    found = {part: sorted(texts[n] for n in numbers) for part, numbers in shares(rows).items()}
    straight = rows_of([n % 3 for n in range(60)], [f"text {n}" for n in range(60)])
    assert found == {p: sorted(straight.texts[n] for n in numbers) for p, numbers in shares(straight).items()}


def test_each_label_gives_its_share():
    targets = [0] * 1000 + [1] * 100 + [2] * 20
    rows = rows_of(targets, [f"text {n}" for n in range(len(targets))])
    parts = shares(rows)
    assert np.bincount(rows.targets_N[parts["test"]]).tolist() == [250, 25, 5]
    assert np.bincount(rows.targets_N[parts["validation"]]).tolist() == [150, 15, 3]


def test_many_tiny_labels_give_their_share_together():
    rows = rows_of([n // 4 for n in range(400)], [f"text {n}" for n in range(400)])
    parts = split(rows, validation_share=0.1, test_share=0.1, split_seed=0)
    assert {part: numbers.size for part, numbers in parts.items()} == {
        "train": 324, "validation": 36, "test": 40
    }  # fmt: skip


def test_a_label_with_one_row_stays_in_training():
    rows = rows_of([0] * 50 + [1], [f"text {n}" for n in range(51)])
    assert 50 in shares(rows)["train"]


def test_parts_that_are_given_are_taken_as_they_are():
    rows = rows_of([0, 1] * 50, [f"text {n}" for n in range(100)], ("train", "test"), [0] * 80 + [2] * 20)
    parts = shares(rows)
    assert parts["test"].tolist() == list(range(80, 100))
    assert parts["validation"].size == 16
    rows = rows_of(
        [0, 1] * 50, [f"text {n}" for n in range(100)], ("train", "validation"), [0] * 80 + [1] * 20
    )
    parts = shares(rows)
    assert parts["validation"].tolist() == list(range(80, 100))
    assert parts["test"].size == 20


def test_a_group_of_many_rows_is_drawn_whole_or_not_at_all():
    groups = hash_names(f"file {n // 10}" for n in range(200))
    drawn = draw_groups(np.zeros(200, np.int64), groups, share=0.25, salt="x").reshape(20, 10)
    assert (drawn.all(axis=1) | ~drawn.any(axis=1)).all()
    assert drawn.sum() == 50


def test_hashes_are_the_same_on_every_machine():
    assert hash_names(["", "numpy/linalg.py", "süß"]).tolist() == RECORDED_HASHES
    drawn = draw_groups(np.zeros(12, np.int64), hash_names(map(str, range(12))), share=0.25, salt="test")
    assert np.flatnonzero(drawn).tolist() == RECORDED_DRAW


RECORDED_HASHES = [13020603013274838756, 5445519857952684849, 6287487164841389727]
RECORDED_DRAW = [0, 5, 10]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=100), st.integers(1, 120))
@settings(deadline=None)
def test_a_balanced_choice_is_as_even_as_the_labels_allow(targets, rows):
    targets_N = np.array(targets)
    kept = keep_balanced(targets_N, hash_names(map(str, range(len(targets)))), rows=rows)
    assert len(set(kept.tolist())) == kept.size == min(rows, len(targets))
    have, gave = np.bincount(targets_N, minlength=5), np.bincount(targets_N[kept], minlength=5)
    short = gave < have  # labels that could have given more differ by one row at most from the most generous
    assert not short.any() or gave[short].min() >= gave.max() - 1


def test_the_limit_takes_training_rows_alone():
    rows = rows_of([n % 2 for n in range(300)], [f"text {n}" for n in range(300)])
    whole, limited = (choose_rows(rows, DataConfig(limit=limit)) for limit in (None, 40))
    assert limited["train"].size == 40
    assert set(limited["train"]) < set(whole["train"])
    assert limited["test"].tolist() == whole["test"].tolist()
    assert limited["validation"].tolist() == whole["validation"].tolist()


def test_a_sample_is_balanced_and_fixed():
    rows = rows_of([0] * 200 + [1] * 100, [f"text {n}" for n in range(300)])
    chosen = choose_rows(rows, DataConfig(sample=100))
    kept = np.concatenate(list(chosen.values()))
    assert np.bincount(rows.targets_N[kept]).tolist() == [50, 50]
    assert choose_rows(rows, DataConfig(sample=100))["train"].tolist() == chosen["train"].tolist()


def test_a_corpus_too_small_for_three_parts_is_refused():
    rows = rows_of([0, 1], ["one", "two"])
    with pytest.raises(UserError, match="no rows are left for the validation part"):
        choose_rows(rows, DataConfig())


def test_training_rows_of_one_label_are_refused():
    rows = rows_of([0] * 30 + [1] * 30, [f"text {n}" for n in range(60)])
    with pytest.raises(UserError, match="1 training rows hold one label only"):
        choose_rows(rows, DataConfig(limit=1))


def test_rows_without_text_do_not_make_a_group():
    assert len(set(group_by_text(["", "", "a", "a"]).tolist())) == 3


def test_a_digest_tells_texts_their_borders_and_their_numbers_apart():
    one = np.array([1, 2])
    digests = [digest(["ab", "c"], one), digest(["a", "bc"], one), digest(["ab", "c"], one[::-1])]
    assert len(set(digests)) == 3
    assert digest(["ab", "c"], one.astype(np.int32)) == digests[0]
