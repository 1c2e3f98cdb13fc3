"""Replicating until two are separated: whom next, and what the looks cost."""

import numpy as np
import pytest
from sweep_records import make_standing

from rnnsweep.comparison.verdicts.sequential import look_factor, next_step
from rnnsweep.comparison.verdicts.verdicts import make_verdicts

ORDER = ("a", "b", "c")


def judged(*groups, looks=0):
    standings = [make_standing(name, scores) for name, scores in zip(ORDER, groups, strict=False)]
    return make_verdicts(standings, margin=0.0, looks=looks)


def test_the_shares_of_all_looks_add_up_to_less_than_one():
    assert look_factor(0) == 1
    assert sum(1 / look_factor(k) for k in range(1, 10_000)) < 1


def test_the_open_pair_of_the_best_ranked_is_next():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (3, 10))
    verdicts = judged(0.704 + noise[0], 0.70 + noise[1], 0.696 + noise[2])
    step = next_step(verdicts, order=ORDER, most=5000)
    assert step.architectures == ("a", "b")
    assert step.total == 10 + step.verdict.replicates_needed


def test_a_pair_that_no_affordable_number_separates_gets_none():
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 10))
    assert next_step(judged(0.7 + noise[0], 0.7001 + noise[1]), order=ORDER, most=11) is None


def test_nothing_is_next_where_all_is_settled():
    assert next_step(judged([0.9] * 10, [0.8] * 10), order=ORDER, most=30) is None


def test_each_look_makes_p_dearer():
    scores = 0.7 + np.random.default_rng(0).normal(0, 0.01, 10)
    plain, looked = (judged(scores + 0.004, scores[::-1], looks=k)[0].p for k in (0, 2))
    assert looked == pytest.approx(min(1.0, 6 * plain))


def follow(rng, *, effect, most=30):
    """Replicate as `--until-separated` does, with differences drawn anew, and give the last verdict."""
    scores = [rng.normal(0, 0.01, most) + shift for shift in (effect, 0.0)]
    counts, looks = 6, 0
    while True:
        looks += 1
        verdicts = judged(*(s[:counts] for s in scores), looks=looks)
        step = next_step(verdicts, order=ORDER[:2], most=most)
        if step is None:
            return verdicts[0].verdict
        counts = step.total


def test_looking_until_separated_finds_a_difference_that_is_not_there_in_at_most_5_percent():
    rng = np.random.default_rng(0)
    false = sum(follow(rng, effect=0.0) in ("better", "worse") for _ in range(300))
    assert false <= 0.05 * 300 + 2 * (300 * 0.05 * 0.95) ** 0.5


def test_looking_until_separated_finds_a_large_difference():
    rng = np.random.default_rng(0)
    assert sum(follow(rng, effect=0.02) == "better" for _ in range(40)) >= 36
