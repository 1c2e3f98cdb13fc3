"""What the report explains follows what the sweep did: its test, its folds, and what its replicates vary."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from sweep_records import make_runs

from rnnsweep.comparison import compare_records
from rnnsweep.comparison.evidence.varied import VARY, say_another, say_others
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.statistics.cross_validation import METHOD
from rnnsweep.comparison.verdicts.sentences import say_few
from rnnsweep.sweepfile.model import VARIES

FOLDS = 5


def compared(*, folds=0, replicates=10, vary="all"):
    """A comparison of two networks with their predictions; with folds, the replicates take them in turn."""
    runs = make_runs({"a": 0.8, "b": 0.7}, replicates=replicates)
    predictions = {}
    for index, row in runs[runs.role == "replicate"].iterrows():
        fold = int(row["seed"] - 1000) % folds + 1 if folds else 0
        if folds:
            overrides = [*json.loads(row["overrides"]), f"data.folds={folds}", f"data.fold={fold}"]
            runs.loc[index, "overrides"] = json.dumps(overrides)
        targets_N = np.random.default_rng(fold).integers(0, 3, 100)
        wrong_N = np.random.default_rng(index).random(100) > row["test"]
        predictions[row["run_id"]] = Predictions(targets_N, np.where(wrong_N, (targets_N + 1) % 3, targets_N))
    return compare_records(
        runs, sweep="demo", predictions=predictions, labels=("x", "y", "z"), facts={VARY: vary}
    )


def text_of(comparison):
    page = re.sub(r"<(script|style|svg|pre).*?</\1>", "", render_report(comparison), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


@pytest.fixture(scope="module")
def plain():
    return text_of(compared())


@pytest.fixture(scope="module")
def folded():
    return text_of(compared(folds=FOLDS, replicates=FOLDS))


def test_the_report_names_the_test_by_which_its_verdicts_are_said(plain, folded):
    exact = "are said when the p of an exact sign-flip permutation test of the paired replicates stays below"
    assert exact in plain
    assert "Against the baseline, whose scores may hardly vary, the test is corrected for skewness" in plain
    assert f"are said when the p of the {METHOD} of the paired replicates stays below" in folded
    for word in ("sign-flip", "skewness", "must hold on new rows as well", "on these rows"):
        assert word not in folded


def test_needs_more_is_of_further_replicates_or_of_folds_that_were_not_tested_yet(plain, folded):
    assert "needs more when an affordable number of further replicates is likely to decide" in plain
    assert "needs more when not every fold was a test part yet" in folded


def test_the_report_says_what_tells_one_replicate_from_another(plain, folded):
    of_plain = "another seed and another split of train and validation"
    of_folds = "the next of 5 folds as its test part, and another seed"
    for shown, another in ((plain, of_plain), (folded, of_folds)):
        assert f"that the search chose on validation, with {another}. The bar is" in shown
        assert f"Each small circle is one training with {another}; the bar is the 95 %" in shown
    assert "over replicates with the same seed and its 95 % interval" in plain
    assert "over replicates with the same seed and fold and its 95 % interval" in folded


def test_circles_of_other_folds_are_not_said_to_show_by_mixing_how_a_single_run_comes_out(plain, folded):
    assert "Circles of two architectures that mix freely mean that a single run could" in plain
    assert (
        "Circles differ by fold, too, so how they mix says little: pairs are compared on the same" in folded
    )
    assert "mix freely" not in folded


@pytest.mark.parametrize("vary", VARIES)
def test_each_value_of_vary_has_its_words(vary):
    assert say_others(vary) != say_others("")
    one = say_another(compared(vary=vary, replicates=2))
    assert "seed" in one or "split" in one
    assert ("another seed" in one) == (vary in ("all", "seed"))
    beside = say_another(compared(vary=vary, folds=2, replicates=2))
    assert beside.startswith("the next of 2 folds as its test part")
    assert ("another seed" in beside) == (vary in ("all", "seed"))


def test_where_nothing_is_known_of_vary_a_replicate_has_another_seed():
    assert say_another(replace(compared(replicates=2), facts={})) == "another seed"
    assert say_others("") == "the seeds that replicates vary"


def test_examples_of_one_replicate_of_each_have_no_shares_of_replicates(plain, folded):
    assert "a is right and b is wrong in most replicates of: " in plain
    assert re.search(
        r"in truth; a right in \d+ % of its replicates, b in \d+ %, most often wrong with", plain
    )
    assert "so they show what differs; how often is in the counts beside each pair." in plain
    assert "a is right and b is wrong on: " in folded
    assert re.search(r"in truth; b says \w \(test row", folded)
    assert "of its replicates" not in folded
    assert (
        "These are rows of one fold, on which one replicate of each was tested. Chosen as the clearest, so"
        " they show what differs. Labels" in folded
    )
    twice = text_of(compared(folds=FOLDS, replicates=2 * FOLDS))
    assert "These are rows of one fold, on which 2 replicates of each were tested." in twice
    assert "is wrong in most replicates of: " in twice


def test_of_the_intervals_of_few_folds_nothing_is_said_that_holds_without_folds_alone():
    few = say_few(compared(folds=FOLDS, replicates=FOLDS).standings)
    assert few == "With fewer than 10 replicates (a 5, b 5) an interval is wide."
