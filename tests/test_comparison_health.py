"""Each remark on the health of a search appears when it should, and not when all is well."""

import io
import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sweep_records import make_curves, make_runs, make_standing

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.evidence.records import Replicate
from rnnsweep.comparison.health.checks import check_health, divergence_rate, never_predicted
from rnnsweep.comparison.health.convergence import converged, say_converged, search_further
from rnnsweep.comparison.health.validation import few_rows, say_luck
from rnnsweep.comparison.mistakes import find_mistakes
from rnnsweep.comparison.predictions import Predictions, ValidationPart
from rnnsweep.comparison.report.terminal import LINES, last_screen
from rnnsweep.comparison.verdicts.standings import make_standings
from rnnsweep.tasks import score_named

ONE = {"gru": 0.7}


def remarks(runs, **options):
    return [r.sentence for r in check_health(runs, make_standings(runs), sweep="demo", **options)]


def calm(**options):
    """A study without failures whose best trial comes early."""
    runs = make_runs(ONE, linear=None, **options)
    trials = runs["role"] == "trial"
    runs.loc[trials, "state"] = "complete"
    runs.loc[trials, "reason"] = None
    runs.loc[trials, "validation"] = 0.6
    runs.loc[trials & (runs["trial"] == 3), ["validation", "optimizer.lr"]] = [0.7, 0.01]
    return replicated(runs, 3)


def replicated(runs, number):
    """Let the replicates be those of one trial, as if it had been the best when they were trained."""
    runs = runs.copy()
    trial = runs[(runs["role"] == "trial") & (runs["trial"] == number)]
    own = json.loads(trial["overrides"].iloc[0])
    replicates = runs["role"] == "replicate"
    runs.loc[replicates, "trial"] = number
    runs.loc[replicates, "overrides"] = [
        json.dumps([*own, f"seed={int(seed)}"]) for seed in runs.loc[replicates, "seed"]
    ]
    return runs


def test_a_healthy_search_gets_no_remark():
    runs = calm()
    bounds = {"gru": {"optimizer.lr": (1e-4, 1e-1, True)}}
    assert remarks(runs, bounds=bounds, curves=make_curves(runs)) == []


def test_few_configurations_of_a_range_are_told_with_what_comes_next():
    runs = make_runs({"gru": 0.7, "lstm": 0.6}, trials=4, pruning=False, replicates=0)
    bounds = {name: {"optimizer.lr": (1e-9, 1e3, True)} for name in ("gru", "lstm")}
    standings = make_standings(runs)
    (found,) = (
        one for one in check_health(runs, standings, sweep="demo", bounds=bounds) if "Few" in one.sentence
    )
    assert found.sentence == (
        "Few configurations were tried (gru 4, lstm 4): the verdicts hold for the best of these, and a longer"
        " search may put another architecture ahead."
    )
    assert found.next == "rnnsweep sweep demo --trials 8"
    assert not any("Few configurations" in one for one in remarks(runs)), "nothing was searched"
    for trials in (9, 10):
        more = make_runs({"gru": 0.7, "lstm": 0.6}, trials=trials, pruning=False)
        is_said = any("Few configurations" in one for one in remarks(more, bounds=bounds))
        assert is_said == (trials < 10), "as many as the default sampler draws at random"


def test_a_best_point_at_the_border_is_told():
    (found,) = remarks(calm(), bounds={"gru": {"optimizer.lr": (1e-4, 1.01e-2, True)}})
    assert found.startswith("gru: the best optimizer.lr (0.01) is at the upper border (0.0101)")


def test_a_border_beyond_which_the_setting_allows_no_value_is_not_told():
    runs = calm()
    trials = runs["role"] == "trial"
    runs.loc[trials, "model.dropout"] = 0.3
    runs.loc[trials & (runs["trial"] == 3), "model.dropout"] = 0.0
    assert remarks(runs, bounds={"gru": {"model.dropout": (0.0, 0.5, False)}}) == []
    runs.loc[trials & (runs["trial"] == 3), "model.dropout"] = 0.5
    (found,) = remarks(runs, bounds={"gru": {"model.dropout": (0.0, 0.5, False)}})
    assert "the best model.dropout (0.5) is at the upper border" in found


