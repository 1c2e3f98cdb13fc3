"""What is said of two architectures, and what is not said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sweep_records import make_standing

from rnnsweep.comparison import compare_foreign
from rnnsweep.comparison.evidence.records import HERE, Verdict
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.statistics.new_rows import NewRows, Remedies
from rnnsweep.comparison.statistics.power import replicates_to_separate
from rnnsweep.comparison.verdicts.answers import say_answer
from rnnsweep.comparison.verdicts.remedies import say_remedies
from rnnsweep.comparison.verdicts.sentences import say_verdict
from rnnsweep.comparison.verdicts.verdicts import make_verdicts

NOISE = np.random.default_rng(5).normal(0, 0.004, (6, 40))


def judge(*groups, margin=0.002, linear=None, plan=None):
    standings = [make_standing(name, scores) for name, scores in zip("abcdef", groups, strict=False)]
    if linear is not None:
        standings.append(make_standing("linear", [linear], baseline=True))
    return make_verdicts(standings, margin=margin, plan=plan)


def test_a_clear_difference_is_called_better():
    (verdict,) = judge(0.72 + NOISE[0, :10], 0.70 + NOISE[1, :10])
    assert (verdict.verdict, verdict.replicates_needed) == ("better", 0)
    assert 0 < verdict.low < verdict.difference < verdict.high
    assert verdict.sentence.startswith("a is better than b by 2.15 points (95 % interval ")
    assert "10 paired replicates, p = .002" in verdict.sentence


def test_the_same_difference_seen_from_the_other_side_is_called_worse():
    (verdict,) = judge(0.70 + NOISE[1, :10], 0.72 + NOISE[0, :10])
    assert verdict.verdict == "worse"
    assert verdict.low < verdict.difference < verdict.high < 0
    (mirrored,) = judge(0.72 + NOISE[0, :10], 0.70 + NOISE[1, :10])
    assert verdict.sentence == mirrored.sentence.replace("better", "worse"), (
        "by so much, from so much to so much"
    )


def test_five_pairs_never_say_better_and_it_takes_one_more():
    (verdict,) = judge(0.9 + NOISE[0, :5], 0.5 + NOISE[1, :5])
    assert (verdict.verdict, verdict.replicates_needed, verdict.p) == ("needs more", 1, 0.0625)
    assert verdict.sentence == (
        "a and b: 5 replicates cannot show that one is better, whatever they score, since they reach no "
        "smaller p than .062."
    )


def test_ten_pairs_of_five_architectures_say_better_where_eight_cannot():
    groups = [0.9 - 0.05 * i + NOISE[i] for i in range(5)]
    assert {v.verdict for v in judge(*(g[:8] for g in groups))} == {"needs more"}
    assert {v.replicates_needed for v in judge(*(g[:8] for g in groups))} == {1}
    assert {v.verdict for v in judge(*(g[:10] for g in groups))} == {"better"}


@pytest.mark.parametrize(("count", "words"), [(0, "without a replicate"), (1, "from one seed")])
def test_no_or_one_replicate_allows_no_claim_and_says_how_many_can(count, words):
    (verdict,) = judge([0.9] * count, [0.5] * count)
    assert (verdict.verdict, verdict.difference, verdict.low, verdict.p) == ("needs more", None, None, None)
    assert verdict.replicates_needed == 6 - count
    assert verdict.sentence == f"a and b: no claim is possible {words}."


def test_close_scores_with_little_spread_are_equivalent():
    (verdict,) = judge(0.7 + 0.1 * NOISE[0, :10], 0.7 + 0.1 * NOISE[1, :10])
    assert (verdict.verdict, verdict.replicates_needed) == ("equivalent", 0)
    assert "less than 0.20 points apart" in verdict.sentence


def test_without_a_margin_nothing_is_equivalent():
    (verdict,) = judge(0.7 + 0.1 * NOISE[0, :10], 0.7 + 0.1 * NOISE[1, :10], margin=0.0)
    assert verdict.verdict != "equivalent"


def test_a_real_difference_below_the_margin_is_equivalent():
    (verdict,) = judge(0.701 + 0.02 * NOISE[0, :10], 0.7 + 0.02 * NOISE[1, :10])
    assert verdict.p < 0.05
    assert verdict.verdict == "equivalent"


def test_a_middling_difference_needs_an_affordable_number_more():
    (verdict,) = judge(0.703 + NOISE[0, :8], 0.7 + NOISE[1, :8], plan=ReplicatePlan((8, 30)))
    assert verdict.verdict == "needs more"
    assert 1 <= verdict.replicates_needed <= 22
    assert f"{verdict.replicates_needed} more" not in verdict.sentence  # one command names the number


def test_a_difference_lost_in_the_spread_is_not_separable():
    (verdict,) = judge(0.7 + NOISE[0, :10], 0.7 + NOISE[1, :10])
    assert verdict.verdict == "not separable"
    assert verdict.replicates_needed > 20
    assert "a and b are not separable" in verdict.sentence


def test_a_p_that_contradicts_the_interval_beside_it_is_said_to_be_corrected():
    groups = [0.7 + step + NOISE[i, :10] for i, step in enumerate((0.0, 0.0045, 0.0, 0.0, 0.0))]
    words = "after correction for all comparisons"
    verdicts = judge(*groups)
    contradicting = [v for v in verdicts if v.low * v.high > 0 and v.p > 0.05]
    assert contradicting
    assert all(words in v.sentence for v in contradicting)
    before = "comparisons; the interval is of this pair, before that correction"
    assert all(before in v.sentence for v in contradicting)
    assert all(words not in v.sentence for v in verdicts if v not in contradicting)


def test_pairs_are_of_the_same_seed():
    shared = 0.05 * np.random.default_rng(0).normal(size=12)
    (verdict,) = judge(0.71 + shared + 0.1 * NOISE[0, :12], 0.70 + shared + 0.1 * NOISE[1, :12])
    assert verdict.verdict == "better"
    assert verdict.high - verdict.low < 0.002


def test_seeds_that_only_one_has_are_left_out():
    (verdict,) = judge(0.72 + NOISE[0, :12], 0.70 + NOISE[1, :9])
    assert verdict.pairs == 9


def test_the_baseline_is_a_single_number_and_a_family_of_its_own():
    groups = [0.9 - 0.05 * i + NOISE[i, :10] for i in range(3)]
    verdicts = judge(*groups, linear=0.85)
    against = [v for v in verdicts if v.baseline]
    assert [(v.a, v.b) for v in against] == [("a", "linear"), ("b", "linear"), ("c", "linear")]
    assert [against[0].verdict, against[2].verdict] == ["better", "worse"]
    assert "10 replicates against one fit" in against[0].sentence
    assert against[0].p == pytest.approx(3 * 2 / 2**10)


def test_replicates_that_never_differ_are_equivalent_and_not_better():
    (verdict,) = judge([0.7] * 8, [0.7] * 8)
    assert (verdict.verdict, verdict.p) == ("equivalent", 1.0)


def test_pooled_predictions_give_mcnemars_test():
    standings = [make_standing(n, 0.7 + NOISE[i, :6]) for i, n in enumerate("ab")]
    seeds = [one.seed for one in standings[0].replicates]
    right = {"a": dict.fromkeys(seeds, np.ones(50, bool)), "b": dict.fromkeys(seeds, np.zeros(50, bool))}
    (verdict,) = make_verdicts(standings, margin=0.002, correct=right)
    assert (verdict.mcnemar.only_a, verdict.mcnemar.only_b) == (300, 0)
    assert verdict.mcnemar.p < 1e-6


@pytest.mark.parametrize(("low", "close"), [(-0.0001, True), (0.0, True), (0.0002, False)])
def test_a_winner_whose_interval_reaches_zero_is_called_close(low, close):
    verdict = Verdict("a", "b", 0.0111, low, 0.0223, 0.047, "better", 0, sentence="", pairs=8)
    said = say_verdict(verdict, margin=0.002, left=1)
    assert said.startswith("a is better than b by 1.11 points (95 % interval ")
    assert said.endswith("; a close call, as the interval reaches zero.") == close


@pytest.mark.parametrize(
    ("test_share", "rows_needed", "where_from"),
    [
        (0.1, 1200, " (data.test_share=0.3 in a new sweep)"),
        (0.1, 2100, " (more than this corpus has to spare)"),
        (0.125, 1201, " (data.test_share=0.38 in a new sweep)"),
        (0.0, 1200, " (a larger test file)"),
        (None, 1200, ""),
    ],
)
def test_where_more_test_rows_would_settle_it_the_sentence_says_where_they_come_from(
    test_share, rows_needed, where_from
):
    on_new_rows = NewRows(0.011, -0.002, 0.024, 0.09, replicates=8, rows=400, error=0.006, rows_error=0.005)
    verdict = Verdict(
        *("a", "b", 0.011, 0.006, 0.016, 0.008, f"better{HERE}", 0),
        sentence="",
        pairs=8,
        new_rows=on_new_rows,
        remedies=Remedies(rows=rows_needed),
    )
    said = say_verdict(verdict, margin=0.002, left=1, test_share=test_share)
    assert said.startswith("a is better than b by 1.10 points on these rows (")  # as its verdict is called
    about = f"{round(rows_needed, -2):,}"
    assert said.endswith(f", which takes about {about} test rows instead of 400{where_from}.")
    grouped = replace(verdict, new_rows=replace(on_new_rows, grouped=True))
    said = say_verdict(grouped, margin=0.002, left=1, test_share=test_share)
    assert f"about {about} groups of test rows instead of 400" in said
    apart = replace(verdict, new_rows=replace(on_new_rows, low=0.001, high=0.021), remedies=None)
    assert say_verdict(apart, margin=0.002, left=1, test_share=test_share).endswith(
        "; not shown for new rows like these: p = .090 after correction for all comparisons (before that"
        " correction, the interval of this pair is +0.10 to +2.10)."
    )
    many = replace(verdict, remedies=Remedies(rows=689_465))
    absurd = say_verdict(many, margin=0.002, left=1, test_share=test_share)
    assert absurd.endswith("(p = .090), which takes more than 100,000 test rows.")


@pytest.mark.parametrize(
    ("remedies", "said"),
    [
        (Remedies(), ""),
        (Remedies(replicates=14), ", which takes about 14 replicates of each instead of 8 in a new sweep"),
        (
            Remedies(rows=1200, replicates=14),
            ", which takes about 1,200 test rows instead of 400 or about 14 replicates of each instead of 8"
            " in a new sweep",
        ),
        (
            Remedies(rows=689_465, replicates=14),
            ", which takes about 14 replicates of each instead of 8 in a new sweep",
        ),
        (Remedies(rows=1200, rows_of_most=900), ", which takes about 1,200 test rows instead of 400"),
        (
            Remedies(rows=90_000, rows_of_most=1200),
            ", which takes about 1,200 test rows instead of 400 and 30 replicates of each instead of 8",
        ),
    ],
)
def test_more_replicates_are_named_where_they_are_a_remedy_too(remedies, said):
    on_new_rows = NewRows(0.011, -0.002, 0.024, 0.09, replicates=8, rows=400, error=0.006, rows_error=0.005)
    assert say_remedies(on_new_rows, remedies, None) == said


def test_looks_that_spent_the_5_percent_are_named_as_the_reason_and_a_new_sweep_as_the_way():
    differences = 0.0285 + 0.051 * (lambda d: (d - d.mean()) / d.std(ddof=1))(NOISE[0, :8])
    (verdict,) = judge(0.7 + differences, np.full(8, 0.7), plan=ReplicatePlan((8,)))
    assert verdict.verdict == "not separable"
    assert 40 < verdict.pairs + verdict.replicates_needed < 60  # with what is left of the 5 %
    assert verdict.in_new_sweep == replicates_to_separate(0.0285, 0.051)
    assert verdict.sentence.endswith(
        f"; it takes a new sweep of about {verdict.in_new_sweep} replicates of each to separate them. This"
        " sweep would need more: its looks have spent most of the 5 % of false claims that are allowed."
    )


def test_a_difference_that_takes_many_replicates_has_their_number_and_none_has_no_aim():
    far = replace(open_verdict(), in_new_sweep=1234)
    assert say_verdict(far, margin=0.002, left=1).endswith(
        "; it takes a new sweep of about 1,200 replicates of each to separate them."
    )
    on_new_rows = NewRows(0.011, -0.002, 0.024, 0.65, replicates=8, rows=400, error=0.006, rows_error=0.005)
    doubtful = replace(far, new_rows=on_new_rows)
    assert say_verdict(doubtful, margin=0.002, left=1).endswith(
        "; it takes a new sweep of about 1,200 replicates of each to separate them on these test rows."
    )
    never = replace(open_verdict(), in_new_sweep=None)
    assert say_verdict(never, margin=0.002, left=1).endswith(
        "; even many more replicates are not likely to separate them."
    )
    near = replace(open_verdict(), difference=0.001, in_new_sweep=None)
    assert say_verdict(near, margin=0.002, left=1).endswith(
        "; even many more replicates are not likely to show them equivalent (less than 0.20 points apart)."
    )


def open_verdict() -> Verdict:
    return Verdict(
        *("a", "b", 0.011, -0.006, 0.028, 0.18, "not separable", None), sentence="", pairs=8, spread=0.02
    )


def test_a_p_that_no_scores_can_make_smaller_is_said_to_be_the_smallest():
    groups = [0.9 - 0.1 * i + NOISE[i, :8] for i in range(4)]
    verdicts = judge(*groups)
    assert {v.verdict for v in verdicts} == {"better"}
    assert all("p = .047, the smallest that 8 replicates can give)" in v.sentence for v in verdicts)
    (larger,) = judge(0.705 + NOISE[0, :8], 0.70 + NOISE[1, :8])
    assert "smallest" not in larger.sentence
    (tiny,) = judge(0.9 + NOISE[0, :15], 0.5 + NOISE[1, :15])
    assert "15 paired replicates, p < .001)" in tiny.sentence


def test_where_no_score_could_show_a_difference_the_answer_says_so_and_not_that_two_are_not_separated():
    standings = [
        make_standing(name, level + NOISE[0, :6]) for name, level in zip("abc", (0.8, 0.7, 0.5), strict=True)
    ]
    standings.append(make_standing("linear", [0.6], baseline=True))
    said = say_answer(standings, make_verdicts(standings, margin=0.002))
    assert said == (
        f"a has the highest mean test accuracy ({standings[0].test.mean:.4f}). 6 replicates of each cannot"
        " separate any two, whatever the scores. 6 replicates cannot show a difference from the linear"
        " baseline (one fit), whatever the scores."
    )


def test_a_p_against_the_baseline_that_skewness_makes_large_says_so():
    """It was put down to the number of comparisons, where there was one."""
    apart = [-0.24, -0.19, 0.16, -0.25, -0.24, -0.21, -0.18, -0.2]
    frame = pd.DataFrame(
        [("gru", seed, 0.6 + own) for seed, own in enumerate(apart)] + [("linear", s, 0.6) for s in range(8)],
        columns=["architecture", "seed", "score"],
    )
    (verdict,) = compare_foreign(frame, baseline="linear").verdicts
    assert verdict.high < 0
    assert verdict.p == pytest.approx(0.39, abs=0.02)
    assert "after correction for skewness and all comparisons" in verdict.sentence
