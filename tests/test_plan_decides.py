"""Whether the planned replicates can decide anything, said before a sweep starts."""

import pytest

from rnnsweep.comparison import reach_of


@pytest.mark.parametrize(
    ("sizes", "comparisons", "folds", "decides", "said"),
    [
        ((5,), 3, 5, True, "5 replicates test on 5 of 5 folds: enough to show a clear difference in each of"
         " 3 comparisons (corrected resampled t, 4 degrees of freedom)"),
        ((3,), 1, 5, True, "3 replicates test on 3 of 5 folds: enough to show a clear difference in the"
         " pair (corrected resampled t, 2 degrees of freedom); 5 replicates test on each"),
        ((1,), 1, 5, False, "1 replicate cannot show any difference, whatever the scores; 2 or more can show"
         " a clear difference in the pair"),
    ],
)  # fmt: skip
def test_a_plan_of_folds_speaks_of_their_own_test(sizes, comparisons, folds, decides, said):
    reach = reach_of(sizes, comparisons, folds=folds)
    assert (reach.decides, str(reach)) == (decides, said)


@pytest.mark.parametrize(
    ("looks", "comparisons", "fewest", "decides", "said"),
    [
        ((3,), 1, 6, False, "3 replicates cannot show any difference, whatever the scores; 6 or more can show"
         " a clear difference in the pair"),
        ((6,), 3, 7, False, "6 replicates cannot show any difference, whatever the scores; 7 or more can show"
         " a clear difference in each of 3 comparisons"),
        ((7,), 3, 7, True, "7 replicates are enough to show a clear difference in each of 3 comparisons on"
         " these test rows"),
        ((6, 13, 30), 3, 13, True, "13 replicates are enough to show a clear difference in each of 3"
         " comparisons on these test rows; 30 are planned"),
        ((7,), 2, 7, True, "7 replicates are enough to show a clear difference between the two networks,"
         " and of each from the baseline on these test rows"),
        ((0,), 1, 6, False, "without replicates nothing can be claimed; 6 or more can show"
         " a clear difference in the pair"),
    ],
)  # fmt: skip
def test_a_plan_says_how_many_replicates_can_decide(looks, comparisons, fewest, decides, said):
    reach = reach_of(looks, comparisons)
    assert (reach.fewest, reach.decides, str(reach)) == (fewest, decides, said)
