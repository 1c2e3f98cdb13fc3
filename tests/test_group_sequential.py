"""Looks at growing replicates: what each may claim, and that all together claim too much in 5 % at most."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sweep_records import make_standing

from rnnsweep.comparison import ReplicatePlan, next_total, plan_looks, race
from rnnsweep.comparison.statistics.group_sequential import _attained, sequential_p, spent
from rnnsweep.comparison.statistics.permutation import EXACT, fewest_pairs, sign_flip_p
from rnnsweep.comparison.verdicts.verdicts import make_verdicts


def test_one_planned_look_has_all_of_the_5_percent():
    (look,) = plan_looks([10], most=10)
    assert (look.level, look.able) == (0.05, True)
    assert sequential_p([0.03], [look]) == 0.03


def test_a_look_that_can_claim_nothing_costs_nothing():
    first, second = plan_looks([3, 6], most=3)
    assert (first.able, second.level) == (False, 0.05)
    first, second, last = plan_looks([6, 13, 30], most=30)
    assert [first.able, second.able, last.able] == [False, True, True]
    assert second.level == pytest.approx(0.05 * spent(13 / 30))


def test_a_look_beyond_the_plan_gets_half_of_what_the_exact_test_left():
    planned, further, last = plan_looks([6, 12, 24], most=6)
    assert planned.level == 0.05
    assert further.level == pytest.approx((0.05 - 2 / 64) / 2)  # a p of one in 32 is the only one below .05
    assert 0 < last.level < further.level


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True).map(sorted),
    st.integers(1, 40),
    st.integers(1, 21),
)
def test_what_all_looks_can_attain_adds_up_to_5_percent_at_most(history, most, comparisons):
    looks = [look for look in plan_looks(history, most=most, comparisons=comparisons) if look.able]
    for number in range(1, comparisons + 1):
        reached = [
            number
            * np.floor(look.level / number * 2 ** (look.pairs - 1) * (1 + 1e-9))
            / 2 ** (look.pairs - 1)
            for look in looks
            if look.pairs <= EXACT
        ]
        reached += [look.level for look in looks if look.pairs > EXACT]
        assert sum(reached) <= 0.05 * (1 + 1e-6)


@given(
    st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True).map(sorted), max_size=4),
    st.integers(1, 40),
    st.integers(1, 6),
)
def test_looks_at_one_configuration_after_another_add_up_to_5_percent_at_most(histories, most, comparisons):
    history = [pairs for one in histories for pairs in one]
    looks = plan_looks(history, most=most, comparisons=comparisons)
    assert sum(_attained(look.level, look.pairs) for look in looks if look.able) <= 0.05 * (1 + 1e-6)


def test_a_pair_of_which_one_got_another_configuration_after_a_look_shares_the_5_percent():
    differences = np.linspace(0.01, 0.03, 15)
    pair = 0.7 + differences, np.full(15, 0.7)
    then, now = {"a": "the former", "b": "the same"}, {"a": "the present", "b": "the same"}
    plan = ReplicatePlan((6, 15), ({"a": 15, "b": 15},), configurations=(then,), now=now)
    assert (plan.changed(), plan.former("a", "b"), plan.history("a", "b", 15)) == (("a",), (6, 15), (6, 15))
    assert plan.former("b", "b") == ()
    ((verdict,), (plain,)) = (judged(*pair, plan=one)[1] for one in (plan, replace(plan, now=then)))
    assert (plain.verdict, plain.p) == ("better", pytest.approx(sign_flip_p(differences)))
    assert verdict.verdict == "needs more", "the first look had all of the 5 %"
    assert verdict.p > 0.05
    unspent = replace(plan, extensions=({"a": 6, "b": 6},))
    assert judged(*pair, plan=unspent)[1][0].verdict == "better", "no claim was possible at the first look"


def test_an_architecture_that_was_added_after_a_look_shares_the_5_percent_of_its_family():
    noise = np.random.default_rng(8).normal(0, 0.002, (3, 15))
    a, b, c = 0.7 + noise[0], 0.7 + noise[1], 0.75 + noise[2]
    now = {"a": "", "b": "", "c": ""}
    plan = ReplicatePlan((10,), ({"a": 10, "b": 10},), now=now)
    assert plan.added() == ("c",)
    assert (plan.former("a", "c"), plan.former("a", "b")) == ((10,), ())
    words = {(v.a, v.b): v.verdict for v in judged(a[:10], b[:10], c[:10], plan=plan)[1]}
    assert words["c", "a"] == words["c", "b"] == "needs more", "the look at a and b had all of the 5 %"
    later = replace(plan, extensions=(*plan.extensions, {"a": 10, "b": 10, "c": 10}))
    words = {(v.a, v.b): v.verdict for v in judged(a, b, c, plan=later)[1]}
    assert words["c", "a"] == words["c", "b"] == "better", "what is left shows a clear difference"


@pytest.mark.parametrize(
    ("look", "shares"),
    [
        ({"a": 10, "linear": 10}, ()),  # a alone was compared with nothing but the baseline
        ({"a": 10, "b": 10}, (10,)),
        ({"a": 12, "b": 10, "linear": 10}, (10,)),
    ],
)
def test_a_look_at_another_family_costs_a_new_architecture_nothing(look, shares):
    plan = ReplicatePlan((10,), (look,), now={"a": "", "b": "", "c": "", "linear": ""})
    assert plan.former("a", "c") == shares
    assert bool(plan.former("c", "linear")) == ("linear" in look)


def test_a_fixed_design_that_lacked_a_replicate_at_its_look_has_no_second_5_percent():
    plan = ReplicatePlan((10,), ({"a": 8, "b": 8},))
    first, second = plan.looks(plan.history("a", "b", 10), 1)[:2]
    assert (first.pairs, first.level) == (8, 0.05)
    assert second.level < 0.002


def test_a_claim_of_an_earlier_look_stands():
    looks = plan_looks([6, 13, 30], most=30)
    assert sequential_p([0.5, 0.001, 0.4], looks) == pytest.approx(0.001 * 0.05 / looks[1].level)


def test_the_fewest_replicates_of_a_single_look_are_those_of_the_sign_flip_test():
    for comparisons in (1, 3, 6, 10, 21):
        able = (n for n in range(1, 99) if plan_looks([n], most=1, comparisons=comparisons)[0].able)
        assert next(able) == fewest_pairs(comparisons=comparisons)


def judged(*groups, plan=None):
    standings = [make_standing(name, scores) for name, scores in zip("abcd", groups, strict=False)]
    standings.sort(key=lambda one: -one.test.mean)
    return standings, make_verdicts(standings, margin=0.002, plan=plan)


def test_the_advice_is_of_the_leaders_pairs_and_none_where_nothing_affordable_helps():
    noise = np.random.default_rng(1).normal(0, 0.01, (3, 5))
    assert next_total(*judged(0.80 + noise[0], 0.70 + noise[1], 0.60 + noise[2])) == fewest_pairs(
        comparisons=3
    )
    noise = np.random.default_rng(1).normal(0, 0.01, (2, 10))
    assert next_total(*judged(0.72 + noise[0], 0.60 + noise[1])) is None
    assert next_total(*judged(0.7 + noise[0], 0.7 + noise[1])) is None


def test_more_replicates_than_the_plan_make_p_dearer():
    pair = 0.7 + np.array([0.01, -0.01] * 5 + [0.03] * 6), np.full(16, 0.7)
    (plain,), (extended,) = (judged(*pair, plan=ReplicatePlan(sizes))[1] for sizes in ((16,), (10,)))
    assert extended.p == pytest.approx(min(1.0, plain.p * 0.05 / plan_looks([10, 16], most=10)[1].level))


def test_replicates_of_an_unfinished_plan_claim_nothing_between_its_looks():
    pair = [0.9 + 0.001 * i for i in range(8)], [0.1] * 8
    assert judged(*pair, plan=ReplicatePlan((10,), finished=False))[1][0].verdict == "needs more"
    assert judged(*pair, plan=ReplicatePlan((10,)))[1][0].verdict == "better"  # two were lost for good


def test_a_race_stops_whom_it_has_settled_and_goes_on_with_the_open_pair():
    noise = np.random.default_rng(2).normal(0, 0.004, (3, 30))
    standings = [
        make_standing(name, level + row[:13])
        for name, level, row in zip("abc", (0.71, 0.709, 0.60), noise, strict=True)
    ]
    found = race(standings, plan=ReplicatePlan((6, 13, 30)), margin=0.0)
    assert found.wanted == {"a": 30, "b": 30, "c": 13}
    (stop,) = found.stopped
    assert (stop.architecture, stop.replicates) == ("c", 13)
    assert stop.why.startswith("worse than ")


def test_a_race_that_is_asked_again_with_more_replicates_decides_the_same_of_earlier_looks():
    noise = np.random.default_rng(3).normal(0, 0.004, (2, 30))
    standings = [make_standing(n, 0.7 + row) for n, row in zip("ab", noise, strict=True)]
    early = race(
        [make_standing(n, 0.7 + row[:6]) for n, row in zip("ab", noise, strict=True)],
        plan=ReplicatePlan((6, 13, 30)),
        margin=0.002,
    )
    late = race(standings, plan=ReplicatePlan((6, 13, 30)), margin=0.002)
    assert late.sentences[: len(early.sentences)] == early.sentences


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_the_race_stops_an_architecture_for_is_what_its_verdict_says_at_the_end(seed, continued):
    rng = np.random.default_rng(seed)
    levels = 0.7 + 0.01 * rng.integers(0, 4, 3)
    scores = levels[:, None] + rng.normal(0, 0.005, (3, 30))
    standings = [make_standing(name, row) for name, row in zip("abc", scores, strict=True)]
    then = ({name: "the former" for name in "abc"},)
    earlier = {"extensions": (dict.fromkeys("abc", 13),), "configurations": then} if continued else {}
    plan = ReplicatePlan((6, 13, 30), **earlier)
    found = race(standings, plan=plan, margin=0.002)
    own = [make_standing(name, row[: found.wanted[name]]) for name, row in zip("abc", scores, strict=True)]
    now = {one.architecture: one.configuration for one in own}
    verdicts = make_verdicts(own, margin=0.002, plan=replace(plan, now=now))
    words = {pair: one.verdict for one in verdicts for pair in ((one.a, one.b), (one.b, one.a))}
    for stop in found.stopped:
        if stop.why.startswith(("better", "worse", "equivalent")):
            word = words[stop.architecture, stop.why.rpartition(" ")[2]]
            assert word in ("better", "worse", "equivalent"), stop


def test_a_race_after_a_look_at_other_configurations_claims_what_is_left_of_the_5_percent():
    noise = np.random.default_rng(2).normal(0, 0.004, (2, 30))
    standings = [
        make_standing(n, level + row) for n, level, row in zip("ab", (0.72, 0.7), noise, strict=True)
    ]
    fresh, after = (
        race(standings, plan=plan, margin=0.0)
        for plan in (
            ReplicatePlan((6, 13, 30)),
            ReplicatePlan((6, 13, 30), ({"a": 30, "b": 30},), configurations=({"a": "x", "b": "y"},)),
        )
    )
    assert fresh.stopped[0].why.startswith("worse than ")
    assert not any(stop.why.startswith(("worse", "better")) for stop in after.stopped)


def test_the_sign_flip_p_of_a_look_is_of_its_own_replicates():
    scores = np.random.default_rng(4).normal(0.01, 0.01, 13)
    (verdict,) = judged(0.7 + scores, [0.7] * 13, plan=ReplicatePlan((6, 13, 30)))[1]
    looks = plan_looks([6, 13], most=30)
    assert verdict.p == sequential_p([sign_flip_p(scores[:6]), sign_flip_p(scores)], looks)
