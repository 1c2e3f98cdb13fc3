"""The verdicts are right as often as they claim to be, in simulated comparisons whose truth is known.

The simulations, and the larger tables of docs/statistics.md, are in `benchmarks.statistics`.
"""

import re

import pytest
from benchmarks.statistics import (
    DESIGN,
    KINDS,
    PAGE,
    TABLES,
    compare_designs,
    coverage,
    false_claims,
    false_claims_against,
    follow_advice,
    limit,
    on_new_rows,
    replaced,
    separated,
)

from rnnsweep.comparison.statistics.power import minimum_detectable_difference, replicates_to_separate


def test_better_is_seldom_said_where_there_is_no_difference():
    assert false_claims("normal", 10, 2, 200) <= limit(200)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_better_is_said_in_at_most_one_of_twenty_comparisons_without_a_difference(kind):
    found = {r: false_claims(kind, r, 2, 2000) for r in (6, 10, 20)}
    assert all(share <= limit(2000) for share in found.values()), found
    assert false_claims(kind, 10, 5, 500) <= limit(500)


@pytest.mark.parametrize("factor", [0.25, 1.0])
def test_a_baseline_that_varies_with_the_split_is_seldom_beaten_by_its_equals(factor):
    assert false_claims_against(factor, 10, 200) <= limit(200)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [0.0, 0.25, 0.5, 1.0])
def test_the_baseline_is_beaten_by_its_equals_in_at_most_one_of_twenty_comparisons(factor, kind):
    found = {r: false_claims_against(factor, r, 2000, kind=kind) for r in (6, 10, 20)}
    assert all(share <= limit(2000) for share in found.values()), found


@pytest.mark.slow
def test_one_fit_of_a_baseline_that_varies_is_why_it_has_replicates():
    assert false_claims_against(0.0, 10, 400, single=True) <= limit(400)
    assert false_claims_against(1.0, 10, 400, single=True) > 0.4


@pytest.mark.parametrize(("architectures", "sizes"), [(2, (6,)), (4, (9,))])
def test_following_the_advice_claims_what_is_not_there_in_at_most_5_percent(architectures, sizes):
    assert follow_advice(architectures, sizes, 100).claimed <= limit(100)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(6,), (9,), (10,), DESIGN])
def test_the_advice_followed_to_its_end_claims_what_is_not_there_in_at_most_5_percent(sizes):
    assert follow_advice(2, sizes, 1000).claimed <= limit(1000)
    assert follow_advice(4, sizes, 300).claimed <= limit(300)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "number"), [(500, 2000), (2000, 1000), (7600, 400)])
def test_the_verdict_says_of_a_test_part_that_is_drawn_anew_no_more_than_holds_on_new_rows(rows, number):
    found = on_new_rows(rows, number)
    error = 3 * (0.05 * 0.95 / number) ** 0.5
    assert found.claimed <= limit(number)
    assert 0.93 - error <= found.covered <= 0.97 + error
    assert found.here > found.claimed  # the replicates alone say it of this test part


@pytest.mark.slow
def test_the_default_design_has_the_power_of_its_maximum_for_fewer_replicates():
    effect = minimum_detectable_difference(1.0, DESIGN[-1], power=0.85)
    small = compare_designs(effect, 1000)
    assert small.fixed == pytest.approx(0.85, abs=0.04)
    assert small.sequential >= 0.8 - 2 * (0.8 * 0.2 / 1000) ** 0.5
    large = compare_designs(2 * minimum_detectable_difference(1.0, DESIGN[-1]), 300)
    assert large.replicates <= 0.7 * DESIGN[-1]
    assert large.sequential > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_ten_pairs_cover_the_truth(kind):
    assert 0.93 <= coverage(kind, 10, 1000, paired=True) <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [10, 30])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("paired", [True, False])
def test_intervals_cover_the_truth_in_93_to_97_percent(kind, replicates, paired):
    number = 4000 if paired else 2000
    error = 2 * (0.05 * 0.95 / number) ** 0.5
    assert 0.93 - error <= coverage(kind, replicates, number, paired=paired) <= 0.97 + error


@pytest.mark.parametrize("pairs", [8, 12])
def test_the_detectable_difference_is_found_in_eighty_percent(pairs):
    assert separated(pairs, 0.05, 800) == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("pairs", [9, 10, 12, 13, 14, 16, 20])
def test_a_difference_of_the_stated_size_is_separated_in_eighty_percent(pairs, alpha):
    effect = minimum_detectable_difference(1.0, pairs, alpha=alpha)
    assert replicates_to_separate(effect * 1.001, 1.0, alpha=alpha) in (pairs - 1, pairs)
    assert separated(pairs, alpha, 3000) == pytest.approx(0.8, abs=0.04)


def test_each_table_of_the_page_has_its_place_and_says_of_how_many_simulations_it_is():
    page = PAGE.read_text()
    for name in TABLES:
        (said,) = re.findall(rf"<!-- {name}: ([\d,]+) simulations of each, [\d-]+ -->", page)
        assert int(said.replace(",", "")) >= 2000
        assert "\n\nx\n\n" in replaced(page, name, "x")
    with pytest.raises(ValueError, match="has no table 'none'"):
        replaced(page, "none", "x")