def test_many_failures_are_told():
    runs = calm()
    runs.loc[(runs["role"] == "trial") & (runs["trial"] >= 15), "state"] = "failed"
    assert "gru: 5 of 20 trials failed, so less of its space was seen." in remarks(runs)


def test_a_study_without_a_complete_trial_is_told():
    runs = calm()
    runs = runs[runs["role"] == "trial"].assign(state="pruned")
    assert "gru: none of 20 trials completed, so it has no best configuration." in remarks(runs)


def test_an_architecture_whose_trials_all_failed_has_one_remark_on_it():
    runs = calm()
    runs = runs[runs["role"] == "trial"].assign(state="failed", validation=None)
    said = [one for one in remarks(runs) if "trials" in one]
    assert said == ["gru: none of 20 trials completed, so it has no best configuration."]


def test_a_search_that_still_improves_is_told():
    runs = calm()
    runs.loc[(runs["role"] == "trial") & (runs["trial"] == 19), "validation"] = 0.71
    said = "second half of its trials improved the best validation score by 1.00 points"
    assert any(said in r for r in remarks(runs))


def searched(*scores, replicates=0, spread=0.004):
    """A study whose complete trials have these validation scores, in this order."""
    runs = make_runs(ONE, linear=0.5, trials=len(scores), replicates=replicates, spread=spread)
    trials = runs["role"] == "trial"
    runs.loc[trials, ["state", "reason"]] = ["complete", None]
    runs.loc[trials, "validation"] = list(scores)
    return replicated(runs, int(np.argmax(scores)))


def end(runs, bounds=None, margin=0.002):
    """Whose search has converged, and the sentence on it."""
    standings = make_standings(runs)
    names = converged(runs, standings, bounds={"gru": bounds or {}}, margin=margin)
    return names, say_converged(names, standings)


def test_the_advice_to_search_longer_ends_where_twice_the_trials_brought_no_more_than_the_margin():
    rising = searched(*[0.6] * 9, 0.61)
    assert any("not converged" in r for r in remarks(rising))
    assert end(rising) == ([], "")
    longer = searched(*[0.6] * 9, *[0.61] * 10, 0.6115)
    assert remarks(longer) == []
    said = (
        "The search has converged: twice the trials are not expected to improve the best validation score by"
    )
    assert end(longer) == (["gru"], f"{said} more than the margin.")


def test_scores_that_rise_late_by_chance_alone_are_no_reason_to_search_longer():
    runs = searched(
        *[0.6] * 5, *[0.61] * 5
    )  # half of the trials are as good: in any other order they come early
    assert remarks(runs) == []
    assert end(runs)[0] == ["gru"]


@pytest.mark.parametrize(("trials", "most"), [(12, 0.4), (24, 0.2), (48, 0.1)])
def test_in_a_smooth_space_the_advice_to_double_the_trials_soon_ends(trials, most):
    rng = np.random.default_rng(0)
    advised = 0
    for _ in range(300):
        rate, width = rng.uniform(-4, -1, trials), rng.uniform(3, 7, trials)
        score = 0.7 - 0.04 * (rate + 2.3) ** 2 - 0.004 * (width - 6) ** 2 + rng.normal(0, 0.004, trials)
        runs = pd.DataFrame({"run_id": map(str, range(trials)), "trial": range(trials), "validation": score})
        seeds = tuple(Replicate(str(n), 0.7, validation=v) for n, v in enumerate(rng.normal(0.7, 0.004, 10)))
        one = replace(make_standing("gru", []), replicates=seeds)
        runs = runs.assign(state="complete", reason=None)
        advised += len(list(search_further(one, runs, {}, margin=0.002, again=lambda *words: "")))
    assert 0 < advised <= most * 300


