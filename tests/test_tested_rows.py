"""Architectures that are tested on different rows: refused before they start, and in no pair."""

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console
from sweep_records import make_runs

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.comparison import compare_records, print_comparison
from rnnsweep.comparison.evidence.records import Replicate, Standing, TestScore
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.verdicts.racing import race
from rnnsweep.engine import run_sweep
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.search.corpora import say_other_rows
from rnnsweep.search.space import check_space
from rnnsweep.sweepfile import read_sweep

ASKED = """\
# Is the headline enough?
name: columns
architectures:
  head: [model=bag, {head}]
  story: [model=bag, {story}]
trials: 1
replicates: 2
space: {space}
overrides: [data=files, "data.train={rows}", data.label=topic, model.embedding_size=4{more}]
"""
SPLIT = ', "data.split_text=[headline,story]"'
SAME = "data.split_text=[headline,story] under `overrides:` draws the same rows for all"
COLUMNS = {"head": "data.text=headline", "story": "data.text=story"}


def write(folder, *, space="{}", more="", name="columns", **own):
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["headline", "story", "topic"])
        rows.writerows([f"head {n}", f"a story of words {n}", "ab"[n % 2]] for n in range(160))
    path = folder / f"{name}.yaml"
    more += ", trainer.max_epochs=1"
    text = ASKED.format(rows=folder / "rows.csv", space=space, more=more, **{**COLUMNS, **own})
    path.write_text(text.replace("name: columns", f"name: {name}"), encoding="utf-8")
    return path


def said(path):
    asked = read_sweep(path)
    return say_other_rows(asked, check_space(asked))


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (
            {},
            "head (data.text=headline) and story (data.text=story) are tested on different rows, so no"
            f" verdict compares them; {SAME}",
        ),
        (
            {"head": '"data.text=[headline,story]"'},
            "head (data.text=[headline,story]) and story (data.text=story) are tested on different rows, so"
            " no verdict compares them; data.split_text=story under `overrides:` draws the same rows for all",
        ),
        (
            {"head": "data.text=story, data.test_share=0.2"},
            "head (data.test_share=0.2) and story (data.test_share=0.1) are tested on different rows, so no"
            " verdict compares them; give all architectures one value of data.test_share",
        ),
        (
            {"head": "data.text=story", "space": "{data.sample: [100, 120]}"},
            "head (data.sample=null) and head (data.sample=100) are tested on different rows, so no verdict"
            " compares them; give all architectures one value of data.sample",
        ),
    ],
    ids=["columns", "joined columns", "share", "searched"],
)
def test_a_sweep_whose_architectures_are_tested_on_different_rows_is_refused(tmp_path, own, why):
    path = write(tmp_path, **own)
    message = f"{path}: architectures: {why}"
    assert said(path) == message
    with pytest.raises(UserError) as refused:
        run_sweep(read_sweep(path), mlruns=tmp_path / "mlruns", launcher=LocalLauncher(1))
    assert str(refused.value) == message
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    "own",
    [
        {"more": SPLIT},
        {"more": SPLIT, "head": "seed=0", "space": "{data.text: [headline, story]}"},
        {"head": "data.text=story, data.limit=50, data.max_length=3, data.vocabulary=20"},
        {"head": "data.text=story, data.validation_share=0.3"},
    ],
    ids=["columns", "columns that are searched", "training rows", "validation rows"],
)
def test_what_leaves_the_test_rows_as_they_are_is_taken(tmp_path, own):
    assert said(write(tmp_path, **own)) == ""


def test_where_test_rows_are_given_architectures_may_read_any_column(tmp_path):
    test = tmp_path / "test.csv"
    lines = [f"new head {n},a new story {n},{'ab'[n % 2]}" for n in range(40)]
    test.write_text("\n".join(["headline,story,topic", *lines, ""]), encoding="utf-8")
    assert said(write(tmp_path, more=f', "data.test={test}"')) == ""


def test_plan_refuses_what_the_start_refuses(home, capsys):
    write(home / "sweeps")
    assert main(["plan", "columns"]) == 2
    assert "are tested on different rows, so no verdict compares them" in capsys.readouterr().err


def runs_on(parts, **settings):
    """Records of replicates, each architecture tested on the rows of its part."""
    runs = make_runs({name: 0.8 - 0.1 * n for n, name in enumerate(parts)}, trials=2, replicates=8)
    runs["test_rows"] = runs["architecture"].map({**parts, "linear": parts[next(iter(parts))]})
    own = {name: f"data.text={text}" for name, text in settings.items()}
    runs["overrides"] = [
        json.dumps([*json.loads(each), *filter(None, [own.get(name)])])
        for each, name in zip(runs["overrides"], runs["architecture"], strict=True)
    ]
    return runs


