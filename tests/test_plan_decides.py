"""Whether the planned replicates can decide anything, said before a sweep starts."""

import pytest

from rnnsweep.comparison import reach_of


@pytest.mark.parametrize(
    ("sizes", "comparisons", "folds", "decides", "said"),
    [
        ((5,), 3, 5, True, "5 replicates test each of 5 folds: the corrected resampled t with 4 degrees of"
         " freedom can separate 3 pairs"),
        ((3,), 1, 5, True, "3 replicates test 3 of 5 folds: the corrected resampled t with 2 degrees of"
         " freedom can separate 1 pair; replicates: 5 tests each"),
        ((1,), 1, 5, False, "1 replicate cannot separate 1 pair, whatever they score; 2 can"),
    ],
)  # fmt: skip
def test_a_plan_of_folds_speaks_of_their_own_test(sizes, comparisons, folds, decides, said):
    reach = reach_of(sizes, comparisons, folds=folds)
    assert (reach.decides, str(reach)) == (decides, said)


@pytest.mark.parametrize(
    ("looks", "comparisons", "fewest", "decides", "said"),
    [
        ((3,), 1, 6, False, "3 replicates cannot separate 1 pair, whatever they score; 6 can"),
        ((6,), 3, 7, False, "6 replicates cannot separate 3 pairs, whatever they score; 7 can"),
        ((7,), 3, 7, True, "7 replicates can separate 3 pairs on these test rows"),
        ((6, 13, 30), 3, 13, True, "13 replicates can separate 3 pairs on these test rows"),
        ((10,), 21, 10, True, "10 replicates can separate 21 pairs on these test rows"),
        ((0,), 1, 6, False, "without replicates nothing can be claimed; 6 can separate 1 pair"),
    ],
)
def test_a_plan_says_how_many_replicates_can_decide(looks, comparisons, fewest, decides, said):
    reach = reach_of(looks, comparisons)
    assert (reach.fewest, reach.decides, str(reach)) == (fewest, decides, said)
