"""What a budget buys where trials depend on each other: by whole studies, or refused with the way out."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from rich.console import Console
from sweep_records import make_runs

from rnnsweep.comparison import compare_records, print_comparison
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.statistics.budget import study_curve
from rnnsweep.comparison.statistics.intervals import t_interval
from rnnsweep.comparison.statistics.time_curves import study_time_curve
from rnnsweep.sweepfile import read_sweep

SWEEP = """# Which?
architectures: [gru, lstm]
trials: 20
space: {optimizer.lr: [0.1, 0.2]}
"""
LEVELS = {"gru": 0.8, "lstm": 0.7}
scores_SB = arrays(
    float, st.tuples(st.integers(3, 6), st.integers(1, 12)), elements=st.floats(0, 1, allow_subnormal=False)
)


@given(scores_SB)
def test_the_curve_is_the_mean_of_the_studies_best_so_far_and_lies_in_its_band(scores):
    curve = study_curve(list(scores))
    assert curve.trials.tolist() == list(range(1, scores.shape[1] + 1))
    assert np.allclose(curve.expected, np.maximum.accumulate(scores, axis=1).mean(axis=0))
    assert np.all(np.diff(curve.expected) >= -1e-12)
    assert np.all(curve.low <= curve.expected + 1e-12)
    assert np.all(curve.expected <= curve.high + 1e-12)


@given(scores_SB, st.randoms(use_true_random=False))
def test_the_order_of_the_studies_does_not_matter(scores, random):
    mixed = list(scores)
    random.shuffle(mixed)
    assert np.allclose(study_curve(mixed).expected, study_curve(list(scores)).expected)


@given(scores_SB)
def test_trials_of_one_second_give_the_same_curve_over_seconds(scores):
    studies, trials = scores.shape
    by_time = study_time_curve(list(scores), [np.ones(trials)] * studies)
    if trials == 1:
        assert by_time is None
    else:
        by_trials = study_curve(list(scores))
        at = np.floor(by_time.seconds).astype(int) - 1
        assert np.allclose(by_time.expected, by_trials.expected[at])


def test_two_studies_have_no_band_and_so_no_curve():
    assert study_curve([[0.1, 0.2], [0.2, 0.3]]) is None
    assert study_time_curve([[0.1], [0.2]], [[1.0], [1.0]]) is None


def test_the_curve_begins_where_each_study_has_a_score_and_ends_with_the_shortest():
    nan = float("nan")
    curve = study_curve([[nan, 0.5, 0.4, 0.6], [0.1, 0.2, 0.3], [0.3, nan, 0.3, 0.9], [nan] * 4])
    assert curve.trials.tolist() == [2, 3]
    assert curve.expected == pytest.approx([(0.5 + 0.2 + 0.3) / 3, (0.5 + 0.3 + 0.3) / 3])


def test_the_band_holds_students_interval_and_is_little_wider():
    scores = np.random.default_rng(0).gamma(2, size=(8, 1))
    curve, student = study_curve(list(scores)), t_interval(scores[:, 0])
    low, high = float(curve.low[0]), float(curve.high[0])
    assert low <= student.low
    assert student.high <= high
    assert high - low < 1.2 * (student.high - student.low)


def adaptive(rng, trials):
    """A search as TPE's: five trials anywhere, then each near the best so far."""
    places, scores = [], []
    for number in range(trials):
        around = rng.uniform(-3, 3) if number < 5 else places[int(np.argmax(scores))] + 0.5 * rng.normal()
        places.append(around)
        scores.append(0.8 - 0.02 * (around - 1) ** 2 + 0.01 * rng.normal())
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("studies", [5, 10])
def test_the_band_of_whole_studies_covers_the_truth_where_that_of_drawn_trials_does_not(studies):
    from rnnsweep.comparison.statistics.budget import budget_curve

    rng = np.random.default_rng(studies)
    truth = np.mean([max(adaptive(rng, 10)) for _ in range(20_000)])
    whole = drawn = 0
    for seed in range(1000):
        every = [adaptive(rng, 20) for _ in range(studies)]
        curve = study_curve(every)
        whole += curve.low[9] <= truth <= curve.high[9]
        if seed < 200:
            one = budget_curve(every[0], seed=seed)
            drawn += one.low[9] <= truth <= one.high[9]
    print(f"{studies} studies: {whole / 10:.1f} % covered, trials drawn one by one {drawn / 2:.1f} %")
    assert whole / 1000 >= 0.93 - 0.014
    assert drawn / 200 < 0.8


