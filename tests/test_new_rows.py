"""What a difference on one test part says of new rows: two sources of variance, in plain arrays."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rnnsweep.comparison import reach_on_new_rows
from rnnsweep.comparison.statistics.new_rows import (
    REPLICATES_DIFFER,
    REST_DIFFERS,
    ROWS_DIFFER,
    fewest_rows,
    groups_counted,
    new_rows,
    row_values,
)
from rnnsweep.tasks.row_values import macro_f1_rows


def draw(rng, *, replicates, rows, of_replicates, of_rows, rest, shift=0.0):
    """Differences of the two-way model: shift, an effect of the replicate, one of the row, and a rest."""
    a_R1 = of_replicates * rng.normal(size=(replicates, 1))
    b_1N = of_rows * rng.normal(size=(1, rows))
    return shift + a_R1 + b_1N + rest * rng.normal(size=(replicates, rows))


def test_the_variance_is_that_of_the_analysis_of_variance():
    d_RN = draw(np.random.default_rng(0), replicates=5, rows=40, of_replicates=0.1, of_rows=0.3, rest=0.5)
    found = new_rows(d_RN)
    rows = d_RN - d_RN.mean()
    a_R, b_N = rows.mean(1), rows.mean(0)
    squares = [40 * (a_R**2).sum() / 4, 5 * (b_N**2).sum() / 39]
    rest = ((rows - a_R[:, None] - b_N) ** 2).sum() / (4 * 39)
    assert found.estimate == pytest.approx(d_RN.mean())
    assert found.error**2 == pytest.approx((squares[0] + max(squares[1] - rest, 0)) / 200)


def test_without_an_effect_of_rows_it_is_the_t_test_of_replicates():
    from scipy import stats

    d_RN = np.repeat(np.random.default_rng(1).normal(0.2, 1, (7, 1)), 30, axis=1)
    found, t = new_rows(d_RN), stats.ttest_1samp(d_RN[:, 0], 0.0)
    assert found.p == pytest.approx(t.pvalue, rel=1e-4)
    assert (found.low, found.high) == pytest.approx(tuple(t.confidence_interval()))


def test_replicates_that_agree_on_every_row_leave_the_t_test_of_rows():
    from scipy import stats

    d_RN = np.repeat(np.random.default_rng(2).normal(0.1, 1, (1, 300)), 4, axis=0)
    assert new_rows(d_RN).p == pytest.approx(stats.ttest_1samp(d_RN[0], 0.0).pvalue, rel=1e-4)


def test_groups_that_repeat_their_rows_count_once():
    d_RN = draw(np.random.default_rng(3), replicates=4, rows=50, of_replicates=0.1, of_rows=1.0, rest=0.1)
    one, three = new_rows(d_RN), new_rows(np.repeat(d_RN, 3, axis=1), np.repeat(np.arange(50), 3))
    assert (three.rows, three.estimate) == (50, pytest.approx(one.estimate))
    assert (three.low, three.high, three.p) == pytest.approx((one.low, one.high, one.p))
    assert new_rows(np.repeat(d_RN, 3, axis=1)).error < one.error


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_replicates_and_the_sign_change_nothing(replicates, rows, seed):
    rng = np.random.default_rng(seed)
    d_RN = rng.integers(-1, 2, (replicates, rows)).astype(float)
    found = new_rows(d_RN)
    mixed = new_rows(-d_RN[rng.permutation(replicates)][:, rng.permutation(rows)])
    assert (mixed.estimate, mixed.low, mixed.high, mixed.p) == pytest.approx(
        (-found.estimate, -found.high, -found.low, found.p), abs=1e-9
    )
    assert found.low <= found.estimate <= found.high
    assert 0 <= found.p <= 1


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_differences_without_any_spread_have_an_interval_of_one_number(value):
    found = new_rows(np.full((3, 5), value))
    assert (found.low, found.high, found.p) == (value, value, float(value == 0))


@pytest.mark.parametrize(
    ("shape", "groups", "words"),
    [((1, 9), None, "2 replicates or more"), ((3, 4), [1, 1, 1, 1], "1 groups"), ((3, 4), [1, 2], "4 rows")],
)
def test_what_cannot_be_computed_is_refused(shape, groups, words):
    with pytest.raises(ValueError, match=words):
        new_rows(np.zeros(shape), groups)


def test_the_interval_holds_the_truth_in_at_least_93_percent_and_no_more_than_5_are_called_different():
    rng = np.random.default_rng(4)
    found = [
        new_rows(draw(rng, replicates=6, rows=200, of_replicates=0.02, of_rows=0.3, rest=0.4))
        for _ in range(600)
    ]
    assert np.mean([one.low <= 0 <= one.high for one in found]) >= 0.93
    assert np.mean([one.p <= 0.05 for one in found]) <= 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5


def two_level_interval(d_RN, *, resamples=1999):
    """Bound the mean by the pigeonhole bootstrap (Owen 2007): replicates and rows drawn again, each alone.

    It counts the rest three times and its quantiles are too near for few replicates.
    """
    rng = np.random.default_rng(0)
    times_BR, times_BN = (rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n for n in d_RN.shape)
    return tuple(np.percentile(np.einsum("bn,bn->b", times_BR @ d_RN, times_BN), [2.5, 97.5]))


def test_the_two_level_bootstrap_agrees_where_there_are_many_replicates_and_rows():
    d_RN = draw(np.random.default_rng(5), replicates=60, rows=400, of_replicates=0.1, of_rows=0.6, rest=0.1)
    found = new_rows(d_RN)
    assert two_level_interval(d_RN) == pytest.approx((found.low, found.high), abs=0.1 * found.error)


def test_a_score_that_is_no_mean_is_spread_over_the_rows():
    rng = np.random.default_rng(7)
    counts_RNK = rng.integers(0, 2, (2, 500, 3)).astype(float)  # true positives, predicted, actual

    def f1(total_K):
        return 2 * total_K[0] / (total_K[1] + total_K[2])

    values_RN = row_values(counts_RNK, f1)
    assert values_RN.mean(axis=1) == pytest.approx([f1(c.sum(axis=0)) for c in counts_RNK])
    drawn = [f1(counts_RNK[0][rng.integers(0, 500, 500)].sum(axis=0)) for _ in range(2000)]
    assert values_RN[0].std() / 500**0.5 == pytest.approx(np.std(drawn), rel=0.1)


def test_a_score_of_ones_own_counts_the_rows_of_a_rare_class_as_the_tools_own_scores_do():
    rng = np.random.default_rng(8)
    target_N = np.r_[np.zeros(150, int), np.ones(47, int), [2, 2, 2]]
    said_N = np.where(rng.random(200) < 0.8, target_N, rng.integers(0, 3, 200))
    counts_NK = np.eye(9)[3 * target_N + said_N]

    def f1(total_K):
        matrix_CC = total_K.reshape(3, 3)
        seen_C = matrix_CC.sum(0) + matrix_CC.sum(1)
        return float(np.mean(2 * matrix_CC.diagonal() / seen_C))

    assert row_values([counts_NK], f1)[0] == pytest.approx(macro_f1_rows(target_N, said_N))


def test_a_score_that_is_no_number_without_a_row_is_refused():
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="let it have a value there, as 0"):
        row_values([[[1.0, 1.0], [0.0, 0.0]]], lambda total_K: total_K[0] / total_K[1])


def of_groups(rng, sizes, *, replicates=10):
    """Two networks of equal accuracy, right or wrong on each row; each has its own effect of a group."""
    group_N = np.repeat(np.arange(len(sizes)), sizes)
    rows = len(group_N)
    hard_N = 0.9 + rng.standard_normal(len(sizes))[group_N] + 1.2 * rng.standard_normal(rows)
    right = []
    for _ in range(2):
        own_N = hard_N + 0.7 * rng.standard_normal(len(sizes))[group_N] + 0.7 * rng.standard_normal(rows)
        logit_RN = own_N + 0.03 * rng.standard_normal((replicates, 1))
        right.append(rng.random((replicates, rows)) < 1 / (1 + np.exp(-logit_RN)))
    return right[0].astype(float) - right[1], group_N


@pytest.mark.slow
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([400] + [10] * 60, id="one group has 40 % of the rows"),
        pytest.param([300, 100, 50, 30, 20], id="5 groups"),
        pytest.param(list(range(1, 51)) * 4, id="200 groups of 1 to 50"),
    ],
)
def test_groups_of_very_uneven_sizes_make_no_difference_that_is_not_there(sizes):
    rng = np.random.default_rng(len(sizes))
    false = [new_rows(*of_groups(rng, sizes)).p <= 0.05 for _ in range(400)]
    assert np.mean(false) <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5  # by equal deviations 16, 17 and 5 %


def test_groups_count_as_fewer_the_more_one_of_them_holds():
    assert groups_counted(np.repeat(np.arange(61), 10)) == pytest.approx((61, 61))
    uneven = np.repeat(np.arange(61), [400] + [10] * 60)
    assert groups_counted(uneven) == pytest.approx((1000**2 / (400**2 + 60 * 10**2), 2.1), abs=0.1)
    many = np.repeat(np.arange(846), [54, *[10] * 54, *[1] * 791])  # few large ones beside many of one row
    assert groups_counted(many) == pytest.approx((210.6, 10.1), abs=0.1)
    assert groups_counted(np.zeros(5)) == (1, 1)


def test_a_mean_of_unequal_groups_is_as_uncertain_as_of_so_many_equal_ones():
    rng, sizes = np.random.default_rng(3), np.array([120, 40, 40, *[5] * 40])
    means = [float(np.repeat(rng.normal(size=len(sizes)), sizes).mean()) for _ in range(4000)]
    counted, _ = groups_counted(np.repeat(np.arange(len(sizes)), sizes))
    assert np.std(means) == pytest.approx(counted**-0.5, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=12))
def test_the_degrees_of_freedom_are_those_of_the_matrix_of_the_variance(sizes):
    w_G = np.array(sizes) / sum(sizes)
    less_mean = np.eye(len(sizes)) - np.outer(np.ones(len(sizes)), w_G)
    s_GG = less_mean.T @ np.diag((w_G / (1 - w_G)) ** 2) @ less_mean
    freedom = np.trace(s_GG) ** 2 / np.trace(s_GG @ s_GG)
    group_N = np.repeat(np.arange(len(sizes)), sizes)
    assert groups_counted(group_N)[1] == pytest.approx(1 + max(1, freedom), rel=1e-6)


@pytest.mark.parametrize(("rows", "replicates", "comparisons"), [(340, 15, 6), (100, 8, 1), (30, 15, 6)])
def test_the_difference_that_a_plan_says_holds_on_new_rows_is_at_the_edge_of_the_test_of_new_rows(
    rows, replicates, comparisons
):
    size = reach_on_new_rows(rows, replicates=replicates, comparisons=comparisons)
    rng, shown = np.random.default_rng(rows), 0
    for _ in range(200):
        of_rows = rng.normal(size=rows) * (ROWS_DIFFER**2 - REST_DIFFERS**2 / replicates) ** 0.5
        of_replicates = REPLICATES_DIFFER * rng.normal(size=(replicates, 1))
        rest = REST_DIFFERS * rng.normal(size=(replicates, rows))
        shown += new_rows(size + of_rows + of_replicates + rest).p * comparisons <= 0.05
    assert 70 <= shown <= 130, "half of such differences are significant after correction"


def test_no_difference_of_less_than_one_test_row_is_said_to_hold():
    assert reach_on_new_rows(4, replicates=15, comparisons=6) >= 1 / 4
    assert reach_on_new_rows(1, replicates=15) == 1.0
    assert reach_on_new_rows(340, replicates=15, comparisons=6) == pytest.approx(0.038, abs=0.001)


@pytest.mark.parametrize(("majority", "comparisons", "fewest"), [(0.5, 6, 12), (0.5, 1, 8), (0.17, 6, 7)])
def test_on_fewer_rows_than_the_fewest_even_perfect_answers_are_not_better_on_new_rows(
    majority, comparisons, fewest
):
    assert fewest_rows(majority, comparisons=comparisons) == fewest
    for rows in range(3, fewest + 1):
        right_N = np.arange(rows) < int(rows * (1 - majority))  # where the largest class is wrong
        p = new_rows(np.tile(right_N.astype(float), (15, 1))).p * comparisons
        assert (p <= 0.05) == (rows == fewest)
