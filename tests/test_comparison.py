"""A comparison of records: standings, answer, health, and the JSON that others read."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sweep_records import make_curves, make_runs

from rnnsweep.comparison import ReplicatePlan, Stop, compare_records
from rnnsweep.comparison.evidence.records import HERE
from rnnsweep.comparison.health.recurrence import without_recurrence
from rnnsweep.comparison.predictions import TestPart
from rnnsweep.comparison.verdicts.advice import next_step
from rnnsweep.comparison.verdicts.answers import say_answer
from rnnsweep.errors import UserError

FIELDS = ["a", "b", "difference", "low", "high", "p", "verdict", "replicates_needed"]


@pytest.fixture(scope="module")
def comparison():
    runs = make_runs()
    return compare_records(runs, make_curves(runs), sweep="demo")


def test_standings_are_in_the_order_of_the_test_means_with_the_baseline_among_them(comparison):
    assert [s.architecture for s in comparison.standings] == ["bilstm", "lstm", "gru", "linear", "rnn"]
    assert [s.baseline for s in comparison.standings] == [False, False, False, True, False]


def test_counts_add_up_to_the_trials_asked_for(comparison):
    assert {sum(s.trials.values()) for s in comparison.standings if not s.baseline} == {20}
    assert sum(comparison.linear.trials.values()) == 0


def test_validation_is_the_best_of_the_complete_trials(comparison):
    runs = comparison.runs
    own = runs[(runs.role == "trial") & (runs.state == "complete")].groupby("architecture").validation.max()
    assert {s.architecture: s.validation for s in comparison.standings if not s.baseline} == own.to_dict()


def test_the_mean_and_its_interval_are_of_the_replicates(comparison):
    first = comparison.standings[0]
    assert first.test.mean == pytest.approx(np.mean([r.test for r in first.replicates]))
    assert first.test.low < first.test.mean < first.test.high
    assert (first.test.replicates, comparison.linear.test.low) == (10, None)


def test_the_json_is_the_contract(comparison):
    value = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert value["sweep"] == "demo"
    first = value["standings"][0]
    assert list(first)[:5] == ["architecture", "trials", "validation", "test", "parameters"]
    assert list(first["trials"]) == ["complete", "pruned", "failed"]
    assert list(first["test"]) == ["mean", "low", "high", "replicates"]
    assert [list(v)[:8] for v in value["verdicts"]] == [FIELDS] * 10
    assert value["report"] is None


def test_a_prompt_and_a_notebook_show_the_answer_and_the_standings_in_a_few_lines(comparison):
    shown = repr(comparison)
    assert shown.startswith("bilstm has the highest mean test accuracy")
    assert len(shown.splitlines()) == 1 + len(comparison.standings) < 40
    assert ", 10 replicates)" in shown
    assert "(no interval, 1 replicate)" in shown  # the linear baseline
    first = comparison.verdicts[0]
    assert repr(first) == f"<{first.a} : {first.b}, {first.verdict}> {first.sentence}"
    assert "0x" not in repr(comparison.standings[0])  # addresses of functions
    page = comparison._repr_html_()
    assert "<table" in page
    assert page.count("<li>") == 10
    assert "bilstm" in page


def test_a_prompt_says_of_an_architecture_without_an_interval_that_it_has_none():
    few = {number: repr(compare_records(make_runs(replicates=number), sweep="demo")) for number in (0, 1)}
    assert "(no interval, 0 replicates)" in few[0]
    assert "(no interval, 1 replicate)" in few[1]


def test_missing_numbers_are_null():
    runs = make_runs(replicates=0, linear=None).assign(parameters=np.nan)
    value = compare_records(runs, sweep="demo").to_json()
    assert value["standings"][0]["parameters"] is None
    assert value["standings"][0]["test"] == {"mean": None, "low": None, "high": None, "replicates": 0}
    json.dumps(value, allow_nan=False)


def test_the_frame_has_one_row_an_architecture(comparison):
    assert list(comparison.frame()["architecture"]) == [s.architecture for s in comparison.standings]


def test_the_answer_names_the_leader_whom_it_beats_and_what_of_the_baseline(comparison):
    assert comparison.answer == (
        "bilstm has the highest mean test accuracy (0.7115), and is better than lstm and rnn, and not"
        " separated from gru. Against the linear baseline (one fit): bilstm, lstm and gru beat it; rnn falls"
        " below it."
    )
    assert comparison.next is None  # the 5 % of ten planned replicates are spent


def test_an_answer_with_a_winner_names_it():
    answer = compare_records(make_runs({"gru": 0.71, "lstm": 0.68}, linear=0.6)).answer
    assert answer.startswith("gru is ahead in mean test accuracy (0.7095)")
    assert answer.endswith(": better than lstm. Every architecture beats the linear baseline (one fit).")


def test_an_architecture_that_equals_the_baseline_for_practical_purposes_is_said_to(comparison):
    (against,) = [v for v in comparison.verdicts if v.baseline][:1]
    equal = replace(against, a="gru", verdict="equivalent", single=False)
    answer = say_answer(comparison.standings, [v for v in comparison.verdicts if not v.baseline] + [equal])
    none = (
        "None is shown to be better than the linear baseline: gru equals it for practical purposes on these"
    )
    assert answer.endswith(f"{none} rows.")


def test_a_leader_below_the_baseline_is_said_to_have_the_best_mean_of_the_others_alone():
    below = make_runs({"gru": 0.71, "lstm": 0.68}, linear=0.8)
    assert compare_records(below).answer.startswith(
        "Apart from the baseline, gru is ahead in mean test accuracy (0.7"
    )
    none = "None is shown to be better than the linear baseline (one fit): gru and lstm fall below it."
    assert compare_records(below).answer.endswith(none)
    equal = make_runs({"gru": 0.71, "lstm": 0.71}, linear=0.8)
    assert compare_records(equal).answer.startswith("The data name no winner: apart from the baseline, ")


def test_an_answer_without_a_winner_says_so():
    runs = make_runs({"gru": 0.7, "lstm": 0.7}, linear=None)
    assert compare_records(runs).answer.startswith("The data name no winner: ")


@pytest.mark.parametrize(
    ("state", "following"), [("failed", "retry demo"), ("pruned", "sweep demo --trials 6")]
)
def test_a_sweep_without_a_complete_trial_compares_nothing_and_names_what_comes_next(state, following):
    runs = make_runs({"gru": 0.7, "lstm": 0.7}, trials=3, replicates=0, linear=None)
    found = compare_records(runs.assign(state=state, validation=None), sweep="demo")
    nothing = f"No trial completed (6 {state}), so there is nothing to compare. Next: rnnsweep {following}"
    assert found.answer == nothing


def test_a_sweep_whose_trials_all_diverged_is_not_sent_to_retry_which_leaves_them_alone():
    runs = make_runs({"gru": 0.7, "lstm": 0.7}, trials=3, replicates=0, linear=None)
    lost = runs.assign(state="failed", reason="diverged: the loss is nan after 12 steps", validation=None)
    assert compare_records(lost, sweep="demo").next is None
    lost.loc[lost["architecture"].eq("gru"), "reason"] = "crashed"
    assert compare_records(lost, sweep="demo").next == "rnnsweep retry demo"


@pytest.mark.parametrize("replicates", [0, 1])
def test_single_seeds_are_never_ranked(replicates):
    found = compare_records(make_runs(replicates=replicates), sweep="demo")
    assert found.answer.startswith("No claim is possible yet")
    assert found.answer.endswith("Next: rnnsweep replicate demo --n 8")
    assert {v.verdict for v in found.verdicts} == {"needs more"}
    assert all(s.test.low is None for s in found.standings)


def test_one_seed_stands_behind_those_with_replicates_however_well_it_scores():
    runs = make_runs({"gru": 0.7, "lstm": 0.6}, linear=None)
    lucky = (runs["architecture"] == "lstm") & (runs["role"] == "replicate") & (runs["seed"] > 1000)
    runs.loc[runs["architecture"] == "lstm", "test"] = 0.99
    assert [s.architecture for s in compare_records(runs[~lucky]).standings] == ["gru", "lstm"]


def test_a_trial_tried_again_counts_once():
    runs = make_runs({"gru": 0.7}, replicates=0, linear=None)
    again = runs[runs.state == "failed"].head(1).assign(run_id="again", state="complete", validation=0.9)
    both = pd.concat([runs, again]) if len(again) else runs
    (standing,) = compare_records(both).standings
    assert sum(standing.trials.values()) == 20


def test_replicates_of_an_earlier_winner_are_not_pooled_with_those_of_the_present_one():
    runs = make_runs({"gru": 0.7, "lstm": 0.6}, linear=None)
    old = runs[(runs.role == "replicate") & (runs.architecture == "gru")].head(4)
    old = old.assign(overrides='["model=gru", "optimizer.lr=0.5", "seed=1000"]', test=0.1)
    gru = next(s for s in compare_records(pd.concat([old, runs])).standings if s.architecture == "gru")
    assert gru.test.replicates == 10
    assert gru.test.mean > 0.69


def test_overrides_may_be_lists():
    runs = make_runs()
    found = compare_records(runs.assign(overrides=runs["overrides"].map(json.loads)))
    assert found.standings[0].test.replicates == 10
    assert found.standings[0].overrides[0] == "model=bilstm"


def test_runs_without_a_score_change_nothing():
    runs = make_runs()
    extra = pd.DataFrame(
        [
            {"run_id": "p", "role": "sweep", "state": "running"},
            {"run_id": "q", "role": "trial", "architecture": "gru", "trial": 20, "state": "running"},
            {"run_id": "r", "role": "replicate", "architecture": "gru", "seed": 9, "state": "failed"},
        ]
    )
    found = compare_records(pd.concat([runs, extra]))
    assert [s.trials for s in found.standings] == [s.trials for s in compare_records(runs).standings]


def test_no_runs_are_refused():
    with pytest.raises(UserError, match="sweep 'demo' has no runs yet; start it with: rnnsweep sweep demo"):
        compare_records(make_runs().head(0), sweep="demo")


@pytest.mark.parametrize("margin", [-0.1, 1.0, 2])
def test_a_margin_out_of_range_is_refused(margin):
    with pytest.raises(UserError, match=r"margin=.*: must be at least 0 and below 1"):
        compare_records(make_runs(), margin=margin)


def test_given_importances_are_kept():
    given = {"gru": {"optimizer.lr": 1.0}}
    assert compare_records(make_runs(), importances=given).importances == given


def test_importing_the_statistics_alone_stays_light():
    import subprocess
    import sys

    code = "import sys, rnnsweep.comparison as c; print({'pandas', 'scipy', 'jinja2'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


def shown(comparison, width=80):
    """The comparison as the terminal and the report show it, in one line each."""
    import io

    from rich.console import Console

    from rnnsweep.comparison import print_comparison
    from rnnsweep.comparison.report.page import render_report

    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_comparison(comparison, console)
    return " ".join(console.file.getvalue().split()), render_report(comparison)


def test_terminal_report_and_json_say_who_was_stopped_by_the_race_when_and_why():
    stop = Stop("rnn", 13, "worse than bilstm")
    found = compare_records(make_runs(), sweep="demo", stopped=[stop])
    assert found.to_json()["stopped"] == [
        {"architecture": "rnn", "replicates": 13, "why": "worse than bilstm"}
    ]
    for text in shown(found):
        assert "rnn got no further replicates after 13: worse than bilstm." in text


def test_terminal_report_and_json_name_the_same_next_command_once():
    found = compare_records(make_runs(replicates=5), sweep="demo")
    command = found.to_json()["next"]
    assert command == found.next
    aim = "to show whether bilstm differs from gru, lstm, rnn and linear"
    assert found.answer.endswith(f" Next, {aim}: {command}")
    terminal, report = shown(found)
    assert terminal.count(f"Next, {aim}: {command}") == 1
    assert f"Next, {aim}: {command}" in report
    assert terminal.count("replicate demo") == 1
    visible = report.partition("<script")[0]
    assert set(re.findall(r"rnnsweep replicate demo --n \d+", visible)) == {command}


def test_advice_names_the_pairs_that_it_settles_and_none_where_there_is_no_claim_yet():
    def aim_of(**given):
        return compare_records(make_runs(**given), sweep="demo").aim

    two = {"gru": 0.71, "lstm": 0.70}
    assert aim_of(levels=two, replicates=5, linear=None) == "to show whether gru and lstm differ"
    assert aim_of(levels={"gru": 0.71}, replicates=4) == "to show whether gru and linear differ"
    assert aim_of(levels=two, replicates=1) == aim_of(levels=two, replicates=0) == ""
    assert aim_of(levels={"gru": 0.8, "lstm": 0.6}, replicates=10, linear=None) == ""


def test_commands_that_train_name_the_machine_where_the_trials_ran():
    found = compare_records(make_runs(replicates=5), sweep="demo", on="lab")
    assert re.fullmatch(r"rnnsweep replicate demo --on lab --n \d+", found.next)
    runs = make_runs()
    few = compare_records(
        runs[~((runs["architecture"] == "rnn") & (runs["role"] == "trial"))], sweep="demo", on="lab"
    )
    remedies = [remark.next for remark in few.health if "rnnsweep sweep" in remark.next]
    assert remedies
    assert all("rnnsweep sweep demo --on lab" in remedy for remedy in remedies)


def test_runs_that_the_store_lacks_are_said_and_asked_for_again():
    found = compare_records(make_runs(), sweep="demo", behind=2, plan=ReplicatePlan((10,), finished=False))
    assert found.answer.startswith("The store lacks 2 runs of this sweep, so this is not its whole answer. ")
    assert found.next == "rnnsweep compare demo"


def test_a_search_that_reached_nothing_is_said_to_have_failed_and_nobody_is_introduced_as_better():
    runs = make_runs({"gru": 0.27, "lstm": 0.26}, linear=0.94, replicates=2)
    found = compare_records(runs, sweep="demo")
    assert found.answer.startswith("The search failed: the best of the networks scores 0.2696 on test")
    assert "baseline scores 0.9400" in found.answer
    assert "highest mean" not in found.answer
    assert found.next == "rnnsweep sweep demo --trials 40"
    bare = compare_records(make_runs({"gru": 0.27}, linear=0.94, replicates=0), sweep="demo")
    assert "on validation, where the linear baseline scores 0.9400" in bare.answer


def test_test_rows_that_differ_from_those_that_train_are_blamed_and_not_the_search():
    """Networks and baseline score .8 on validation, and as naming the largest class on test."""
    runs = make_runs({"gru": 0.12, "lstm": 0.11}, linear=0.5, replicates=4)
    runs.loc[runs["role"] == "trial", "validation"] += 0.6
    runs.loc[runs["role"] == "baseline", "validation"] = 0.8
    found = compare_records(runs, sweep="demo")
    assert found.answer.startswith(
        "What networks and baseline learn does not hold for the test rows: gru scores"
    )
    assert "the linear baseline 0.8000 and 0.5000." in found.answer
    assert "few groups or repeated texts" in found.answer
    assert (found.next, found.aim) == ("rnnsweep data demo", "to see how the rows of the parts differ")
    runs.loc[runs["role"] == "baseline", "validation"] = 0.55
    assert compare_records(runs, sweep="demo").answer.startswith("The search failed: ")


def test_validation_that_names_another_architecture_than_the_test_replicates_is_said():
    runs = make_runs({"gru": 0.7, "lstm": 0.69}, linear=None)
    lucky = (runs["role"] == "trial") & (runs["architecture"] == "lstm") & (runs["state"] == "complete")
    runs.loc[runs[lucky]["validation"].idxmax(), "validation"] = 0.95
    (remark,) = (r for r in compare_records(runs).health if "best validation score is that of" in r.sentence)
    assert remark.sentence.startswith("The search's best validation score is that of lstm (0.9500; gru 0.")
    assert "the test replicates put gru ahead" in remark.sentence


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ({"bag": 0.72, "gru": 0.7}, "leads: these runs do not show that a recurrent network is needed."),
        ({"bag": 0.7, "gru": 0.7}, "these runs do not show that a recurrent network is needed."),
        ({"bag": 0.6, "gru": 0.7}, None),
        ({"lstm": 0.7, "gru": 0.7}, None),
        ({"mine": 0.7, "gru": 0.7}, None),
    ],
)
def test_a_network_without_recurrence_that_no_other_one_beats_is_said_to_have_none(levels, words):
    runs = make_runs(levels)
    known = {"bag": "bag", "gru": "gru", "lstm": "lstm", "mine": "a cell that is gone"}
    remarks = [
        r.sentence
        for r in compare_records(runs.assign(**{"model.cell": runs["architecture"].map(known)})).health
        if "no recurrence" in r.sentence
    ]
    assert len(remarks) == (words is not None)
    assert words is None or remarks[0].startswith("bag has no recurrence")
    assert words is None or remarks[0].endswith(words)
    assert not any("no recurrence" in r.sentence for r in compare_records(runs).health), "no cell is recorded"


def test_a_network_without_recurrence_that_is_worse_on_these_rows_is_not_shown_worse_on_new_rows():
    runs = make_runs({"gru": 0.7, "bag": 0.7}, linear=None)
    runs = runs.assign(**{"model.cell": runs["architecture"]})
    found = compare_records(runs)
    order = {"gru": f"better{HERE}", "bag": f"worse{HERE}"}
    said = [replace(one, verdict=order[one.a]) for one in found.verdicts]
    standings = sorted(found.standings, key=lambda one: one.architecture != "gru")
    (remark,) = without_recurrence(runs, standings, said)
    assert "order of words, and is not shown to be worse than gru on new rows: " in remark.sentence


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (
            {"bag": 0.8, "gru": 0.72, "lstm": 0.66, "rnn": 0.5},
            "Of the recurrent networks, gru is ahead: better than lstm and rnn.",
        ),
        (
            {"bag": 0.8, "gru": 0.7, "lstm": 0.7, "rnn": 0.5},
            " has the highest mean, and is better than rnn, and not separated from ",
        ),
        ({"bag": 0.8, "gru": 0.7}, None),
        ({"gru": 0.8, "lstm": 0.7, "bag": 0.6}, None),
    ],
)
def test_the_answer_says_which_recurrent_network_is_ahead_where_one_without_recurrence_leads(levels, said):
    runs = make_runs(levels)
    answer = compare_records(runs.assign(**{"model.cell": runs["architecture"]})).answer
    assert said in answer if said else "Of the recurrent networks" not in answer
    assert "Of the recurrent networks" not in compare_records(runs).answer, "no cell is recorded"


@pytest.mark.parametrize(
    ("replicates", "said"),
    [
        (
            10,
            " share the highest mean test accuracy (0.{}); {} is better than rnn, and for",
        ),
        (3, " share the highest mean test accuracy (0.{}). 3 replicates of each cannot separate"),
    ],
)
def test_of_exactly_equal_scores_none_leads(replicates, said):
    runs = make_runs({"gru": 0.7, "bag": 0.7, "rnn": 0.65}, replicates=replicates, linear=None)
    one, other = (runs[runs["architecture"].eq(name)] for name in ("gru", "bag"))
    runs.loc[other.index, ["test", "validation"]] = one[["test", "validation"]].to_numpy()
    found = compare_records(runs.assign(**{"model.cell": runs["architecture"]}))
    first, second = (s.architecture for s in found.standings[:2])
    assert {first, second} == {"bag", "gru"}
    said = said.format(f"{found.standings[0].test.mean:.4f}"[2:], first, second)
    assert found.answer.startswith(f"{first} and {second}{said}")
    said_of_bag = [r.sentence for r in found.health if "no recurrence" in r.sentence]
    assert said_of_bag
    assert all("is not shown to be worse than gru" in one for one in said_of_bag)
    assert not any("test replicates put" in r.sentence for r in found.health)


def test_a_search_that_continued_after_test_scores_were_compared_is_said_of_whom_it_changed():
    runs = make_runs({"gru": 0.7, "lstm": 0.69}, linear=None)
    standings = compare_records(runs).standings
    then = {one.architecture: one.configuration for one in standings} | {"gru": "another one"}
    looked = {one.architecture: one.test.replicates for one in standings}
    plan = ReplicatePlan((10,), (looked,), configurations=(then,))
    (remark,) = (r for r in compare_records(runs, plan=plan).health if "continued" in r.sentence)
    assert remark.sentence.startswith(
        "The search continued after test scores had been compared, and gru got another best configuration:"
    )
    same = replace(plan, configurations=({one.architecture: one.configuration for one in standings},))
    assert not any("continued" in r.sentence for r in compare_records(runs, plan=same).health)


@pytest.mark.parametrize(("refit", "command"), [(True, "rnnsweep replicate demo --n 10"), (False, None)])
def test_a_baseline_of_one_fit_where_the_split_varies_is_to_be_fitted_on_the_networks_splits(refit, command):
    found = compare_records(make_runs({"gru": 0.9}), sweep="demo")
    assert any(v.single for v in found.verdicts)
    assert "The baseline is one fit" in found.conclusion
    given = next_step("demo", found.standings, found.verdicts, plan=ReplicatePlan(), refit=refit)
    assert given.command == command
    assert given.aim == ("to fit the baseline on the replicates' splits" if refit else "")


def test_a_baseline_that_cannot_be_fitted_is_said_and_is_no_network():
    runs = make_runs({"gru": 0.71, "lstm": 0.68}, linear=0.6)
    fit = runs["role"] == "baseline"
    runs.loc[fit, ["state", "reason"]] = ["failed", "no text of the training part has a token"]
    runs.loc[fit, ["validation", "test"]] = np.nan
    found = compare_records(runs)
    (linear,) = [s for s in found.standings if s.baseline]
    assert linear.note == "the baseline has no score: no text of the training part has a token"
    assert not [v for v in found.verdicts if "linear" in (v.a, v.b)]
    assert "The baseline has no score: no text of the training part has a token" in found.answer
    assert found.to_json()["standings"][-1]["note"] == linear.note


def test_what_the_baseline_did_otherwise_stands_beside_its_score():
    runs = make_runs({"gru": 0.71, "lstm": 0.68}, linear=0.6)
    runs["note"] = np.where(runs["role"] == "baseline", "no token is in two texts", None)
    found = compare_records(runs, data=["Data: 40 train rows"])
    assert {s.architecture: s.note for s in found.standings} == {
        "gru": "",
        "lstm": "",
        "linear": "no token is in two texts",
    }
    for page in shown(found, width=100):
        assert "linear: no token is in two texts." in page
        assert "Data: 40 train rows" in page
    assert "Of the linear baseline: no token is in two texts." in found.answer


def test_the_score_of_the_most_frequent_class_stands_below_the_baselines():
    found = compare_records(make_runs({"gru": 0.71, "lstm": 0.68}, linear=0.6))
    assert "majority" not in shown(found)[0]  # no prediction was kept
    known = replace(found, test_part=TestPart(50, None, 2, 0.52, naming=0.52))
    for page in shown(known, width=100):
        assert re.search(r"majority\W.*0\.5200", page, re.DOTALL)
