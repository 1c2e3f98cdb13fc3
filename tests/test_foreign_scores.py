"""Verdicts on runs that another tool trained: from a table of architecture, seed and score."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.comparison import compare_foreign, plan_looks
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.verdicts.foreign import MOST_NAMES
from rnnsweep.errors import UserError


def table(
    means: dict[str, float] | None = None, *, seeds: int = 10, linear: float | None = 0.79
) -> pd.DataFrame:
    drawn = np.random.default_rng(3)
    means = means or {"lstm": 0.80, "gru": 0.82, "bag": 0.78}
    rows = [(a, s, m + drawn.normal(0, 0.004)) for a, m in means.items() for s in range(seeds)]
    rows += [] if linear is None else [("linear", 0, linear)]
    return pd.DataFrame(rows, columns=["architecture", "seed", "score"])


def words(comparison) -> dict[tuple[str, str], str]:
    return {(v.a, v.b): v.verdict for v in comparison.verdicts}


def test_scores_of_any_tool_get_standings_and_verdicts_against_each_other_and_the_baseline():
    compared = compare_foreign(table(), baseline="linear")
    assert [s.architecture for s in compared.standings] == ["gru", "lstm", "linear", "bag"]
    assert words(compared)["gru", "lstm"] == "better"
    assert words(compared)["bag", "linear"] == "worse"
    assert [v.single for v in compared.verdicts if v.baseline] == [True] * 3
    assert compared.answer.startswith("gru is ahead in mean test score (0.8")


def test_a_baseline_with_several_seeds_is_compared_in_pairs():
    frame = table({"lstm": 0.80, "gru": 0.82, "linear": 0.79}, linear=None)
    compared = compare_foreign(frame, baseline="linear")
    assert {v.pairs for v in compared.verdicts} == {10}
    assert not any(v.single for v in compared.verdicts)
    assert compared.linear.test.replicates == 10


def test_lower_scores_win_where_lower_is_better_and_are_written_as_they_are():
    frame = table(linear=None).assign(score=lambda t: 100 * t["score"])
    compared = compare_foreign(frame, lower=True)
    assert compared.standings[0].architecture == "bag"
    ends = re.search(r"bag +\S+ \((\S+) to (\S+), 10 replicates\)", repr(compared)).groups()
    assert float(ends[0]) < float(ends[1])
    first = compared.to_json()["standings"][0]["test"]
    assert first["low"] < first["mean"] < first["high"]
    assert first["mean"] == pytest.approx(78, abs=1)
    said = compared.verdicts[0].sentence
    assert re.match(
        r"bag is better than lstm by 1\.\d+ of the score \(95 % interval \+1\.\d+ to \+2\.", said
    ), said
    assert "advantage of the first in the score (lower score is better)" in render_report(compared)
    assert "difference in the score (right: the first is better)" in render_report(compare_foreign(frame))


def test_rows_of_the_test_part_let_a_verdict_speak_of_new_rows():
    drawn = np.random.default_rng(5)
    rows = [
        (a, s, r, int(drawn.random() < p))
        for a, p in (("lstm", 0.6), ("gru", 0.9))
        for s in range(8)
        for r in range(150)
    ]
    frame = pd.DataFrame(rows, columns=["architecture", "seed", "row", "score"])
    compared = compare_foreign(frame.sample(frac=1, random_state=1))
    means = frame.groupby(["architecture", "seed"])["score"].mean().groupby("architecture").mean()
    assert {s.architecture: s.test.mean for s in compared.standings} == pytest.approx(means.to_dict())
    assert compared.test_part.rows == 150
    (verdict,) = compared.verdicts
    assert verdict.new_rows is not None
    assert words(compared) == {("gru", "lstm"): "better"}
    assert "new rows drawn like these 150 test rows" in compared.conclusion
    assert "of other corpora, nor of other configurations." in compared.conclusion, "no search is known"


def grouped(*, groups=15, rows=150, seeds=8):
    """Rows of one group are all right or all wrong: 150 rows say no more than 15."""
    drawn = np.random.default_rng(3)
    easy = {name: drawn.random(groups) < level for name, level in (("gru", 0.85), ("lstm", 0.6))}
    table = [
        (name, seed, row, f"author {row % groups}", float(easy[name][row % groups] ^ (drawn.random() < 0.02)))
        for name in easy
        for seed in range(seeds)
        for row in range(rows)
    ]
    return pd.DataFrame(table, columns=["architecture", "seed", "row", "group", "score"])


def test_rows_of_one_group_count_as_one_unit_on_new_rows():
    frame = grouped()
    together, apart = compare_foreign(frame), compare_foreign(frame.drop(columns="group"))
    ((of_groups,), (of_rows,)) = together.verdicts, apart.verdicts
    assert (of_groups.new_rows.grouped, of_groups.new_rows.rows) == (True, 15)
    assert (of_rows.new_rows.grouped, of_rows.new_rows.rows) == (False, 150)
    wide, narrow = (v.new_rows.high - v.new_rows.low for v in (of_groups, of_rows))
    assert wide > 2 * narrow
    assert of_groups.difference == of_rows.difference
    assert (together.test_part.groups, apart.test_part.groups) == (15, None)
    assert "new rows drawn like these 150 test rows in 15 groups." in together.answer
    assert "150 test rows in 15 groups" in together.conclusion
    assert together.to_json().keys() == apart.to_json().keys()


def test_a_column_group_without_a_column_row_is_of_runs_and_is_left_out():
    frame = table(linear=None)
    said = compare_foreign(frame.assign(group="my experiment")).answer
    assert said == compare_foreign(frame).answer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(group="all"), "groups=1: must be 2 or more; where rows do not belong together"),
        (
            lambda t: t.assign(group=[f"s{n}" for n in t["seed"]]),
            "row 0: has the groups s0 and s1; a test row is in one group in all runs",
        ),
        (lambda t: t.assign(group=[None, *t["group"][1:]]), r"group \(row 1\): is empty; each row needs one"),
    ],
)
def test_groups_that_are_none_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        compare_foreign(change(grouped()))


def test_the_short_answer_says_whether_the_verdicts_cover_new_test_rows():
    same = "The verdicts cover other seeds on the same test rows, and no new rows: those take a column 'row',"
    assert same in compare_foreign(table(linear=None)).answer
    frame = table({"lstm": 0.8, "gru": 0.82}, seeds=6, linear=None)
    rows = pd.concat([frame.assign(row=n, score=frame["score"] + 0.001 * n) for n in range(20)])
    said = compare_foreign(rows).answer
    assert "The verdicts cover other seeds, and new rows drawn like these 20 test rows." in said


def test_columns_that_nothing_is_known_of_are_left_out_of_the_standings(home, capsys):
    table().to_csv("runs.csv", index=False)
    assert main(["compare", "--scores", "runs.csv", "--baseline", "linear"]) == 0
    shown = capsys.readouterr().out
    assert "c/p/f" not in shown
    assert "0/0/0" not in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("architecture")] == [
        ["architecture", "test", "95", "%", "interval", "n"]
    ]
    compared = compare_foreign(table(), baseline="linear")
    page = render_report(compared)
    assert "c/p/f" not in page
    assert "0 / 0 / 0" not in page
    assert '<th scope="col" class="n">replicates</th>' in page


def test_few_seeds_claim_nothing_and_the_answer_says_how_many_it_takes():
    compared = compare_foreign(table({"lstm": 0.8, "gru": 0.82}, seeds=3, linear=None))
    assert {v.verdict for v in compared.verdicts} == {"needs more"}
    assert "train " in compared.answer
    assert "rnnsweep replicate" not in compared.answer
    assert compared.next is None


def test_seeds_that_others_have_are_named_where_one_lacks_them():
    frame = table(linear=None)
    frame = frame[~((frame["architecture"] == "bag") & (frame["seed"] > 7))]
    (remark,) = compare_foreign(frame).health
    assert "missing for bag" in remark.sentence


def test_seeds_that_a_baseline_of_several_runs_lacks_are_named_too():
    """With two runs of other seeds there was no pair, and nobody said why."""
    frame = table({"lstm": 0.80, "gru": 0.82, "linear": 0.79}, linear=None)
    few = frame[~((frame["architecture"] == "linear") & (frame["seed"] > 4))]
    (remark,) = compare_foreign(few, baseline="linear").health
    assert "missing for linear" in remark.sentence
    assert not compare_foreign(table(), baseline="linear").health  # one fit stands beside each seed


def test_shares_beside_percent_are_remarked_on():
    """80 was better than .82, without a word."""
    frame = table(linear=None)
    mixed = frame.assign(score=frame["score"].where(frame["architecture"] != "bag", 100 * frame["score"]))
    (remark,) = compare_foreign(mixed).health
    assert re.match(r"Scores from 0\.7\d+ to 0\.8\d+ stand beside others from 77\.\d+ to", remark.sentence)
    assert "where the latter are percent" in remark.sentence
    for scale in (100, 2, -1):  # of all alike: percent, a loss around 1.6, log-likelihoods
        assert not compare_foreign(frame.assign(score=frame["score"] * scale), lower=scale == 2).health


def test_one_seed_is_the_same_however_it_is_written():
    frame = table(linear=None).astype({"seed": object})
    gru = frame["architecture"] == "gru"
    frame.loc[gru, "seed"] = frame.loc[gru, "seed"].map(lambda seed: f"{seed}.0")
    assert {v.pairs for v in compare_foreign(frame).verdicts} == {10}


def test_the_advice_names_the_option_with_which_further_seeds_share_the_5_percent():
    drawn = np.random.default_rng(0).normal(0, 0.003, (2, 40))
    scores = {"lstm": 0.80 + drawn[0], "gru": 0.803 + drawn[1]}

    def of(seeds: int) -> pd.DataFrame:
        rows = [(name, seed, scores[name][seed]) for name in scores for seed in range(seeds)]
        return pd.DataFrame(rows, columns=["architecture", "seed", "score"])

    first = compare_foreign(of(6))
    total = int(
        re.search(
            r"Next, to show whether gru and lstm differ: train (\d+) seeds of each in all, and compare with"
            r" --looks 6\.",
            first.answer,
        )[1]
    )
    (plain,), (paid,) = (compare_foreign(of(total), looks=one).verdicts for one in ((), (6,)))
    assert paid.p == pytest.approx(min(1.0, plain.p * 0.05 / plan_looks([6, total], most=6)[1].level))


def test_more_seeds_at_an_earlier_look_than_there_are_are_refused():
    with pytest.raises(UserError, match="looks='12,6': must be from 1 to 10, the seeds"):
        compare_foreign(table(linear=None), looks=(12, 6))


def test_long_seeds_that_differ_in_their_last_digit_are_two():
    frame = table(linear=None).assign(seed=lambda t: [str(10**20 + seed) for seed in t["seed"]])
    assert {v.pairs for v in compare_foreign(frame).verdicts} == {10}


@pytest.mark.slow
def test_as_many_architectures_as_are_allowed_are_compared_and_drawn():
    compared = compare_foreign(table({f"a{n}": 0.8 + n / 1000 for n in range(MOST_NAMES)}, linear=None))
    assert len(compared.verdicts) == MOST_NAMES * (MOST_NAMES - 1) // 2
    assert "a49" in render_report(compared)


def test_half_a_character_in_a_file_is_refused_in_one_line(home, capsys):
    lines = (json.dumps({"architecture": name, "seed": 1, "score": 0.8}) for name in ("\ud800", "b"))
    Path("runs.jsonl").write_text("\n".join(lines))
    assert main(["compare", "--scores", "runs.jsonl"]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        r"error: runs.jsonl: '\ud800': must be a whole character, not half of a pair of UTF-16"
    )


def test_names_of_any_script_are_kept_and_escaped():
    names = ["Ångström—λ", "<b>bold</b>", "长短期记忆", "مدل‌ها", "🧪"]
    frame = table({name: 0.8 + 0.01 * n for n, name in enumerate(names)}, linear=None)
    compared = compare_foreign(frame)
    assert {s.architecture for s in compared.standings} == set(names)
    page = render_report(compared)
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page


def test_a_million_test_rows_are_compared():
    drawn = np.random.default_rng(2)
    seeds, rows = 5, 100_000
    frame = pd.DataFrame(
        {
            "architecture": np.repeat(["lstm", "gru"], seeds * rows),
            "seed": np.tile(np.repeat(np.arange(seeds), rows), 2),
            "row": np.tile(np.arange(rows), 2 * seeds),
            "score": drawn.random(2 * seeds * rows) < np.repeat([0.8, 0.82], seeds * rows),
        }
    )
    compared = compare_foreign(frame)
    assert compared.test_part.rows == rows
    assert [s.architecture for s in compared.standings] == ["gru", "lstm"]


BAD = {
    "percent": (
        lambda t: t.assign(score=[f"{100 * s:.1f}%" for s in t["score"]]),
        r"score='\d\d\.\d%' \(row 1\): must be a finite number; leave out the percent signs",
    ),
    "comma": (
        lambda t: t.assign(score=[f"{s:.4f}".replace(".", ",") for s in t["score"]]),
        r"score='0,\d+' \(row 1\): must be a finite number; write a decimal point",
    ),
    "control character": (
        lambda t: t.assign(architecture=["\x1b[31mred", *t["architecture"][1:]]),
        r"architecture '\\x1b\[31mred': must be without control characters",
    ),
    "half a character": (
        lambda t: t.assign(architecture=pd.Series(["\ud800", *t["architecture"][1:]], dtype=object)),
        r"architecture '\\ud800': must be without control characters",
    ),
    "infinite": (
        lambda t: t.assign(score=[np.inf, *t["score"][1:]]),
        r"score=inf \(row 1\): must be a finite",
    ),
    "many architectures": (
        lambda t: pd.concat(
            [t, pd.DataFrame({"architecture": map(str, range(2000)), "seed": 0, "score": 0.5})]
        ),
        "architectures=2003: must be 50 at most, as each is compared with each other; perhaps another column",
    ),
    "many seeds": (
        lambda t: pd.concat([t, pd.DataFrame({"architecture": "a", "seed": range(1500), "score": 0.5})]),
        "architecture a: has 1,500 seeds, and at most 1,000 are compared; .* need a column 'row'",
    ),
    "two columns of one name": (
        lambda t: t.assign(second=t["score"]).rename(columns={"second": "score"}),
        "column 'score': is there twice",
    ),
    "no column": (
        lambda t: t.rename(columns={"score": "scores"}),
        "no column 'score'; there is .* Did you mean",
    ),
    "text": (lambda t: t.assign(score="high"), r"score='high' \(row 1\): must be a finite number"),
    "NaN": (lambda t: t.assign(score=[np.nan, *t["score"][1:]]), r"\(row 1\): must be a finite number"),
    "twice": (
        lambda t: pd.concat([t, t.head(1)]),
        "lstm, seed 0: occurs twice; one line for each run",
    ),
    "no name": (
        lambda t: t.assign(architecture=[None, *t["architecture"][1:]]),
        r"\(row 1\): is empty",
    ),
    "alone": (lambda t: t[t["architecture"] == "gru"], "'gru' alone cannot be compared"),
    "empty": (lambda t: t.head(0), "rows=0: must be one or more"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_compared_is_refused_with_its_place(name):
    spoilt, message = BAD[name]
    with pytest.raises(UserError, match=message):
        compare_foreign(spoilt(table(linear=None)))


def test_an_export_with_other_names_is_answered_with_the_option_that_names_its_columns(home, capsys):
    Path("export.csv").write_text(
        '"Name","State","seed","test_acc"\n"a","finished","1","0.8"\n"b","crashed","1",""\n'
    )
    assert main(["compare", "--scores", "export.csv"]) == 2
    assert capsys.readouterr().err == (
        "error: export.csv: no column 'architecture'; there is Name, State, seed, test_acc."
        " A column of another name: --columns architecture=COLUMN,score=COLUMN (in Python: frame.rename)\n"
    )
    assert main(["compare", "--scores", "export.csv", "--columns", "architecture=Name,score=test_acc"]) == 2
    assert capsys.readouterr().err == (
        "error: export.csv: score='' (row 2): must be a finite number;"
        " leave out the row of a run that failed\n"
    )


def test_an_unknown_baseline_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="baseline='liner': is not one of .* Did you mean 'linear'"):
        compare_foreign(table(), baseline="liner")


def test_a_run_that_lacks_a_test_row_is_named():
    frame = pd.DataFrame(
        [("a", 1, 0, 1), ("a", 1, 1, 0), ("b", 1, 0, 1)], columns=["architecture", "seed", "row", "score"]
    )
    with pytest.raises(UserError, match="architecture b, seed 1: has no test row 1"):
        compare_foreign(frame)


def test_the_report_says_nothing_of_a_search_that_was_not_seen():
    page = render_report(compare_foreign(table(), baseline="linear"))
    assert "trained outside of rnnsweep" in page
    assert "TF-IDF" not in page
    assert 'id="budget"' not in page
    assert "Nothing found: budgets are equal" not in page


def test_the_function_writes_the_report_and_returns_the_comparison(home):
    compared = rnnsweep.compare_scores(table(), baseline="linear", name="mine")
    assert compared.report == home / "mlruns" / "comparisons" / "mine.html"
    assert "gru" in compared.report.read_text()


def test_the_command_reads_a_file_with_columns_of_its_own(home, capsys):
    frame = table().rename(columns={"architecture": "model", "score": "test_acc"})
    frame.to_csv("runs.csv", index=False)
    columns = "architecture=model,score=test_acc"
    line = ["compare", "--scores", "runs.csv", "--columns", columns, "--baseline", "linear", "--json"]
    assert main(line) == 0
    value = json.loads(capsys.readouterr().out)
    assert [s["architecture"] for s in value["standings"]] == ["gru", "lstm", "linear", "bag"]
    assert value["report"].endswith("comparisons/runs.html")


PAGE = (Path(__file__).parents[1] / "docs" / "bring_scores.md").read_text()
SCORES = {
    (name, seed): mean + seed / 1000 for name, mean in (("lstm", 0.8), ("gru", 0.82)) for seed in range(8)
}
# the runs table of W&B as its CSV export has it: its own columns, then those of config and summary
WANDB = '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","model","seed","test_accuracy"'


def commands_of(page: str, heading: str) -> list[list[str]]:
    """The commands of rnnsweep under a heading of a page, as their arguments."""
    section = page.split(f"## {heading}")[1].split("\n## ")[0]
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith("rnnsweep ")]


def test_the_csv_that_wandb_exports_is_compared_by_the_command_of_the_docs(home, capsys):
    rows = [
        f'"run-{n}","finished","-","me","","2026-01-05T10:00:00.000Z","312","","{name}","{seed}","{score}"'
        for n, ((name, seed), score) in enumerate(SCORES.items())
    ]
    Path("export.csv").write_text("\n".join([WANDB, *rows]) + "\n")
    (line,) = commands_of(PAGE, "From Weights & Biases")
    assert main([*line, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [s["architecture"] for s in value["standings"]] == ["gru", "lstm"]
    assert value["standings"][0]["test"]["replicates"] == 8


@pytest.fixture
def own_mlflow(monkeypatch):
    """MLflow keeps the address that it was given in the process and in its environment: both are put back."""
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    yield
    mlflow.set_tracking_uri("")


@pytest.mark.slow
def test_an_export_of_mlflow_and_its_search_are_compared_as_the_docs_do_it(home, capsys, own_mlflow):
    import mlflow
    from click.testing import CliRunner
    from mlflow.experiments import commands

    mlflow.set_tracking_uri(f"sqlite:///{home / 'theirs.db'}")
    number = mlflow.create_experiment("my experiment", artifact_location=str(home / "artifacts"))
    for (name, seed), score in [*SCORES.items(), (("linear", 0), 0.79)]:
        with mlflow.start_run(experiment_id=number):
            mlflow.log_params({"model": name, "seed": seed})
            mlflow.log_metric("test_accuracy", score)
    done = CliRunner().invoke(commands, ["csv", "-x", number, "-o", "export.csv"])
    assert done.exit_code == 0, done.output
    (line,) = commands_of(PAGE, "From MLflow")
    capsys.readouterr()
    assert main([*line, "--baseline", "linear", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [s["architecture"] for s in value["standings"]] == ["gru", "lstm", "linear"]
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.split("## From MLflow")[1], re.DOTALL)
    *before, call = code.strip().splitlines()
    names: dict = {}
    exec("\n".join([*before, f"compared = {call}"]), names)  # noqa: S102
    assert [s.architecture for s in names["compared"].standings] == ["gru", "lstm", "linear"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("compare", "Name a sweep, as quickstart, or --scores FILE"),
        ("compare quick --scores runs.csv", "--scores and the sweep 'quick' exclude each other"),
        ("compare quick --baseline linear", "--baseline needs --scores FILE"),
        ("compare quick --looks 6", "--looks needs --scores FILE"),
        ("compare --scores runs.csv --looks six", "--looks 'six': must be numbers of seeds, as 6,12."),
        ("compare --scores runs.csv --looks 11", "runs.csv: looks='11': must be from 1 to 10, the seeds"),
        ("compare --scores none.csv", "none.csv"),
        ("compare --scores runs.csv --columns score", "--columns 'score': must have the form score=test_acc"),
        ("compare --scores runs.csv --columns score=acc", "no column 'acc' for score; there is architecture"),
        ("compare --scores runs.csv --baseline x", "runs.csv: baseline='x': is not one of"),
    ],
)
def test_a_wrong_line_is_answered_in_one_line(home, capsys, line, message):
    table().to_csv("runs.csv", index=False)
    assert main(line.split()) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert message in said[-1]