def write(folder, more):
    path = folder / "which.yaml"
    path.write_text(SWEEP + more)
    return read_sweep(path)


@pytest.mark.parametrize(
    ("more", "pruning", "why"),
    [
        ("sampler: random\npruner: none", False, None),
        ("sampler: qmc\npruner: none", False, None),
        ("sampler: random", True, "trials were pruned by what earlier ones reached"),
        ("sampler: random\ntarget: 0.9", False, "With target a study ends by what it has found"),
        ("sampler: random\nstop_after: 9", False, "With stop_after a study ends by what it has found"),
        ("sampler: tpe", False, "The trials of tpe depend on earlier ones"),
        ("sampler: gp", False, "The trials of gp depend on earlier ones"),
        ("sampler: cmaes", False, "The trials of cmaes depend on earlier ones"),
    ],
)
def test_one_study_of_dependent_trials_gets_the_reason_and_the_command_and_no_curve(
    tmp_path, more, pruning, why
):
    found = compare_records(make_runs(LEVELS, pruning=pruning), sweep=write(tmp_path, more))
    page = render_report(found)
    assert ("figure-spending" in page, "figure-budget" in page) == (why is None, why is None)
    if why is not None:
        assert why in found.bought.refusal
        assert "rnnsweep sweep which --studies 5" in page
        assert found.to_json()["budget"]["next"] == "rnnsweep sweep which --studies 5"


@pytest.mark.parametrize("following", [None, "rnnsweep replicate which --n 20"])
def test_further_studies_are_proposed_only_where_something_is_left_to_decide(tmp_path, following):
    found = compare_records(make_runs(LEVELS), sweep=write(tmp_path, "sampler: tpe"))
    console = Console(width=80, record=True)
    print_comparison(replace(found, next=following), console)
    shown = console.export_text()
    assert ("The command for it:\n    rnnsweep sweep which --studies 5\n" in shown) == (following is not None)
    assert "Next: rnnsweep sweep" not in shown


def test_a_diverged_trial_is_no_pruned_one_and_counts_as_the_worst(tmp_path):
    runs = make_runs(LEVELS, pruning=False)
    first = (runs["role"] == "trial") & (runs["trial"] == 0)
    runs.loc[first, ["state", "reason", "validation"]] = ["pruned", "diverged: the loss is NaN", 0.99]
    bought = compare_records(runs, sweep=write(tmp_path, "sampler: random\npruner: none")).bought
    assert bought.refusal == ""
    assert max(curve.expected.max() for curve in bought.curves.values()) < 0.9


def test_whole_studies_are_told_in_report_terminal_and_json(tmp_path):
    one, *further = [make_runs(LEVELS, seed=seed) for seed in range(4)]
    found = compare_records(one, sweep=write(tmp_path, "sampler: tpe"), studies=further)
    page = render_report(found)
    assert "from 4 whole searches with other seeds" in " ".join(page.split())
    assert "figure-spending" in page
    console = Console(width=80, record=True)
    print_comparison(found, console)
    assert "What time buys (4 whole searches)" in console.export_text()
    budget = json.loads(json.dumps(found.to_json()))["budget"]
    assert (budget["studies"], budget["refusal"], len(budget["sentences"]) > 0) == (4, "", True)


def test_two_studies_are_still_too_few_and_the_refusal_says_so(tmp_path):
    one, other = (make_runs(LEVELS, seed=seed) for seed in range(2))
    found = compare_records(one, sweep=write(tmp_path, "sampler: tpe"), studies=[other])
    assert "cannot be computed from 2 studies; it takes 3 whole studies" in found.bought.refusal
    assert found.bought.curves == {}
