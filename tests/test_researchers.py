"""Researchers who act on what a comparison says are told of differences that are not there in 5 % at most."""

import pytest
from benchmarks.researchers import ACTIONS, share_told
from benchmarks.statistics import limit


@pytest.mark.parametrize("words", ["widens all spaces", "adds architectures", "does any of these"])
def test_whoever_goes_on_until_something_is_claimed_is_seldom_told_of_what_is_not_there(words):
    assert share_told(ACTIONS[words], (6, 15), 3, 100) <= limit(100)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("words", ACTIONS)
@pytest.mark.parametrize("sizes", [(6,), (9,), (10,), (6, 15), (6, 13, 30)])
def test_each_way_to_go_on_claims_what_is_not_there_in_at_most_5_percent(words, sizes):
    found = {number: share_told(ACTIONS[words], sizes, number, 500) for number in (2, 4)}
    assert all(share <= limit(500) for share in found.values()), found
