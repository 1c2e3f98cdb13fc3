"""What a comparison says of replicates that it leaves out."""

import json

import numpy as np
import pandas as pd
import pytest
from sweep_records import make_runs

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.data.large_groups import large_groups
from rnnsweep.tasks import score_named


def two():
    return make_runs({"gru": 0.7, "lstm": 0.69}, linear=None)


def replicates(runs, name):
    return runs.index[(runs["role"] == "replicate") & (runs["architecture"] == name)]


def said(runs):
    return [r for r in compare_records(runs, sweep="demo").health if "left out" in r.sentence]


def with_pieces(runs, places):
    runs.loc[places, "overrides"] = [
        json.dumps([*json.loads(own), "trainer.accumulate=2"]) for own in runs.loc[places, "overrides"]
    ]
    return runs


def test_nothing_is_said_where_no_replicate_is_left_out():
    assert said(two()) == []


@pytest.mark.parametrize("shrunk", [slice(0, 3), slice(0, 10)])
def test_replicates_that_lacked_memory_and_cut_their_batches_are_compared_with_the_others(shrunk):
    whole, runs = two(), two()
    runs = with_pieces(runs, replicates(runs, "gru")[shrunk])
    assert said(runs) == []
    assert compare_records(runs).verdicts == compare_records(whole).verdicts
    own, other = (compare_records(each).standings[0].configuration for each in (runs, whole))
    assert own == other


def test_replicates_that_diverged_are_counted_and_the_answer_says_whom_the_verdicts_leave_out():
    runs = two()
    lost = replicates(runs, "lstm")[:3]
    runs.loc[lost, ["state", "reason", "test"]] = ["failed", "diverged: the loss is NaN", None]
    (remark,) = said(runs)
    assert remark.sentence == (
        "Replicates left out: 3 of lstm (3 diverged). Verdicts speak of trainings that do not diverge: where "
        "it is bad scores that are lost, the rest look better than the architecture is."
    )
    assert remark.next == ""
    (verdict,) = compare_records(runs).verdicts
    assert verdict.pairs == 7


def test_replicates_that_failed_for_another_reason_name_the_command_that_tries_them_again():
    runs = two()
    lost = replicates(runs, "gru")[2:4]
    runs.loc[lost, ["state", "reason", "test"]] = ["failed", "crash: exit status 1", None]
    (remark,) = said(runs)
    assert (remark.sentence, remark.next) == (
        "Replicates left out: 2 of gru (2 failed).",
        "rnnsweep retry demo",
    )


def test_a_replicate_that_was_tried_again_and_ended_well_is_not_left_out():
    runs = two()
    again = runs.loc[replicates(runs, "gru")[:1]].assign(
        state="failed", reason="crash: exit status 1", test=None, run_id="first"
    )
    again["started"] -= pd.Timedelta(days=1)
    assert said(pd.concat([again, runs], ignore_index=True)) == []


def test_replicates_of_an_earlier_best_configuration_are_counted():
    runs = two()
    earlier = runs.loc[replicates(runs, "gru")[:4]].assign(
        overrides=[json.dumps(["model=gru", f"seed={n}"]) for n in range(4)], run_id=list("abcd"), trial=0
    )
    earlier["started"] -= pd.Timedelta(days=1)
    (remark,) = said(pd.concat([earlier, runs], ignore_index=True))
    assert remark.sentence == "Replicates left out: 4 of gru (4 of another configuration)."


def test_pairs_that_lack_a_seed_on_either_side_are_counted():
    runs = two()
    runs.loc[replicates(runs, "gru")[0], ["state", "reason", "test"]] = ["failed", "diverged", None]
    runs.loc[replicates(runs, "lstm")[1], ["state", "reason", "test"]] = ["failed", "diverged", None]
    first, second = said(runs)
    assert first.sentence.startswith("Replicates left out: 1 of gru (1 diverged); 1 of lstm (1 diverged).")
    assert second.sentence == (
        "Replicates are compared in pairs of one seed; those whose seed the other architecture lacks are "
        "left out. Pairs: gru and lstm 8."
    )


def predicted(runs):
    """Predictions of every replicate: gru is right on all rows, lstm on one in two."""
    targets_N = np.arange(400) % 2
    said_N = {"gru": targets_N, "lstm": np.zeros(400, dtype=targets_N.dtype)}
    replicates = runs[runs["role"] == "replicate"]
    return {
        run_id: Predictions(targets_N, said_N[name])
        for run_id, name in zip(replicates["run_id"], replicates["architecture"], strict=True)
    }


def test_a_pair_that_lacks_predictions_is_not_called_better_on_new_rows():
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=None)
    whole = predicted(runs)
    assert compare_records(runs, predictions=whole).verdicts[0].verdict == "better"
    lacking = {run_id: own for run_id, own in whole.items() if run_id != list(whole)[-1]}
    (verdict,) = compare_records(runs, predictions=lacking).verdicts
    assert verdict.verdict == "better on these rows"
    assert (
        "not known for new rows, as the test rows of these replicates, or their groups, are not all"
        in verdict.sentence
    )
    assert compare_records(runs).verdicts[0].verdict == "better", "of new rows nothing is said at all"