def test_a_rise_that_replicates_of_one_configuration_differ_by_is_no_reason_to_search_longer():
    scores = (*[0.6] * 9, 0.61)
    few, many = searched(*scores), searched(*scores, replicates=10, spread=0.02)
    assert any("not converged" in r for r in remarks(few))
    assert not any("not converged" in r for r in remarks(many))
    assert end(many)[1].endswith("by more than the margin or the spread of replicates.")


def test_of_fewer_than_ten_trials_nothing_is_said_of_convergence():
    runs = searched(*[0.6] * 5, *[0.7] * 4)
    assert remarks(runs) == []
    assert end(runs) == ([], "")


def test_pruned_and_failed_trials_count_as_trials_that_found_nothing_better():
    runs = searched(*[0.6] * 2, *[0.7] * 6, *[0.9] * 8)
    runs.loc[(runs["role"] == "trial") & (runs["trial"] >= 8), "state"] = "pruned"
    assert end(runs)[0] == ["gru"]
    assert remarks(runs) == []


def test_a_border_where_trials_inside_the_space_are_as_good_is_not_told():
    runs = calm()
    bounds = {"optimizer.lr": (1e-4, 1.01e-2, True)}
    assert len(remarks(runs, bounds={"gru": bounds})) == 1
    assert end(runs, bounds)[0] == []
    inside = (runs["role"] == "trial") & (runs["optimizer.lr"].between(5e-4, 5e-3))
    runs.loc[inside, "validation"] = 0.699
    assert remarks(runs, bounds={"gru": bounds}) == []
    assert end(runs, bounds)[0] == ["gru"]


def test_trials_of_which_most_were_pruned_are_told_until_five_are_complete():
    runs = searched(*[0.7] * 40)
    told = "were pruned, so the best was chosen among"
    for complete, said in ((4, True), (5, False)):
        last = (runs["role"] == "trial") & (runs["trial"] >= complete)
        assert any(told in r for r in remarks(runs.assign(state=runs["state"].mask(last, "pruned")))) == said


@pytest.mark.parametrize("trials", [8, 20])
def test_a_search_that_failed_and_has_converged_is_not_continued(trials):
    runs = make_runs({"gru": 0.3, "lstm": 0.3}, trials=trials, replicates=0, linear=0.9)
    runs.loc[runs["role"] == "trial", ["state", "reason", "validation"]] = ["complete", None, 0.3]
    found = compare_records(runs, sweep="demo")
    assert found.answer.startswith("The search failed: ")
    assert found.next == (None if trials == 20 else "rnnsweep sweep demo --trials 16")
    assert ("search longer" in found.answer) == (trials == 8)
    assert (found.search == found.to_json()["search"] == "") == (trials == 8)


def test_the_learning_rate_from_which_training_diverges_is_told():
    runs = calm()
    high = (runs["role"] == "trial") & (runs["trial"] != 3) & (runs["optimizer.lr"] > 0.03)
    runs.loc[high, ["state", "reason"]] = ["pruned", "diverged: Diverged: the loss is nan"]
    lowest = runs.loc[high, "optimizer.lr"].min()
    said = f"gru: from a learning rate of {lowest:.2g} on, half of the trials diverge."
    assert said in remarks(runs)
    pruned = runs.assign(reason=runs["reason"].where(~high, "pruned: behind after 1 epochs"))
    assert not any("diverge" in r for r in remarks(pruned))


def test_one_bad_low_rate_is_no_limit():
    rates = np.array([0.001, 0.01, 0.02, 0.05, 0.1, 0.2])
    assert divergence_rate(rates, np.array([1, 0, 0, 0, 0, 1], bool)) is None
    assert divergence_rate(rates, np.array([1, 0, 0, 0, 1, 1], bool)) == 0.1


def test_a_gap_between_validation_and_test_is_told():
    runs = calm()
    runs.loc[runs["role"] == "replicate", "test"] = 0.6
    assert any("10.00 points better than the test mean" in r for r in remarks(runs))


CHOSE = "the search, which chose the trial by this score, with the luck of its one seed."
TRUST = (
    "Trust the test column: the best trial's validation score of gru is 10.00 points better than the test"
    " mean."
)