def test_the_answer_says_first_that_test_rows_differ_and_advises_no_replicates():
    found = compare_records(runs_on({"head": "1", "story": "2"}, head="headline", story="story"), sweep="s")
    assert found.answer.startswith(
        "Tested on different rows: head and linear (data.text=headline); story (data.text=story)."
        f" So no verdict compares one with another, and more replicates cannot help; it takes a new"
        f" sweep: {SAME}."
    )
    assert found.next is None
    assert "better on these rows" not in found.answer
    words = {(v.a, v.b): v.verdict for v in found.verdicts}
    assert words["head", "story"] == words["story", "linear"] == "not comparable"
    assert words["head", "linear"] != "not comparable"
    (pair,) = (v for v in found.verdicts if (v.a, v.b) == ("head", "story"))
    assert (
        pair.sentence == "head and story were tested on different rows, so their replicates are in no pair."
    )
    assert (pair.p, pair.difference, pair.low, pair.replicates_needed) == (None, None, None, None)
    assert not [one for one in found.health if "in pairs of one seed" in one.sentence]


def test_the_terminal_counts_what_is_not_comparable_and_marks_it():
    found = compare_records(runs_on({"head": "1", "story": "2"}), sweep="s")
    for details in (True, False):
        console = Console(file=io.StringIO(), width=80)
        print_comparison(found, console, details=details)
        assert "Pairs: 1 not comparable" in console.file.getvalue()
    assert "x head and story were tested on different rows" in console_text(found)
    assert found.to_json()["verdicts"][0]["verdict"] == "not comparable"


def console_text(found):
    console = Console(file=io.StringIO(), width=200)
    print_comparison(found, console)
    return console.file.getvalue()


def test_those_with_the_same_test_rows_are_compared_as_ever():
    parts = {"one": "1", "two": "1", "three": "2"}
    found = compare_records(runs_on(parts), sweep="s")
    assert "Of one and two: " in found.answer
    assert "as the corpus changed between them" in found.answer
    assert "each architecture on the rows as they are now" in found.answer
    alone = compare_records(runs_on({"one": "1", "two": "1"}), sweep="s")
    (own,) = (v for v in alone.verdicts if (v.a, v.b) == ("one", "two"))
    (same,) = (v for v in found.verdicts if (v.a, v.b) == ("one", "two"))
    assert same.verdict == own.verdict == "better"


def of_other_targets(runs):
    """Return predictions of rows whose targets are others for story than for head and the baseline."""
    targets = {"head": np.arange(20) % 2, "story": np.arange(20) // 10, "linear": np.arange(20) % 2}
    return {
        row["run_id"]: Predictions(targets[row["architecture"]], np.zeros(20, int))
        for row in runs[runs["role"] != "trial"].to_dict("records")
    }


def test_records_of_two_versions_that_name_test_rows_otherwise_are_parted_by_their_targets():
    runs = runs_on({"head": "1", "story": "1"})
    replicate = runs["role"] == "replicate"
    late = replicate & (runs["architecture"] == "story")
    runs.loc[late, "test_rows"] = "drawn-1"
    apart = runs.copy()
    assert {v.verdict for v in compare_records(runs, sweep="s").verdicts} >= {"better"}
    found = compare_records(apart, sweep="s", predictions=of_other_targets(apart))
    assert {v.verdict for v in found.verdicts if "story" in (v.a, v.b)} == {"not comparable"}


def test_records_that_name_no_test_rows_are_parted_by_their_targets():
    runs = runs_on({"head": "1", "story": "2"}).drop(columns="test_rows")
    found = compare_records(runs, sweep="s", predictions=of_other_targets(runs))
    assert {v.verdict for v in found.verdicts if "story" in (v.a, v.b)} == {"not comparable"}
    assert not [one for one in found.health if "corpus changed" in one.sentence]


def test_the_baseline_is_said_to_read_other_columns_than_an_architecture():
    runs = runs_on({"head": "1", "story": "1"}, head="headline", story="story", linear="headline")
    found = compare_records(runs, sweep="s")
    assert [one.sentence for one in found.health if "reads other columns" in one.sentence] == [
        "The linear baseline (data.text=headline) reads other columns than story (data.text=story): what"
        " parts them is not the networks' alone."
    ]
    assert "Tested on different rows" not in found.answer


def test_a_race_stops_who_was_tested_on_other_rows_than_the_leader():
    def standing(name, tested):
        own = tuple(Replicate(str(n), 0.7 + 0.01 * n, tested=tested) for n in range(1, 7))
        test = TestScore(0.73, None, None, 6)
        return Standing(name, {}, None, test, own, None, None, None)

    found = race([standing("head", "1"), standing("story", "2")], plan=ReplicatePlan((6, 12)), margin=0.002)
    (stop,) = found.stopped
    assert (stop.architecture, stop.why) == ("story", "tested on other rows than head")


@pytest.mark.slow
def test_replicates_and_baseline_record_the_rows_that_they_are_tested_on(home):
    path = write(home / "sweeps", more=SPLIT)
    result = rnnsweep.sweep(path, models=False)
    runs = rnnsweep.runs("columns")
    scored = runs[runs["role"].isin(["replicate", "baseline"]) & runs["test"].notna()]
    assert len(scored) == 6
    assert scored["test_rows"].nunique() == 1
    assert runs[runs["role"] == "trial"]["test_rows"].isna().all()
    assert "Tested on different rows" not in result.comparison.answer
    assert {v.new_rows is not None for v in result.comparison.verdicts} == {True}
