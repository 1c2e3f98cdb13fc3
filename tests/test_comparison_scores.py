"""Verdicts know nothing of a score's direction: scores are turned when read, and back when written."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from sweep_records import make_curves, make_runs

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.figures.drawing import VERSUS
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.report.tables import verdicts_markdown
from rnnsweep.comparison.report.terminal import standings_table
from rnnsweep.errors import UserError
from rnnsweep.tasks import score_named
from rnnsweep.tasks.score import LOWER

ACCURACY = score_named()
ERROR = replace(ACCURACY, name="error", title="error", direction=LOWER, lowest=None, highest=None)
RMSE = score_named("regression", "rmse")
INTERVAL = re.compile(r"95 % interval (\S+) to ([^,]+),")


def negated(runs):
    return runs.assign(validation=-runs["validation"].astype(float), test=-runs["test"].astype(float))


@pytest.mark.parametrize("seed", range(4))
def test_scores_negated_and_the_direction_flipped_give_the_same_verdicts_to_the_last_digit(seed):
    runs = make_runs(seed=seed, spread=0.01, paired=0.5)
    higher = compare_records(runs, make_curves(runs), sweep="s", score=ACCURACY)
    lower = compare_records(negated(runs), None, sweep="s", score=ERROR)
    assert [replace(v, score=ERROR, sentence="") for v in higher.verdicts] == [
        replace(v, sentence="") for v in lower.verdicts
    ]
    assert [s.architecture for s in higher.standings] == [s.architecture for s in lower.standings]
    assert [s.test for s in higher.standings] == [s.test for s in lower.standings]


def test_json_has_natural_values_and_better_means_better_in_the_scores_direction():
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, linear=-1.5, spread=0.01))
    found = compare_records(runs, sweep="s", score=RMSE).to_json()
    assert found["score"] == {"name": "rmse", "unit": "units of the target", "direction": "lower"}
    assert [s["architecture"] for s in found["standings"]] == ["a", "linear", "b"]
    best = found["standings"][0]
    assert best["validation"] > 0
    assert best["test"]["low"] < best["test"]["mean"] < best["test"]["high"]
    assert best["test"]["mean"] == pytest.approx(1.0, abs=0.02)
    verdict = next(v for v in found["verdicts"] if {v["a"], v["b"]} == {"a", "b"})
    assert (verdict["a"], verdict["verdict"]) == ("a", "better")
    assert verdict["low"] < verdict["difference"] < verdict["high"] < 0  # a - b: the smaller error is a's
    json.dumps(found, allow_nan=False)


def test_people_read_natural_values_with_the_scores_title_and_unit():
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, linear=-1.5, spread=0.01))
    comparison = compare_records(runs, sweep="s", score=RMSE)
    console = Console(width=80, file=io.StringIO())
    console.print(standings_table(comparison))
    printed = console.file.getvalue()
    assert "-1.0" not in printed.split("Pairs")[0]
    sentence = next(v.sentence for v in comparison.verdicts if v.b == "b")
    assert sentence.startswith("a is better than b by 1.0")
    assert "units of the target" in sentence
    page = render_report(comparison)
    assert "mean RMSE on the test part" in page
    assert "TF-IDF and ridge regression" in page


def test_numbers_of_a_sentence_have_the_sign_of_its_words_also_where_lower_scores_are_better():
    runs = negated(make_runs({"a": -1.0, "b": -2.0, "c": -2.001}, linear=-1.5, spread=0.01))
    found = compare_records(runs, sweep="s", score=RMSE)
    said = {(v.a, v.b): v.sentence for v in found.verdicts}
    low, high = map(float, INTERVAL.search(said["a", "b"]).groups())
    assert said["a", "b"].startswith("a is better than b by 1.0")
    assert 0.9 < low < high < 1.1
    low, high = map(float, INTERVAL.search(said["b", "linear"]).groups())
    assert said["b", "linear"].startswith("b is worse than linear by 0.")
    assert 0 < low < high
    between = next(v for v in found.verdicts if {v.a, v.b} == {"b", "c"})
    size = f"{between.difference:+.4f} units of the target"
    assert f"not separable: the advantage of {between.a} is {size} (95 % interval" in between.sentence
    drawn = render_report(found)
    assert "advantage of the first in units of the target (lower RMSE is better)" in drawn
    assert f"a{VERSUS}b: a is better than b" in drawn
    assert 'data-a="a" data-b="b"' in drawn
    assert " − " not in drawn
    assert "| difference (lower is better) | 95 % interval |" in verdicts_markdown(found)


def test_what_holds_on_new_rows_has_the_sign_of_the_words_too():
    rng = np.random.default_rng(0)
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, spread=0.01))
    truth = rng.normal(size=200)
    answers = {
        one.run_id: Predictions(truth, truth + rng.normal(scale=one.test, size=200))
        for one in runs[runs["role"] == "replicate"].itertuples()
    }
    verdict = compare_records(runs, sweep="s", score=RMSE, predictions=answers).verdicts[0]
    low, high = map(float, re.search(r"on new rows like these (\S+) to (\S+) ", verdict.sentence).groups())
    assert 0 < low < high, verdict.sentence
    assert verdict.sentence.startswith("a is better than b by 1.0")


def of_numbers(levels, *, linear, score="rmse", trained=(0.0, 0.0, 0.0, 3.0)):
    """Compare networks of such errors on ten test rows: the best constant errs by 1 on each of them."""
    runs = negated(make_runs({name: -level for name, level in levels.items()}, linear=-linear, spread=0.01))
    tested = np.array([-1.0, 1.0] * 5) + (0.75 if score == "rmse" else 0.0)
    ids = runs[runs["role"] == "replicate"]["run_id"]
    return compare_records(
        runs,
        sweep="s",
        score=score_named("regression", score),
        predictions=dict.fromkeys(ids, Predictions(tested, tested)),
        trained=None if trained is None else np.array(trained),
    )


def printed(comparison):
    console = Console(width=100, file=io.StringIO())
    console.print(standings_table(comparison))
    return console.file.getvalue()


@pytest.mark.parametrize(("score", "constant"), [("rmse", "mean"), ("mae", "median")])
def test_the_standings_have_what_the_best_constant_of_the_training_rows_scores_on_the_test_rows(
    score, constant
):
    found = of_numbers({"a": 0.5, "b": 0.6}, linear=0.5, score=score)
    assert re.search(rf"\n{constant} +1\.0000 +\n", printed(found))
    page = render_report(found)
    assert f'<th scope="row">{constant}</th><td class="n strong">1.0000</td>' in page
    assert f"<td>the {constant} of the training rows for every row</td>" in page
    unknown = of_numbers({"a": 0.5, "b": 0.6}, linear=0.5, score=score, trained=None)
    assert not re.search(rf"\n{constant} ", printed(unknown))


def test_networks_that_do_no_better_than_a_constant_have_failed_also_of_numbers():
    near = of_numbers({"a": 0.9, "b": 0.95}, linear=0.5).answer
    assert near.startswith("The search failed: the best of the networks scores 0.9")
    constant = "always answering the mean of the training rows"
    assert f"where {constant} scores 1.0000 and the linear baseline scores 0.5000" in near
    assert "failed" not in of_numbers({"a": 0.6, "b": 0.95}, linear=0.5).answer
    low = of_numbers({"a": 0.6, "b": 1.5}, linear=1.2).answer
    assert f"The linear baseline scores 1.2000, above the 1.0000 of {constant}, and so does b." in low
    below = of_numbers({"a": 0.6, "b": 0.61}, linear=0.5).answer
    assert "a and b score worse than it on these rows" in below


def test_the_constant_of_r2_is_the_mean_and_classes_have_none():
    targets_N, trained_N = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 4.0])
    assert score_named("regression", "r2").of_constant(trained_N, targets_N) == pytest.approx(0.0)
    assert score_named("regression", "mae").of_constant(trained_N, targets_N) == -1.0
    assert ACCURACY.of_constant(np.array([0, 1]), np.array([0, 1])) is None


def test_a_relative_margin_is_a_share_of_the_baselines_error():
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, linear=-1.5, spread=0.01))
    assert compare_records(runs, sweep="s", score=RMSE).margin == pytest.approx(0.015, rel=0.01)
    assert compare_records(runs, sweep="s", score=RMSE, margin=3.0).margin == 3.0


def test_the_score_is_read_from_the_runs_and_older_records_are_of_accuracy():
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, linear=None, spread=0.01))
    named = compare_records(runs.assign(task="regression", score="mae"), sweep="s")
    assert named.score == score_named("regression", "mae")
    assert compare_records(make_runs(), sweep="s").score == ACCURACY


def test_predicted_numbers_give_no_confusion_and_no_mcnemar_but_what_holds_on_new_rows():
    runs = negated(make_runs({"a": -1.0, "b": -2.0}, linear=None, spread=0.01))
    draw = np.random.default_rng(0)
    targets_N = draw.normal(size=80)
    error = {"a": 1.0, "b": 2.0}
    predictions = {
        row.run_id: Predictions(targets_N, targets_N + error[row.architecture] * draw.normal(size=80))
        for row in runs[runs["role"] == "replicate"].itertuples()
    }
    comparison = compare_records(runs, sweep="s", score=RMSE, predictions=predictions)
    (verdict,) = comparison.verdicts
    assert comparison.mistakes is None
    assert verdict.mcnemar is None
    assert verdict.new_rows is not None
    found = comparison.to_json()
    assert found["test_rows"] == 80
    assert found["majority"] is None
    assert render_report(comparison)


def test_a_score_whose_package_is_not_installed_is_refused_with_what_to_install():
    wanted = (
        "score 'kappa' of task=classification, .* is not installed: install the package .* rnnsweep.scores"
    )
    with pytest.raises(UserError, match=wanted):
        score_named("classification", "kappa")