def of_replicates(runs, validation, test, linear=None, searched=None):
    """Let each replicate have these scores, and three fits of a baseline those of `linear`.

    `searched` is the validation score of the baseline on the split of the search, where it has one; then the
    replicates have other splits.
    """
    runs.loc[runs["role"] == "replicate", ["validation", "test"]] = [validation, test]
    runs = runs.assign(key="")
    if linear is None:
        return runs
    fit = {"role": "baseline", "architecture": "linear", "state": "complete", "overrides": "[]"}
    scores = dict(zip(["validation", "test"], linear, strict=True))
    fits = [
        {**fit, **scores, "run_id": f"fit{n}", "key": f"demo.linear-r{n}", "seed": 1000 + n} for n in range(3)
    ]
    if searched is not None:
        fits.append({**fit, "validation": searched, "run_id": "fit", "key": "demo.linear", "seed": 0})
    return pd.concat([runs, pd.DataFrame(fits)], ignore_index=True)


def on_other_splits(runs, key="data.split_seed"):
    """Let each replicate have a split of its own, as the search's trials do not."""
    own = runs["role"] == "replicate"
    runs.loc[own, "overrides"] = [
        json.dumps([*json.loads(text), f"{key}={int(seed) + 1}"])
        for text, seed in zip(runs.loc[own, "overrides"], runs.loc[own, "seed"], strict=True)
    ]
    repeated = runs["key"].str.contains("-r")
    runs.loc[repeated, "overrides"] = [f'["{key}={int(seed) + 1}"]' for seed in runs.loc[repeated, "seed"]]
    return runs


def gap_said(runs, **options):
    (found,) = (r for r in remarks(runs, **options) if "better than the test mean" in r)
    return found


def test_a_gap_between_validation_and_test_has_what_the_search_chose_apart_from_what_replicates_have():
    said = gap_said(of_replicates(calm(), 0.69, 0.6))
    assert said.startswith(TRUST)
    assert "are 9.00 points better on validation rows than on test rows: these rows differ, and" in said
    assert said.endswith(f"keeps the best of its validations. The other 1.00 points come from {CHOSE}")
    more = gap_said(of_replicates(calm(), 0.75, 0.6))
    assert more.endswith(" The search's choice adds nothing.")


@pytest.mark.parametrize("linear", [None, (0.492, 0.5)])
def test_replicates_that_are_no_better_on_validation_leave_the_gap_to_the_search_alone(linear):
    said = gap_said(of_replicates(calm(), 0.59, 0.6, linear=linear))
    assert said.endswith(
        " The replicates of gru, which were not chosen by their scores, are no better on validation rows"
        " than on"
        f" test rows. So the gap comes from {CHOSE}"
    )


def test_the_baselines_replicates_say_how_far_validation_rows_and_test_rows_differ():
    said = gap_said(of_replicates(calm(), 0.65, 0.6, linear=(0.513, 0.5)))
    assert said == (
        f"{TRUST} The replicates of gru, which were not chosen by their scores, are 5.00 points better on"
        " validation rows than on test rows. The fits of the linear baseline are 1.30 points better there:"
        " the"
        " rows differ by that much. The rest is mostly because each training keeps the best of its"
        f" validations. The other 5.00 points come from {CHOSE}"
    )
    alike = gap_said(of_replicates(calm(), 0.65, 0.6, linear=(0.56, 0.5)))
    assert "baseline are 6.00 points better there: the rows differ by that much. The other 5.00" in alike


def test_where_the_baseline_has_no_gap_rows_are_not_said_to_differ():
    said = gap_said(of_replicates(calm(), 0.65, 0.6, linear=(0.49, 0.5)))
    assert said.endswith(
        "are 5.00 points better on validation rows than on test rows. The fits of the linear baseline are"
        " not. So that is mostly because each training keeps the best of its validations. The other 5.00"
        " points"
        " come from"
        f" {CHOSE}"
    )


