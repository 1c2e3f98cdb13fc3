"""The verdicts are right as often as they claim to be, in simulated comparisons whose truth is known.

Scores are drawn around one level: normal, skewed (a long tail downwards) or on a coarse grid.
"""

import numpy as np
import pytest
from sweep_records import make_standing

from rnnsweep.comparison import (
    difference_interval,
    mean_interval,
    minimum_detectable_difference,
    replicates_to_separate,
    sign_flip_p,
)
from rnnsweep.comparison.verdicts.verdicts import make_verdicts

LEVEL, SPREAD = 0.7, 0.005
KINDS = ("normal", "skewed", "discrete")


def draw(rng, kind, shape):
    """Scores with mean LEVEL and standard deviation SPREAD."""
    if kind == "normal":
        unit = rng.normal(size=shape)
    elif kind == "skewed":
        unit = (4 - rng.gamma(4, size=shape)) / 2  # skewness -1
    else:
        unit = np.round(rng.normal(size=shape) * 1.5) / 1.5 / 1.0183  # the grid adds 1/12 to the variance
    return LEVEL + SPREAD * unit


def limit(simulations):
    """5 % and three standard errors."""
    return 0.05 + 3 * (0.05 * 0.95 / simulations) ** 0.5


def false_claims(kind, pairs, architectures, simulations, *, baseline=False):
    rng = np.random.default_rng([pairs, architectures, KINDS.index(kind)])
    wrong = 0
    for _ in range(simulations):
        scores = draw(rng, kind, (architectures, pairs))
        standings = [make_standing(f"a{i}", row) for i, row in enumerate(scores)]
        if baseline:
            standings.append(make_standing("linear", [LEVEL], baseline=True))
        verdicts = make_verdicts(standings, margin=0.0)
        wrong += any(v.verdict in ("better", "worse") for v in verdicts if v.baseline == baseline)
    return wrong / simulations


@pytest.mark.parametrize("kind", KINDS)
def test_better_is_seldom_said_where_there_is_no_difference(kind):
    assert false_claims(kind, 6, 2, 150) <= limit(150)


@pytest.mark.slow
@pytest.mark.parametrize("architectures", [2, 5])
@pytest.mark.parametrize("pairs", [6, 10, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_better_is_said_in_at_most_one_of_twenty_comparisons_without_a_difference(kind, pairs, architectures):
    found = false_claims(kind, pairs, architectures, 2000)
    print(f"{kind}, {pairs} pairs, {architectures} architectures: {100 * found:.2f} %")
    assert found <= limit(2000)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [6, 10, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_the_baseline_is_seldom_beaten_by_its_equals(kind, pairs):
    found = false_claims(kind, pairs, 3, 2000, baseline=True)
    print(f"{kind}, {pairs} replicates of 3 against one number: {100 * found:.2f} %")
    assert found <= limit(2000)


def coverage(kind, n, simulations, *, paired):
    rng = np.random.default_rng([n, KINDS.index(kind), paired])
    hit = 0
    for i in range(simulations):
        a, b = draw(rng, kind, (2, n))
        found = difference_interval(a, b) if paired else mean_interval(a, seed=i)
        hit += found.low <= (0 if paired else LEVEL) <= found.high
    return hit / simulations


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_ten_pairs_cover_the_truth(kind):
    assert 0.93 <= coverage(kind, 10, 1000, paired=True) <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20, 30])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("paired", [True, False])
def test_intervals_cover_the_truth_in_93_to_97_percent(kind, n, paired):
    found = coverage(kind, n, 4000, paired=paired)
    print(f"{kind}, {n} replicates, {'difference' if paired else 'mean'}: {100 * found:.2f} %")
    error = 2 * (0.05 * 0.95 / 4000) ** 0.5
    assert 0.93 - error <= found <= 0.97 + error


def separated(effect, pairs, alpha, simulations):
    rng = np.random.default_rng([pairs, 99])  # other draws than those that the power was computed from
    d = rng.normal(effect, 1, (simulations, pairs))
    return np.mean([sign_flip_p(row, draws=4000) <= alpha for row in d])


@pytest.mark.parametrize("pairs", [8, 12])
def test_the_detectable_difference_is_found_in_eighty_percent(pairs):
    effect = minimum_detectable_difference(1.0, pairs)
    assert separated(effect, pairs, 0.05, 800) == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("pairs", [9, 10, 12, 13, 14, 16, 20])
def test_a_difference_of_the_stated_size_is_separated_in_eighty_percent(pairs, alpha):
    effect = minimum_detectable_difference(1.0, pairs, alpha=alpha)
    assert replicates_to_separate(effect * 1.001, 1.0, alpha=alpha) in (pairs - 1, pairs)
    found = separated(effect, pairs, alpha, 3000)
    print(f"{pairs} pairs, level {alpha}: {100 * found:.1f} %")
    assert found == pytest.approx(0.8, abs=0.04)
