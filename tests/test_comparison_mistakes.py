"""What networks got wrong: confusions, examples where the best two disagree, McNemar's counts."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from sweep_records import make_runs

from rnnsweep.comparison import compare_records, print_comparison
from rnnsweep.comparison.evidence.reads_of_test_part import say_reads, sort_reads
from rnnsweep.comparison.mistakes import LONGEST, find_mistakes
from rnnsweep.comparison.predictions import Predictions, read_predictions, row_values
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.verdicts.coverage import TWO_P
from rnnsweep.comparison.verdicts.standings import gather_predictions, make_standings
from rnnsweep.tasks import score_named

TARGETS_N = np.array([0, 0, 1, 1, 2, 2])
LABELS = ("World", "Sports", "Business")


def said(*answers_N):
    return {str(seed): Predictions(TARGETS_N, np.array(p)) for seed, p in enumerate(answers_N)}


BEST = said([0, 0, 1, 1, 2, 1], [0, 0, 1, 1, 2, 1])
SECOND = said([0, 1, 1, 1, 2, 2], [0, 1, 1, 0, 2, 2])


def test_confusions_are_counted_over_all_replicates():
    found = find_mistakes({"a": BEST, "b": SECOND}, labels=LABELS)
    assert found.confusion["a"].tolist() == [[4, 0, 0], [0, 4, 0], [0, 2, 2]]
    assert found.confusion["b"].tolist() == [[2, 2, 0], [1, 3, 0], [0, 0, 4]]


def test_with_folds_confusions_are_of_all_parts_and_examples_of_the_first():
    other = {"0": Predictions(np.array([2, 2]), np.array([0, 2]))}
    found = find_mistakes({"a": BEST, "b": SECOND}, {"a": other}, labels=LABELS)
    assert found.confusion["a"].tolist() == [[4, 0, 0], [0, 4, 0], [1, 2, 3]]
    assert [e.row for e in found.examples] == [1, 5]


def test_examples_are_rows_that_most_replicates_of_one_get_right_and_of_the_other_wrong():
    found = find_mistakes({"a": BEST, "b": SECOND}, labels=LABELS)
    assert [(e.row, e.a, e.label, e.says_b, e.right_a, e.right_b) for e in found.examples] == [
        (1, "a", "World", "Sports", 1.0, 0.0),
        (5, "b", "Business", "Sports", 1.0, 0.0),
    ]


def test_what_the_other_says_is_its_most_frequent_wrong_answer():
    right = said(*[[0, 0, 1, 1, 2, 2]] * 5)
    mostly = said(*[[0, 0, 1, 1, 2, answer] for answer in (2, 2, 1, 0, 1)])
    (found,) = find_mistakes({"a": right, "b": mostly}, labels=LABELS).examples
    assert (found.row, found.label, found.right_b, found.says_b) == (5, "Business", 0.4, "Sports")
    tied = said(*[[0, 0, 1, 1, 2, answer] for answer in (2, 2, 1, 0, 0)])
    (found,) = find_mistakes({"a": right, "b": tied}, labels=LABELS).examples
    assert found.says_b == "World", "though as many replicates are right"


def test_texts_are_asked_for_the_shown_rows_alone_and_shortened():
    asked = []

    def texts(rows):
        asked.extend(rows)
        return ["word " * 200 for _ in rows]

    found = find_mistakes({"a": BEST, "b": SECOND}, labels=LABELS, texts=texts)
    assert asked == [1, 5]
    assert all(len(e.text) <= LONGEST + 2 and e.text.endswith("word …") for e in found.examples)


def test_classes_without_a_name_have_their_number():
    assert find_mistakes({"a": BEST}, labels=("World",)).labels == ("World", "1", "2")


def test_nothing_is_said_without_predictions():
    assert find_mistakes({}) is None


def test_replicates_of_another_test_part_are_left_out():
    runs = make_runs({"a": 0.8, "b": 0.7}, replicates=3)
    standings = make_standings(runs)
    ids = {s.architecture: [r.run_id for r in s.replicates] for s in standings if not s.baseline}
    other = Predictions(TARGETS_N[::-1], TARGETS_N)
    same = Predictions(TARGETS_N, TARGETS_N)
    found = gather_predictions(standings, {ids["a"][0]: same, ids["a"][1]: other, ids["b"][0]: other})
    assert {name: list(own) for name, own in found.items()} == {"a": ["1000"]}


def test_replicates_that_were_tested_on_other_rows_are_remarked_on_first():
    """A changed corpus that was accepted: means of the standings mixed both without a word."""
    runs = make_runs({"a": 0.8, "b": 0.7}, replicates=8)
    replicates = runs[runs.role == "replicate"].to_dict("records")
    said = {row["run_id"]: Predictions(TARGETS_N, TARGETS_N) for row in replicates}
    assert not any("changed between" in r.sentence for r in compare_records(runs, predictions=said).health)
    for row in replicates:
        if row["seed"] >= 1006:
            said[row["run_id"]] = Predictions(TARGETS_N[::-1], TARGETS_N)
    first = compare_records(runs, predictions=said).health[0]
    assert first.sentence.startswith("The corpus changed between replicates: 12 and 4 of them were tested on")
    assert "another sweep" in first.next


def test_predictions_are_read_from_a_file_without_running_anything_in_it(tmp_path):
    whole, pickled, cut = (tmp_path / f"{name}.npz" for name in ("whole", "pickled", "cut"))
    np.savez(whole, targets_N=TARGETS_N, predictions_N=TARGETS_N)
    np.savez(pickled, targets_N=np.array([{}], dtype=object), predictions_N=TARGETS_N)
    cut.write_bytes(whole.read_bytes()[:100])
    assert read_predictions(whole).targets_N.tolist() == TARGETS_N.tolist()
    assert [read_predictions(p) for p in (pickled, cut, tmp_path / "none.npz")] == [None, None, None]


@pytest.mark.parametrize(("score", "naming"), [("accuracy", 0.7), ("macro_f1", 0.4118), ("roc_auc", None)])
def test_networks_that_only_name_the_largest_class_have_failed_by_each_score_of_answers(score, naming):
    """By macro F1 they were called equal for practical purposes."""
    targets_N = np.repeat([0, 1], [70, 30])
    level = naming or 0.5
    runs = make_runs({"a": level, "b": level}, replicates=6, spread=0.0, linear=0.9)
    ids = runs[runs.role == "replicate"].run_id
    said = dict.fromkeys(ids, Predictions(targets_N, np.zeros_like(targets_N)))
    found = compare_records(runs, sweep="demo", score=score_named(None, score), predictions=said)
    assert found.test_part.naming == (naming and pytest.approx(naming, abs=1e-4))
    words = f"always naming the largest class scores {naming:.4f}" if naming else "The search failed"
    assert (words in found.answer) == (naming is not None)


@pytest.fixture(scope="module")
def compared():
    """A comparison of two architectures with the predictions of every replicate."""
    runs = make_runs({"a": 0.8, "b": 0.7}, replicates=10)
    rng = np.random.default_rng(0)
    targets_N = rng.integers(0, 3, 200)
    predictions = {}
    for row in runs[runs.role == "replicate"].to_dict("records"):
        wrong_N = rng.random(200) > row["test"]
        predictions[row["run_id"]] = Predictions(targets_N, np.where(wrong_N, (targets_N + 1) % 3, targets_N))
    return compare_records(
        runs,
        sweep="demo",
        predictions=predictions,
        labels=LABELS,
        texts=lambda rows: [f"<i>row {n}</i>" for n in rows],
        test_reads={"a-0-r0": 1, "a-0-r1": 2, "linear": 1},
    )


def test_pairs_of_one_seed_give_mcnemars_counts(compared):
    verdict = next(v for v in compared.verdicts if not v.baseline)
    right = row_values(gather_predictions(compared.standings, {}), score_named())
    assert right == {}
    total = verdict.mcnemar.only_a - verdict.mcnemar.only_b
    counts = {name: np.trace(m) for name, m in compared.mistakes.confusion.items()}
    assert total == counts[verdict.a] - counts[verdict.b]
    assert verdict.mcnemar.p < 0.001


def test_the_report_shows_confusions_examples_and_reads_with_texts_escaped(compared):
    page = render_report(compared)
    assert "What they get wrong" in page
    assert re.search(
        r"only one of the two is right on a test row, it is \w+ [\d,]+ times and \w+ [\d,]+ times, over all",
        page,
    )
    assert "McNemar’s p" not in page, "the p on new rows has its variance and that of the replicates"
    assert TWO_P in compared.conclusion
    assert TWO_P in page
    printed = io.StringIO()
    print_comparison(compared, Console(file=printed, width=500))
    assert TWO_P in printed.getvalue()
    assert TWO_P in compared.to_json()["conclusion"]


def test_mcnemars_p_is_told_where_there_is_none_on_new_rows(compared):
    verdicts = tuple(replace(one, new_rows=None) for one in compared.verdicts)
    page = render_report(replace(compared, verdicts=verdicts))
    assert "(McNemar’s p &lt; .001, of these trained networks on other rows)" in page


def test_the_report_counts_its_reads_and_escapes_texts(compared):
    page = render_report(compared)
    said = "by 2 replicates and the linear baseline, never by the search; more than once: a-0-r1 2 times"
    assert f"The test part was read 4 times: {said}." in page
    assert "&lt;i&gt;row" in page
    assert "<i>row" not in page


def test_the_count_of_reads_is_in_the_json_with_who_took_them(compared):
    found = compared.to_json()
    by = {"total": 4, "replicates": 2, "baseline": 1, "trials": [], "often": {"a-0-r1": 2}}
    assert (found["test_reads"], found["test_reads_by"]) == (4, by)


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ({"a-0-r0": 1}, "1, once by 1 replicate, never by the search"),
        (
            {"a-0-r0": 1, "linear": 1},
            "2, once each by 1 replicate and the linear baseline, never by the search",
        ),
        ({"linear": 1}, "1, once by the linear baseline, never by the search"),
        ({"a-0-r0": 1, "a-3": 1}, "2, once by 1 replicate; trials evaluated by hand: a-3"),
    ],
)
def test_reads_are_said_by_who_took_them(reads, said):
    assert say_reads(sort_reads(reads)) == said


def test_the_terminal_tells_how_often_the_test_part_was_read(compared):
    console = Console(width=80, record=True)
    print_comparison(compared, console)
    said = " ".join(console.export_text().split())
    assert "Test part read: 4, by 2 replicates and the linear baseline, never by the search; more" in said


def test_the_appendix_writes_whole_settings_without_a_point():
    runs = make_runs({"a": 0.8}, trials=3, replicates=3, linear=None)
    runs["data.batch_size"], runs["data.test_share"] = 128.0, 0.1
    facts = compare_records(runs, sweep="demo").facts
    assert (facts["data.batch_size"], facts["data.test_share"]) == ("128", "0.1")