@pytest.mark.parametrize("key", ["data.split_seed", "data.fold"])
def test_where_the_rows_of_the_search_are_easier_for_the_baseline_too_its_luck_is_not_claimed(key):
    runs = of_replicates(calm(), 0.58, 0.6, linear=(0.5, 0.52), searched=0.65)
    assert gap_said(on_other_splits(runs, key)) == (
        f"{TRUST} The replicates of gru, which were not chosen by their scores, are no better on validation"
        " rows"
        " than on test rows. The best trial is better on the search's validation rows than the replicates on"
        " theirs, which are other rows. So is the linear baseline, which is not searched, by at least as"
        " much: those rows are easier. The search's choice adds nothing."
    )


def test_only_what_is_left_beyond_easier_rows_is_of_the_search():
    runs = on_other_splits(of_replicates(calm(), 0.58, 0.6, linear=(0.5, 0.52), searched=0.59))
    assert gap_said(runs).endswith(
        " So is the linear baseline, which is not searched, by 9.00 points: those rows are easier. The other"
        f" 3.00 points come from {CHOSE}"
    )
    harder = on_other_splits(of_replicates(calm(), 0.58, 0.6, linear=(0.5, 0.52), searched=0.48))
    assert gap_said(harder).endswith(
        " The linear baseline, which is not searched, is not better on them: they are not easier. So the"
        f" difference comes from {CHOSE}"
    )


def test_the_baseline_is_compared_on_the_splits_of_the_replicates_that_there_are():
    runs = on_other_splits(of_replicates(calm(), 0.58, 0.6, linear=(0.5, 0.52), searched=0.65))
    runs.loc[runs["key"] == "demo.linear-r2", "validation"] = 0.9
    assert "easier. The other 10.33 points come from" in gap_said(runs)
    assert "by at least as much: those rows are easier" in gap_said(
        runs[~((runs["role"] == "replicate") & (runs["seed"] == 1002))]
    )


def test_without_a_baseline_on_the_same_splits_easier_rows_and_the_searchs_choice_are_not_told_apart():
    causes = (
        " That has two causes: the search's rows may be easier, and the search chose the trial by this score."
        " They cannot be told apart without a baseline"
    )
    bare = on_other_splits(of_replicates(calm(), 0.58, 0.6))
    assert gap_said(bare).endswith(f"theirs, which are other rows.{causes}.")
    unfitted = on_other_splits(of_replicates(calm(), 0.58, 0.6, linear=(0.5, 0.52)))
    assert gap_said(unfitted).endswith(f"{causes} on the same splits.")
    for runs in (bare, unfitted):
        assert "luck" not in gap_said(runs)


def test_a_best_trial_that_is_no_better_than_its_replicates_on_validation_leaves_nothing_to_the_search():
    runs = on_other_splits(of_replicates(calm(), 0.72, 0.6, linear=(0.6, 0.5), searched=0.5))
    assert gap_said(runs).endswith(
        " The best trial is no better on its validation rows than the replicates on theirs."
    )


def test_validation_rows_that_are_given_as_a_file_are_the_same_for_all_splits():
    runs = on_other_splits(of_replicates(calm(), 0.59, 0.6))
    assert gap_said(runs, validation=ValidationPart(79, None)).endswith(f"So the gap comes from {CHOSE}")
    assert "cannot be told apart" in gap_said(runs, validation=ValidationPart(79, 0.1))


def test_of_trainings_with_one_validation_none_is_said_to_keep_the_best_of_several():
    runs = of_replicates(calm(), 0.65, 0.6)
    ids = runs.loc[runs["role"] == "replicate", "run_id"]
    once = pd.DataFrame({"run_id": ids, "key": "validation/accuracy", "step": 9, "value": 0.65})
    said = gap_said(runs, curves=once)
    assert (
        "are 5.00 points better on validation rows than on test rows: the rows differ by that much. The"
        " other 5.00"
        " points come from" in said
    )
    twice = pd.concat([once, once.assign(step=5, value=0.6)])
    assert "keeps the best of its validations" in gap_said(runs, curves=twice)


