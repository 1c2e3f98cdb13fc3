"""How many rows or replicates would show a difference on new rows, by the variance of the interval."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from rnnsweep.comparison.statistics.new_rows import new_rows
from rnnsweep.comparison.statistics.remedies import find_remedies
from rnnsweep.comparison.verdicts.remedies import say_remedies


def drawn(rng, *, replicates, rows, of_replicates=0.0, of_rows=0.0, rest=0.0, shift=0.0):
    """Differences of the two-way model: shift, an effect of the replicate, one of the row, and a rest."""
    a_R1 = of_replicates * rng.normal(size=(replicates, 1))
    b_1N = of_rows * rng.normal(size=(1, rows))
    return shift + a_R1 + b_1N + rest * rng.normal(size=(replicates, rows))


def test_so_many_rows_as_are_said_to_be_needed_show_the_difference_in_most_cases():
    rng = np.random.default_rng(6)
    settings = {"replicates": 10, "of_replicates": 0.0, "of_rows": 0.5, "rest": 0.0, "shift": 0.05}
    known = new_rows(drawn(rng, rows=40000, **settings))
    as_of_400 = replace(known, rows=400, squares=known.squares.with_rows(400 / 40000))
    needed = find_remedies(as_of_400, alpha=0.05, most=30).rows
    assert 650 <= needed <= 950, "the textbook's number is 785"
    assert find_remedies(known, alpha=0.05, most=30).rows == 40000, "it is shown already"
    shown = [new_rows(drawn(rng, rows=needed, **settings)).p <= 0.05 for _ in range(200)]
    assert 0.7 <= np.mean(shown) <= 0.9


SIZES = [60] * 8 + [20] * 30 + [5] * 60  # of groups, which count like 17 of equal size


def of_unequal_groups(seed, shift):
    """Differences of five replicates on rows of unequal groups, where rows of one group differ alike."""
    rng = np.random.default_rng(seed)
    group_N = np.repeat(np.arange(len(SIZES)), SIZES)
    d_RN = drawn(rng, replicates=5, rows=len(group_N), of_replicates=0.001, rest=0.2)
    d_RN += rng.normal(0, 0.2, len(SIZES))[group_N]
    return d_RN - d_RN.mean() + shift, group_N


def repeated(d_RN, group_N, times):
    copies = np.repeat(np.arange(times), len(group_N)) * (1 + group_N.max())
    return np.tile(d_RN, times), np.tile(group_N, times) + copies


@pytest.mark.parametrize("seed", range(6))
def test_as_many_unequal_groups_as_are_said_to_be_needed_show_it_at_the_corrected_level(seed):
    d_RN, group_N = of_unequal_groups(seed, 0.05)
    alpha = 0.05 / 6
    found = new_rows(d_RN, group_N)
    assert found.p > alpha
    remedies = find_remedies(found, alpha=alpha, most=30)
    times = ceil(remedies.rows / len(SIZES))
    anew = new_rows(*repeated(d_RN, group_N, times), confidence=1 - alpha)
    assert anew.low > 0
    assert anew.p <= alpha
    assert remedies.rows > find_remedies(found, alpha=0.05, most=30).rows, "without correction it takes fewer"
    some = new_rows(*repeated(d_RN, group_N, max(1, times // 4)), confidence=1 - alpha)
    assert some.low < 0, "a quarter of them does not"


def test_replicates_are_a_remedy_where_they_differ_and_none_where_rows_do():
    rng = np.random.default_rng(8)
    of_replicates = drawn(rng, replicates=6, rows=4000, of_replicates=0.03, rest=0.1)
    found = new_rows(of_replicates - of_replicates.mean() + 0.02)
    remedies = find_remedies(found, alpha=0.05, most=30)
    assert remedies.rows is None, "more rows cannot make replicates agree"
    shown = replace(found, squares=found.squares.with_replicates(remedies.replicates))
    assert shown.squares.half_width(0.05) < found.estimate <= found.squares.half_width(0.05)
    of_rows = new_rows(drawn(rng, replicates=6, rows=100, of_rows=0.5, shift=0.05))
    assert find_remedies(of_rows, alpha=0.05, most=30).replicates is None


def test_few_equal_groups_do_not_tell_how_many_it_takes():
    group_N = np.repeat(np.arange(60), [4000, 2000] + [10] * 58)
    d_RN = drawn(np.random.default_rng(9), replicates=5, rows=len(group_N), of_rows=0.3, shift=0.01)
    found = new_rows(d_RN, group_N)
    assert find_remedies(found, alpha=0.05, most=30) is None
    few = "; most test rows are in too few large groups to tell how many groups it takes"
    assert say_remedies(found, None, 0.3) == f"{few}: a new sweep with data.folds=5 tests on every row"
    assert say_remedies(found, None, 0) == few, "the rows of a test file are given, so no folds are drawn"
    assert say_remedies(found, None, None) == few


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ([29, 14] + [2] * 261, "groups of test rows differ so much in size (the largest of the 263 groups has"
         " 5 % of the rows) that their variance is too uncertain"),
        ([240, 230, 220] + [3] * 175, "most test rows are in too few large groups"),
        ([4] * 8, "the test rows are in too few groups"),
    ],
)  # fmt: skip
def test_why_groups_do_not_tell_how_many_it_takes_is_said_of_what_they_are(sizes, why):
    group_N = np.repeat(np.arange(len(sizes)), sizes)
    found = new_rows(
        drawn(np.random.default_rng(9), replicates=5, rows=len(group_N), of_rows=0.3, shift=0.01), group_N
    )
    assert find_remedies(found, alpha=0.05, most=30) is None
    assert say_remedies(found, None, None) == f"; {why} to tell how many groups it takes"
