"""Each statistic equals an independent implementation or a worked example."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy import stats

from rnnsweep.comparison.statistics import budget, improvement, intervals, permutation, power, ranks

RNG = np.random.default_rng(7)
SCORES = RNG.normal(0.7, 0.01, 12)
OTHERS = SCORES - RNG.normal(0.004, 0.006, 12)
FINITE = st.floats(-1, 1, allow_nan=False).map(lambda v: round(v, 6))


def test_students_interval_is_that_of_statsmodels():
    from statsmodels.stats.weightstats import DescrStatsW

    found = intervals.t_interval(SCORES)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(SCORES).tconfint_mean(), abs=1e-12)


def test_a_paired_interval_is_that_of_statsmodels():
    from statsmodels.stats.weightstats import DescrStatsW

    found = intervals.difference_interval(SCORES, OTHERS)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(SCORES - OTHERS).tconfint_mean(), abs=1e-12)


def test_the_bca_interval_is_that_of_a_plain_loop():
    found = intervals.bca_interval(SCORES, expanded=False)
    rng = np.random.default_rng(3)
    means = np.array([rng.choice(SCORES, 12).mean() for _ in range(20_000)])
    z0 = stats.norm.ppf(np.mean(means < SCORES.mean()))
    left_out = np.array([np.delete(SCORES, i).mean() for i in range(12)])
    d = left_out.mean() - left_out
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    levels = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in stats.norm.ppf([0.025, 0.975])]
    assert (found.low, found.high) == pytest.approx(np.quantile(means, levels), abs=4e-4)


def test_an_expanded_bca_interval_is_wider():
    plain, expanded = intervals.bca_interval(SCORES, expanded=False), intervals.bca_interval(SCORES)
    assert expanded.low < plain.low < plain.high < expanded.high


def test_the_interval_of_a_mean_holds_both_students_and_the_bootstraps():
    found, t, bca = (
        intervals.mean_interval(SCORES),
        intervals.t_interval(SCORES),
        intervals.bca_interval(SCORES),
    )
    assert (found.low, found.high) == (min(t.low, bca.low), max(t.high, bca.high))


def test_an_interval_of_fewer_than_three_values_is_withheld():
    assert [intervals.mean_interval([0.7] * n).low is None for n in (1, 2, 3)] == [True, True, False]


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one number"):
        intervals.mean_interval([float("nan")])


def test_pairs_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="pairs need two lists of one length"):
        intervals.difference_interval([1.0, 2.0, 3.0], [1.0, 2.0])


def test_the_interval_of_a_median_lies_between_the_tabled_order_statistics():
    # ranks 1-6 of 6, 2-9 of 10, 6-15 of 20, 10-21 of 30: Conover 1999, table A3
    ranks = {6: (1, 6), 10: (2, 9), 20: (6, 15), 30: (10, 21)}
    found = {n: intervals.median_interval(np.arange(1.0, n + 1)) for n in ranks}
    assert {n: (f.low, f.high) for n, f in found.items()} == ranks
    assert intervals.median_interval(np.arange(5.0)).low is None


def test_the_interquartile_mean_and_its_interval_are_those_of_scipy():
    values = RNG.normal(size=20)
    found = intervals.interquartile_mean_interval(values)
    assert found.estimate == pytest.approx(stats.trim_mean(values, 0.25), abs=1e-12)
    expected = stats.mstats.trimmed_mean_ci(values, limits=(0.25, 0.25))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(FINITE, min_size=2, max_size=9))
def test_the_sign_flip_test_counts_every_pattern(differences):
    d = np.array(differences)
    sums = [
        abs(sum(s * v for s, v in zip(signs, d, strict=True))) for signs in product((1, -1), repeat=len(d))
    ]
    expected = np.mean(np.array(sums) >= abs(d.sum()) - 1e-9 * np.abs(d).sum())
    assert permutation.sign_flip_p(d) == pytest.approx(expected, abs=1e-12)


def test_the_sign_flip_test_is_scipys_permutation_test():
    result = stats.permutation_test(
        (SCORES - OTHERS,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert permutation.sign_flip_p(SCORES - OTHERS) == pytest.approx(result.pvalue, abs=1e-9)


def test_thirty_pairs_are_counted_exactly_and_many_more_flipped_at_random():
    d = RNG.normal(0.3, 1, 24)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], size=(200_000, 24))
    drawn = np.mean(np.abs(signs @ d) >= abs(d.sum()))
    assert permutation.sign_flip_p(d) == pytest.approx(drawn, abs=4 * (drawn * (1 - drawn) / 200_000) ** 0.5)
    assert permutation.sign_flip_p([0.5] * 30) == 2 / 2**30
    d = RNG.normal(0.3, 1, permutation.EXACT + 1)
    assert permutation.sign_flip_p(d) == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.02)


def test_against_one_number_symmetric_scores_are_tested_as_students_and_skewed_ones_corrected():
    symmetric = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4]) + 1.5
    assert permutation.one_sample_p(symmetric) == pytest.approx(
        max(permutation.sign_flip_p(symmetric), stats.ttest_1samp(symmetric, 0).pvalue), abs=2e-3
    )
    skewed = np.array([0.0, 0.0, 1.0, 1.0, 3.0])
    d = skewed - 1
    g = (d**3).sum() * 5 / 12 / skewed.std(ddof=1) ** 3
    v = 1 / skewed.std(ddof=1)
    t = 5**0.5 * (v + g * v**2 / 3 + g**2 * v**3 / 27 + g / 30)
    assert permutation.one_sample_p(skewed) == pytest.approx(
        max(permutation.sign_flip_p(skewed), 2 * stats.t.sf(t, 4))
    )
    assert permutation.one_sample_p([0.5] * 8) == permutation.sign_flip_p([0.5] * 8)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=15), st.floats(0.5, 10), st.floats(0, 10))
def test_a_mean_that_is_farther_from_zero_never_has_a_larger_p(scores, first, more):
    d = np.array(scores)
    assume(d.std() > 1e-3)
    d = (d - d.mean()) / d.std(ddof=1)
    assert permutation.one_sample_p(d + first + more) <= permutation.one_sample_p(d + first) + 1e-9
    assert permutation.one_sample_p(d - first - more) <= permutation.one_sample_p(d - first) + 1e-9


def test_ten_standard_errors_are_significant_whatever_the_skewness():
    d = np.array([0.0] * 13 + [4.0, 5.0])  # skewness 2.3
    d = (d - d.mean()) / d.std(ddof=1)
    assert permutation.one_sample_p(d - 10 / 15**0.5) < 0.001


def test_five_pairs_cannot_reach_five_percent_and_six_can():
    assert [permutation.smallest_p(n) for n in (3, 5, 6)] == [0.25, 0.0625, 0.03125]
    assert [permutation.fewest_pairs(comparisons=m) for m in (1, 10, 21)] == [6, 9, 10]
    assert permutation.sign_flip_p([1.0] * 5) == 0.0625


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_in_steps_each_at_alpha_by_the_hypotheses_that_are_left(p_values):
    alpha = 0.05
    left, rejected = sorted(p_values), 0
    while rejected < len(left) and left[rejected] * (len(left) - rejected) <= alpha:
        rejected += 1
    assert sum(p <= alpha for p in permutation.holm(p_values)) == rejected


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    for p_values in ([0.5], [0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.01], list(RNG.random(12))):
        assert permutation.holm(p_values) == pytest.approx(
            list(multipletests(p_values, method="holm")[1]), abs=1e-12
        )


def test_the_probability_of_improvement_has_wilsons_interval():
    from statsmodels.stats.proportion import proportion_confint

    found = improvement.probability_of_improvement([3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8])
    assert found.estimate == 5 / 8
    assert (found.low, found.high) == pytest.approx(proportion_confint(5, 8, method="wilson"), abs=1e-12)


def test_mcnemars_exact_test_is_that_of_statsmodels():
    from statsmodels.stats.contingency_tables import mcnemar

    a, b = RNG.random(200) < 0.8, RNG.random(200) < 0.7
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    found = improvement.mcnemar(a, b)
    assert (found.only_a, found.only_b) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)


def test_the_same_predictions_twice_prove_no_more_than_once():
    from statsmodels.stats.contingency_tables import mcnemar

    a, b = RNG.random(200) < 0.8, RNG.random(200) < 0.7
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    once = mcnemar(table, exact=False, correction=False).pvalue
    assert improvement.mcnemar(np.stack([a, a]), np.stack([b, b])).p == pytest.approx(once, abs=1e-12)


def test_predictions_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="must be the same"):
        improvement.mcnemar([True, False], [True])


def test_equivalence_is_statsmodels_two_one_sided_tests():
    from statsmodels.stats.weightstats import ttost_paired

    expected = ttost_paired(SCORES, OTHERS, -0.01, 0.01)[0]
    assert power.equivalence_p(SCORES - OTHERS, 0.01) == pytest.approx(expected, abs=1e-12)
    assert power.equivalence_p(SCORES - OTHERS, 0.0) == 1.0


def test_the_power_of_many_pairs_is_that_of_statsmodels():
    from statsmodels.stats.power import TTestPower

    found = [power.separation_power(e, n, alpha=a) for e, n, a in ((0.5, 20, 0.05), (0.8, 30, 0.005))]
    expected = [TTestPower().power(e, n, a) for e, n, a in ((0.5, 20, 0.05), (0.8, 30, 0.005))]
    assert found == pytest.approx(expected, abs=1e-6)


def test_six_pairs_separate_when_all_have_one_sign():
    found = [power.separation_power(e, 6) for e in (0.5, 1.0, 1.5)]
    expected = [stats.norm.cdf(e) ** 6 + stats.norm.cdf(-e) ** 6 for e in (0.5, 1.0, 1.5)]
    assert found == pytest.approx(expected, abs=0.03)
    assert power.separation_power(9.0, 5) == 0.0


def test_replicates_and_detectable_difference_are_two_sides_of_one_thing():
    for pairs in (10, 20):
        smallest = power.minimum_detectable_difference(0.01, pairs)
        assert power.replicates_to_separate(smallest * 1.001, 0.01) == pairs
    assert power.minimum_detectable_difference(0.01, 5) is None


def test_no_number_of_replicates_is_given_for_nothing():
    assert power.replicates_to_separate(0.0, 0.01) is None
    assert power.replicates_to_separate(1e-6, 0.01) is None
    assert power.replicates_to_separate(0.01, 0.0) == 6
    assert power.replicates_to_equate(0.0, 0.01) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=8))
def test_the_expected_best_is_the_mean_over_all_choices_of_trials(scores):
    drawn = range(1, max(1, len(scores) // 2) + 1)
    expected = [np.mean([max(s) for s in combinations(scores, n)]) for n in drawn]
    assert budget.budget_curve(scores).expected == pytest.approx(expected, abs=1e-9)


def test_a_budget_curve_ends_at_half_the_trials_and_rises():
    curve = budget.budget_curve(RNG.normal(size=40))
    assert list(curve.trials) == list(range(1, 21))
    assert np.all(np.diff(curve.expected) > 0)
    assert np.all((curve.low <= curve.expected) & (curve.expected <= curve.high))


def test_ranks_count_from_the_best_and_ties_share():
    found = ranks.friedman([[0.9, 0.8, 0.7], [0.9, 0.7, 0.8], [0.8, 0.8, 0.6]])
    assert found.ranks == pytest.approx((3.5 / 3, 6.5 / 3, 8 / 3))


def test_friedmans_test_is_scipys_with_iman_and_davenports_statistic():
    scores = RNG.random((14, 4))
    found = ranks.friedman(scores)
    x = stats.friedmanchisquare(*scores.T)
    assert (found.statistic, found.p) == pytest.approx((x.statistic, x.pvalue), abs=1e-12)
    f = 13 * x.statistic / (14 * 3 - x.statistic)
    assert (found.iman_davenport, found.iman_davenport_p) == pytest.approx(
        (f, stats.f.sf(f, 3, 39)), abs=1e-12
    )


def test_nemenyis_difference_is_that_of_the_published_table():
    q = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
    found = {k: ranks.nemenyi_difference(k, 1) / np.sqrt(k * (k + 1) / 6) for k in q}
    assert found == pytest.approx(q, abs=1.1e-3)
    assert ranks.nemenyi_difference(4, 14) == pytest.approx(1.25, abs=5e-3)


def test_nemenyis_difference_is_that_of_autorank():
    import pandas as pd
    from autorank import autorank

    scores = pd.DataFrame(RNG.random((20, 5)), columns=list("abcde"))
    found = autorank(scores, approach="frequentist", force_mode="nonparametric")
    assert ranks.nemenyi_difference(5, 20) == pytest.approx(found.cd, abs=1e-3)


def test_too_small_a_table_is_refused():
    with pytest.raises(ValueError, match="2 or more corpora by 3 or more architectures"):
        ranks.friedman([[0.5, 0.6], [0.4, 0.7]])


@pytest.mark.parametrize(
    ("wins", "pairs", "met"),
    [(10, 10, True), (0, 10, True), (8, 10, False), (24, 30, True), (6, 30, True), (21, 30, False)],
)
def test_three_wins_in_four_count_where_more_than_half_is_sure(wins, pairs, met):
    a = [1.0] * wins + [0.0] * (pairs - wins)
    assert improvement.meets_rule(improvement.probability_of_improvement(a, [0.5] * pairs)) == met


@given(wins=st.integers(0, 30), losses=st.integers(0, 30))
def test_the_interval_of_wins_without_ties_is_scipys_wilson_interval(wins, losses):
    pairs = wins + losses
    if pairs == 0:
        return
    found = improvement.probability_of_improvement([1.0] * wins + [0.0] * losses, [0.5] * pairs)
    interval = stats.binomtest(wins, pairs).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