def first_rows(predictions, rows):
    return {
        run_id: Predictions(one.targets_N[:rows], one.predictions_N[:rows])
        for run_id, one in predictions.items()
    }


def test_of_too_few_test_rows_the_answer_says_no_more_than_that():
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=0.2)
    compared = compare_records(runs, predictions=first_rows(predicted(runs), 4))
    assert compared.answer.startswith(
        "No verdict on 4 test rows is worth reading: in 2 comparisons even a network that is right on each of"
        " them is not shown to be better for new rows than one that names the largest class alone. It takes"
        " 10 rows at least, and about "
    )
    assert compared.answer.endswith("to show 10 points.")
    assert compared.next is None, "more replicates are no more rows"
    enough = compare_records(runs, predictions=first_rows(predicted(runs), 10))
    assert enough.answer.startswith("gru is ahead")
    of_groups = compare_records(runs, predictions=first_rows(predicted(runs), 4), groups=[0, 0, 1, 1])
    assert "No verdict" not in of_groups.answer, "a group is a mean of rows, which may vary little"


def test_networks_below_the_share_of_the_largest_class_beat_nothing():
    runs = make_runs({"gru": 0.45, "lstm": 0.4}, linear=0.2)
    said = compare_records(runs, predictions=predicted(runs)).answer
    assert said.startswith("The search failed: the best of the networks scores 0.4495 on test")
    assert "always naming the largest class scores 0.5000 and the linear baseline scores 0.2000" in said
    assert "beat" not in said
    runs = make_runs({"gru": 0.95, "lstm": 0.4}, linear=0.2)
    said = compare_records(runs, predictions=predicted(runs)).answer
    assert "The linear baseline scores 0.2000, below the 0.5000 of always naming the largest class" in said
    assert "and so does lstm" in said
    assert "beat" not in said


def test_macro_f1_has_verdicts_on_new_rows_and_log_loss_is_better_on_these_rows_alone():
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=None)
    (of_f1,) = compare_records(
        runs, predictions=predicted(runs), score=score_named(score="macro_f1")
    ).verdicts
    assert of_f1.verdict == "better"
    assert of_f1.new_rows.estimate == pytest.approx(1 - 1 / 3)  # lstm names one of two classes always
    (of_loss,) = compare_records(
        runs, predictions=predicted(runs), score=score_named(score="log_loss")
    ).verdicts
    assert (of_loss.a, of_loss.verdict) == ("lstm", "better on these rows")  # its number is the lower one
    assert "not known for new rows, as log loss takes more of each row than the answer that is kept" in (
        of_loss.sentence
    )


def test_groups_of_test_rows_that_are_very_uneven_are_said_to_count_as_fewer():
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=None)
    compared = compare_records(runs, predictions=predicted(runs), groups=np.r_[np.zeros(240), np.arange(160)])
    assert "400 test rows in 160 groups, which count like 3 groups of equal size" in compared.conclusion
    assert "The largest groups" not in compared.conclusion, "nothing says what they are called"
    groups = np.r_[np.zeros(240), np.arange(160)]
    large = large_groups(groups, lambda rows: [f"row {n}" for n in rows], "author")
    named = compare_records(runs, predictions=predicted(runs), groups=groups, large=large)
    assert named.conclusion.endswith(
        " The largest groups: 'row 0' 241 rows; one row of each group, fewer rows of the largest, or a column"
        " of more values than 'author' makes the rows count like more groups."
    )
    even = compare_records(runs, predictions=predicted(runs), groups=np.arange(400) // 4)
    assert "400 test rows in 100 groups; not of" in even.conclusion


def test_the_conclusion_says_which_rows_equivalent_speaks_of_and_which_training_rows():
    runs = make_runs({"gru": 0.7, "lstm": 0.7}, linear=None, spread=0.0002)
    compared = compare_records(runs, predictions=predicted(runs), margin=0.01)
    assert compared.verdicts[0].verdict == "equivalent"
    assert "for practical purposes equal to" in compared.answer
    assert " on these rows." in compared.answer
    assert "not of training rows drawn anew, of other corpora, of larger searches" in compared.conclusion
    assert "Equivalent speaks of these rows alone." in compared.conclusion


def test_the_conclusion_says_that_another_search_of_the_same_size_is_not_covered():
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=None)
    said = "of another search, even of the same size: the configurations are one search's choice."
    assert f"nor {said}" in compare_records(runs, predictions=predicted(runs)).conclusion
    unknown = compare_records(runs).conclusion
    assert f"what holds on new rows is not known. They do not speak {said}" in unknown


@pytest.mark.parametrize("linear", [None, 0.6])
def test_the_conclusion_says_that_comparisons_with_the_baseline_have_5_percent_of_their_own(linear):
    runs = make_runs({"gru": 0.95, "lstm": 0.5}, linear=linear)
    compared = compare_records(runs, predictions=predicted(runs))
    assert ("and to 5 % more against the baseline" in compared.conclusion) == (linear is not None)