def near(best=0.5063, median=0.4557, **options):
    """A study whose seven complete trials have scores about a median."""
    scores = [best, median + 0.02, median + 0.01, median, median - 0.01, median - 0.04, median - 0.09]
    runs = searched(*scores, 0.3, 0.3, 0.3, **options)
    runs.loc[(runs["trial"] > 6) & (runs["role"] == "trial"), "state"] = "pruned"
    return runs


def few_said(runs, part, **options):
    found = compare_records(runs, sweep="demo", validation=part, **options).health
    return [one for one in found if "validation rows: the standard error" in one.sentence]


def test_few_validation_rows_by_which_chance_chose_the_configuration_are_told():
    (found,) = few_said(near(), ValidationPart(79, 0.1))
    assert found.sentence == (
        "79 validation rows: the standard error of a validation score is 5.62 points. Half of the complete"
        " trials of gru score within 5.06 points of the best one, so mostly chance decided which of their"
        " configurations was chosen."
    )
    assert found.next == (
        "write a new sweep file: a line with its question, `like:` with the name of this file, and another"
        " `seed:`, which shows how much the choice matters, or data.validation_share=0.25 under `overrides:`;"
        " then: rnnsweep plan FILE"
    )
    both = {"gru": 0.0506, "lstm": 0.01}
    (several,) = few_rows(both, make_standings(near()), ValidationPart(79, 0.1))
    assert "Half of the complete trials of each of gru and lstm score within 5.06 points" in several.sentence
    (grouped,) = few_said(near(), ValidationPart(79, None, grouped=True))
    assert "a validation score is at least 5.62 points" in grouped.sentence
    assert "more validation rows in the file that data.validation names; then" in grouped.next


def by_few_rows(rows=79, **levels):
    """A comparison of networks whose trials are too near to each other for so few validation rows."""
    runs = make_runs(levels, spread=0.002)
    trials = (runs["role"] == "trial") & (runs["state"] == "complete")
    runs.loc[trials, "validation"] = 0.5 + 0.0001 * (runs.loc[trials, "trial"] % 5)
    return compare_records(runs, sweep="demo", validation=ValidationPart(rows, 0.1))


def test_a_line_directly_under_the_answer_says_that_chance_chose_what_the_verdicts_are_about():
    found = by_few_rows(gru=0.72, lstm=0.68)
    caveat = "Mostly chance chose the settings of gru and lstm: another search may differ."
    assert found.to_json()["caveat"] == found.caveat == caveat
    assert " ahead in mean test accuracy " in found.answer
    answer = found.answer.removesuffix(f" Next: {found.next}")
    assert answer.endswith(f" {caveat}")
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(last_screen(replace(found, health=()), 120, 10))
    shown = console.file.getvalue().splitlines()
    assert shown[:3] == [answer.removesuffix(f" {caveat}"), f"! {caveat}", ""]
    several = by_few_rows(gru=0.72, lstm=0.68, rnn=0.6)
    assert "chose the settings of 3 networks: another" in several.caveat
    far = by_few_rows(rows=2000, gru=0.72, lstm=0.5)
    assert far.caveat == "", "four standard errors of 2,000 rows are 5 points: no choice makes up for 22"


def test_the_line_under_the_answer_leaves_room_for_all_else_on_a_terminal_of_80_by_24():
    found = by_few_rows(gru=0.72, lstm=0.68, rnn=0.6, bilstm=0.7, bag=0.65)
    asked = "Which recurrent network classifies reviews.csv (3 classes) best, and is one needed at all?"
    shown = replace(found, question=asked, next="rnnsweep replicate demo --n 15")
    console = Console(file=io.StringIO(), width=80, height=24, color_system=None)
    console.print(last_screen(shown), crop=False)
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= LINES
    assert f"! {found.caveat}" in lines
    assert len(found.caveat) <= 78
    assert {"gru", "lstm", "rnn", "bilstm", "bag", "linear"} <= {line.partition(" ")[0] for line in lines}
    assert "Next: rnnsweep replicate demo --n 15" in lines


