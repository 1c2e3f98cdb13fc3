"""What seconds of search buy: the curve over time, who leads when, and the sentences of it."""

import numpy as np
import pytest

from rnnsweep.comparison.statistics.time_curves import TimeCurve, leads, say_spending, time_curve


def line(seconds, expected):
    at, values = np.array(seconds, float), np.array(expected, float)
    return TimeCurve(at, values, values - 0.01, values + 0.01)


EARLY = line([10, 100, 1000], [0.80, 0.82, 0.83])
LATE = line([10, 100, 1000], [0.70, 0.80, 0.90])


def test_trials_of_equal_length_give_the_expected_best_of_so_many():
    scores = np.random.default_rng(0).normal(0.7, 0.05, 40)
    curve = time_curve(scores, np.full(40, 10.0))
    after_ten = float(np.interp(105, curve.seconds, curve.expected))
    draws = np.random.default_rng(1).permuted(np.tile(scores, (4000, 1)), axis=1)[:, :10]
    assert after_ten == pytest.approx(draws.max(axis=1).mean(), abs=0.006)


def test_the_curve_never_falls_and_ends_at_half_of_what_was_spent():
    rng = np.random.default_rng(0)
    seconds = rng.uniform(5, 50, 30)
    curve = time_curve(rng.normal(size=30), seconds)
    assert np.all(np.diff(curve.expected) >= -1e-12)
    assert curve.seconds[-1] == pytest.approx(seconds.sum() / 2)
    assert np.all((curve.low <= curve.expected) & (curve.expected <= curve.high))


@pytest.mark.parametrize(
    ("scores", "seconds"),
    [([0.1, 0.2, 0.3], [1, 1, 1]), ([0.1, 0.2, 0.3, np.nan], [1, 1, 1, 1]), ([0.1] * 4, [1, 1, 1, 100])],
)
def test_too_little_to_tell_gives_no_curve(scores, seconds):
    assert time_curve(scores, seconds) is None


def test_the_lead_changes_where_the_curves_cross():
    first, second = leads({"early": EARLY, "late": LATE})
    assert (first.architecture, second.architecture) == ("early", "late")
    crossing = np.interp(second.since, LATE.seconds, LATE.expected)
    assert crossing == pytest.approx(np.interp(second.since, EARLY.seconds, EARLY.expected), abs=0.003)


def test_each_time_that_is_covered_gets_its_sentence_and_an_hour_that_is_not_is_said():
    said = say_spending({"early": EARLY, "late": LATE})
    assert said[0].startswith(
        "The curves cross: the best expected score has early from 10 s on, then late from"
    )
    assert said[1] == "If you have a minute of search: early, expected to reach 0.8111 on validation."
    assert said[2].startswith("If you have ten minutes of search: late")
    assert said[-1] == (
        "An hour for each is beyond what these searches tell: they cover 17 min. Raise trials to learn more."
    )


def test_curves_that_do_not_cross_are_said_so_and_one_alone_says_nothing():
    said = say_spending({"late": LATE, "low": line([10, 100, 1000], [0.1, 0.2, 0.3])})
    assert "do not cross" in said[0]
    assert say_spending({"late": LATE}) == []
