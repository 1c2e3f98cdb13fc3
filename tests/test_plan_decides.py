"""Whether the planned replicates can decide anything, said before a sweep starts."""

import pytest

from rnnsweep.cli.commands.planning import replicates_that_decide
from rnnsweep.planning.plan import Plan


@pytest.mark.parametrize(
    ("looks", "comparisons", "fewest", "decides"),
    [
        ((3,), 1, 6, False),
        ((6,), 3, 7, False),
        ((7,), 3, 7, True),
        ((6, 13, 30), 3, 13, True),
        ((10,), 21, 10, True),
    ],
)
def test_a_plan_says_how_many_replicates_can_decide(looks, comparisons, fewest, decides):
    plan = Plan("s", "?", 1, (), 0, looks=looks, comparisons=comparisons)
    assert replicates_that_decide(plan) == (fewest, decides)