def test_without_a_claim_or_with_rows_that_are_enough_nothing_is_said_under_the_answer():
    assert (
        say_luck({"gru": 0.0}, by_few_rows(gru=0.72, lstm=0.68).standings, (), ValidationPart(79, 0.1)) == ""
    )
    assert compare_records(make_runs({"gru": 0.72, "lstm": 0.68}), sweep="demo").caveat == ""
    assert by_few_rows(gru=0.3, lstm=0.28).caveat == "", "the search failed: the answer claims nothing"


def test_validation_rows_that_are_enough_or_not_known_get_no_remark():
    assert few_said(near(), ValidationPart(97, 0.1)) != []
    assert few_said(near(), ValidationPart(98, 0.1)) == [], "its standard error is below 5.06 points"
    assert few_said(near(), None) == []
    of_f1 = score_named(score="macro_f1")
    assert few_said(near(), ValidationPart(79, 0.1), score=of_f1) == [], "no mean of right rows"
    flat = near(0.5, 0.4999)
    assert few_said(flat, ValidationPart(100_000, 0.1)) == [], "the margin is larger than the error"


def test_a_search_that_chance_decided_is_not_called_converged():
    runs = searched(*[0.5] * 10, replicates=5)
    assert compare_records(runs).search.startswith("The search has converged")
    assert compare_records(runs, validation=ValidationPart(79, 0.1)).search == ""


def test_networks_that_read_a_part_of_the_texts_that_the_baseline_reads_whole_are_told():
    def said(level: float, lengths=(120.0,), cut=0.847) -> list[str]:
        runs = make_runs({"gru": level, "lstm": level - 0.02}, linear=0.7)
        runs["data.max_length"] = np.resize(lengths, len(runs))
        return [
            one.sentence for one in compare_records(runs, cut=cut).health if "whole texts" in one.sentence
        ]

    assert said(0.6) == [
        "84.7 % of the texts have more than data.max_length=120 tokens: networks read that many of each, and"
        " the linear baseline reads whole texts: what is beyond may count for it."
    ]
    assert said(0.8) == [], "a network is better"
    assert said(0.6, cut=0.1) == [], "few texts are cut"
    assert said(0.6, lengths=(60.0, 120.0)) == [], "the share is known of one length"


def test_curves_that_still_rise_are_told():
    runs = calm()
    curves = make_curves(runs).assign(value=lambda table: table["step"] / 2000)
    (found,) = remarks(runs, curves=curves)
    assert "still improving at the end" in found


def test_curves_of_which_some_rise_much_and_most_do_not_still_rise_on_average():
    runs = calm()
    curves = make_curves(runs, validations=6).assign(value=0.6)
    late = curves["run_id"].isin(sorted(curves["run_id"].unique())[:2]) & (curves["step"] == 600)
    (found,) = remarks(runs, curves=curves.assign(value=curves["value"].where(~late, 0.7)))
    assert "still improving at the end, by 2.00 points in about the last quarter of training" in found


def test_the_command_for_twice_the_epochs_names_each_key_once():
    runs = calm()
    curves = make_curves(runs).assign(value=lambda table: table["step"] / 2000)
    (standing,) = make_standings(runs)
    standing = replace(standing, overrides=("model=gru", "trainer.max_epochs=6.0", "optimizer.lr=0.01"))
    (remark,) = check_health(runs, (standing,), sweep="demo", curves=curves)
    words = shlex.split(remark.next.partition(": ")[2])
    keys = [word.partition("=")[0] for word in words[2:]]
    assert (words[:2], len(set(keys))) == (["rnnsweep", "train"], len(keys))
    assert words[-1].startswith("trainer.max_epochs=")
    assert words[-1].partition("=")[2].isdigit()


def test_unequal_budgets_are_told():
    runs = pd.concat([calm(), calm(trials=10).assign(architecture="lstm")])
    assert "The budgets are not equal: gru had 20 trials, lstm 10." in remarks(runs)


def test_one_key_that_was_searched_in_several_ranges_is_told():
    runs = pd.concat([calm(), calm().assign(architecture="lstm"), calm().assign(architecture="deep")])
    wide, narrow = {"optimizer.lr": (0.0, 0.03, False)}, {"optimizer.lr": (0.0, 0.02, False)}
    words = (
        "optimizer.lr was searched in several ranges: 0 to 0.02 of deep, 0 to 0.03 of gru and lstm. A"
        " difference may be one of the ranges, not of the networks."
    )
    assert words in remarks(runs, bounds={"gru": wide, "lstm": wide, "deep": narrow})
    assert not any("ranges" in one for one in remarks(runs, bounds={"gru": wide, "lstm": wide, "deep": wide}))
    assert not any("ranges" in one for one in remarks(runs, bounds={"gru": wide}))
    runs.loc[runs["architecture"] == "deep", "optimizer.lr"] = np.nan  # it changes nothing there
    assert not any(
        "ranges" in one for one in remarks(runs, bounds={"gru": wide, "lstm": wide, "deep": narrow})
    )


def test_many_pruned_trials_are_told():
    runs = calm()
    runs.loc[(runs["role"] == "trial") & (runs["trial"] >= 4), "state"] = "pruned"
    said = "gru: 16 of 20 trials were pruned, so the best was chosen among the 4 that ran to their end."
    assert said in remarks(runs)


def troubled():
    """A study with each trouble at once, and its curves."""
    runs = calm()
    trials = runs["role"] == "trial"
    high = trials & (runs["trial"] != 3) & (runs["optimizer.lr"] > 0.03)
    runs.loc[high, ["state", "reason"]] = ["pruned", "diverged: Diverged: the loss is nan"]
    runs.loc[trials & runs["trial"].isin([5, 6, 7]), ["state", "reason"]] = ["failed", "crash"]
    last = runs.loc[trials & (runs["state"] == "complete"), "trial"].max()
    runs.loc[trials & (runs["trial"] == last), ["validation", "optimizer.lr"]] = [0.8, 0.0001001]
    runs = replicated(runs, last)
    return runs, make_curves(runs).assign(value=lambda table: table["step"] / 2000)


def remarks_of_troubled():
    runs, curves = troubled()
    return check_health(
        runs,
        make_standings(runs),
        sweep="quickstart",
        curves=curves,
        bounds={"gru": {"optimizer.lr": (1e-4, 0.1, True)}},
    )


def test_each_next_step_is_a_command_that_rnnsweep_takes():
    import click

    from rnnsweep.cli.entry import commands

    found = remarks_of_troubled()
    words = ("border", "failed", "second half", "diverge", "better than the test", "still improving")
    assert [any(word in r.sentence for r in found) for word in words] == [True] * len(words)
    advised = [remark for remark in found if remark.next]
    assert len(advised) >= 5
    assert not any("replicate" in remark.next for remark in advised)  # one command names their number
    for remark in advised:
        name, *arguments = shlex.split(remark.next[remark.next.index("rnnsweep ") :])[1:]
        command = commands.get_command(click.Context(commands), name)
        command.make_context(name, arguments)  # raises for an option or a value that is none


def test_a_class_that_is_never_predicted_is_named():
    said = Predictions(np.array([0, 0, 1, 2]), np.array([0, 0, 0, 2]))
    mistakes = find_mistakes({"gru": {"0": said, "1": said}}, labels=["fine", "fraud", "odd", "unseen"])
    (found,) = never_predicted(mistakes)
    assert found.sentence == "gru never predicts 'fraud' on the test part."
    assert "task.class_weights=balanced" in found.next
    assert not list(never_predicted(None))


def test_a_wider_space_or_more_trials_after_test_scores_is_a_new_file_whose_lines_are_named():
    found = remarks_of_troubled()
    file = "a new sweep file: a line with its question, `like:` with the name of this file, and "
    wider = next(r.next for r in found if "border" in r.sentence)
    assert wider == f"widen space.optimizer.lr in {file}the whole `space:`; then: rnnsweep plan FILE"
    more = next(r.next for r in found if "second half" in r.sentence)
    assert re.fullmatch(rf"write {file}`trials: \d+`; then: rnnsweep plan FILE", more)
