"""Architectures over several corpora: ranks, tests with corpora as blocks, and what too few cannot show."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from simulation import write_sweep
from sweep_records import make_runs

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.comparison import compare_records
from rnnsweep.comparison.corpora.ranks import (
    compare_corpora,
    groups,
    rank_pairs,
    wilcoxon_p,
)
from rnnsweep.comparison.report.corpora import corpora_table, render_corpora
from rnnsweep.comparison.statistics.permutation import fewest_pairs
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.start import begin
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tasks import score_named

LEVELS = {"gru": 0.80, "lstm": 0.78, "rnn": 0.70}


def sweep(name, levels=None, **more):
    found = compare_records(make_runs(levels or LEVELS, trials=2, replicates=3, **more), sweep=name)
    return replace(found, facts={"corpus digest": name})


@pytest.fixture(scope="module")
def two():
    """Two sweeps with three architectures each, and one that only the second has."""
    return compare_corpora([sweep("news"), sweep("mail", {**LEVELS, "bigru": 0.9}, seed=1)])


def test_ranks_are_of_the_mean_test_scores_best_first(two):
    assert two.sweeps == ("news", "mail")
    assert two.architectures[0] == "gru"
    assert two.ranks[0] == 1.0
    assert sum(two.ranks) == pytest.approx(sum(range(1, len(two.architectures) + 1)))


def test_what_not_every_sweep_has_is_left_out_and_said(two):
    assert two.left_out == ("bigru",)


def test_two_corpora_are_said_to_show_nothing_whatever_they_score(two):
    assert "2 corpora cannot show that any pair differs" in two.answer
    assert f"take {fewest_pairs(comparisons=len(two.pairs))} corpora" in two.answer
    assert not any(p.separated for p in two.pairs)


@pytest.mark.parametrize(("pairs", "corpora"), [(1, 6), (3, 7), (10, 9)])
def test_so_many_corpora_can_just_reach_five_percent(pairs, corpora):
    assert fewest_pairs(comparisons=pairs) == corpora
    assert (
        pairs * wilcoxon_p(np.arange(1.0, corpora + 1)) <= 0.05 < pairs * wilcoxon_p(np.arange(1.0, corpora))
    )


def test_wilcoxons_p_is_scipys_exact_one_where_nothing_is_tied():
    d = np.random.default_rng(0).normal(0.3, 1, 11)
    assert wilcoxon_p(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)
    assert wilcoxon_p(np.zeros(5)) == 1.0


def test_many_corpora_with_one_order_tell_every_pair_apart():
    scores = np.tile([0.9, 0.8, 0.7], (8, 1)) + np.random.default_rng(0).normal(0, 0.001, (8, 3))
    pairs = rank_pairs(("a", "b", "c"), scores)
    assert [(p.a, p.b, p.separated, p.wins) for p in pairs] == [
        ("a", "b", True, 8),
        ("a", "c", True, 8),
        ("b", "c", True, 8),
    ]


def test_bars_of_the_diagram_span_the_longest_runs_within_the_critical_difference():
    assert groups("abcd", [1.0, 1.5, 2.2, 3.9], 1.25) == [("a", "b", "c")]
    assert groups("abcd", [1.0, 1.9, 2.8, 3.7], 1.0) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert groups("ab", [1.0, 2.0], 0.5) == []


@pytest.mark.parametrize(
    ("sweeps", "words"),
    [
        (["news"], "news: it takes two sweeps or more to compare over corpora"),
        (["news", "news"], "news: given twice; each sweep must be of another corpus"),
    ],
)
def test_too_few_sweeps_are_refused(sweeps, words):
    with pytest.raises(UserError, match=words):
        compare_corpora([sweep(name) for name in sweeps])


def test_two_sweeps_of_one_corpus_are_no_two_blocks():
    same = replace(sweep("again"), facts={"corpus digest": "news"})
    with pytest.raises(
        UserError,
        match=r"again: has the same corpus as news .*look at each alone: rnnsweep compare news; rnnsweep co",
    ):
        compare_corpora([sweep("news"), same])


def test_two_sweeps_of_one_corpus_are_refused_before_any_is_compared(home, monkeypatch):
    for name, architectures in (("news", "[gru, lstm]"), ("again", "[lstm, rnn]")):
        asked = write_sweep(home, name=name, architectures=architectures)
        SweepFolder.of(home / "mlruns", name).make()
        begin(asked, mlruns=home / "mlruns", conf=home / "conf", corpus="5" * 64)
    monkeypatch.setattr(
        "rnnsweep.api.comparing.over_corpora.compare", lambda *given, **more: pytest.fail("compared")
    )
    words = (
        "again: has the same corpus as news (digest 555555555555); each sweep must be of another corpus; to "
        "compare on one, write a sweep file with `architectures: [gru, lstm, rnn]`, and run: "
        "rnnsweep sweep FILE"
    )
    with pytest.raises(UserError, match=re.escape(words)):
        rnnsweep.compare_corpora(["news", "again"])
    with pytest.raises(UserError, match="news: given twice"):
        rnnsweep.compare_corpora(["news", "news"])


def test_architectures_of_one_sweep_are_not_compared_without_the_others(home, capsys):
    asked = write_sweep(home, name="news", architectures="[gru, lstm, rnn]")
    SweepFolder.of(home / "mlruns", "news").make()
    begin(asked, mlruns=home / "mlruns", conf=home / "conf", corpus="5" * 64)
    assert main(["compare", "news", "gru"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "gru: is an architecture of sweep 'news', and no sweep. Each pair has its line in" in said
    assert "rnnsweep compare news --details. Its p is corrected for all pairs" in said
    assert "a sweep file with `like: news`, fewer `architectures:` and another `seed:`" in said
    with pytest.raises(UserError, match="'gruu'.*no such sweep|gruu.*no sweep"):
        rnnsweep.compare_corpora(["news", "gruu"])


def test_sweeps_with_nothing_in_common_are_refused():
    with pytest.raises(UserError, match="have 0 architectures in common"):
        compare_corpora([sweep("news", {"a": 0.7}, linear=None), sweep("mail", {"b": 0.7}, linear=None)])


def test_a_sweep_without_a_test_score_is_refused_with_the_command_that_gives_one():
    bare = compare_records(make_runs(LEVELS, trials=2, replicates=0, linear=None), sweep="bare")
    with pytest.raises(UserError, match="bare: has no test score yet: rnnsweep replicate bare --n 10"):
        compare_corpora([sweep("news"), bare])


def test_the_terminal_shows_ranks_and_ties_in_80_columns(two):
    out = io.StringIO()
    Console(file=out, width=80).print(corpora_table(two, width=80))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("not separated") and "━━" in line for line in lines)
    assert any(line.split()[:2] == ["gru", "1.00"] for line in lines)


def test_the_page_and_the_json_say_the_same_answer(two):
    assert two.answer in render_corpora(two).replace("&#39;", "'")
    value = json.loads(json.dumps(two.to_json(), allow_nan=False))
    assert (value["answer"], value["architectures"][0]["architecture"]) == (two.answer, "gru")
    assert set(value["pairs"][0]) == {"a", "b", "rank_difference", "p", "wins", "separated"}


def test_corpora_that_rank_alike_have_no_p_of_iman_and_davenport_rather_than_one_of_nought():
    apart = {"gru": 0.9, "lstm": 0.7, "rnn": 0.5}
    found = compare_corpora([sweep("news", apart), sweep("mail", apart, seed=1)])
    console = Console(width=80, file=io.StringIO())
    console.print(corpora_table(found))
    for said in (" ".join(console.file.getvalue().split()), render_corpora(found)):
        assert "Iman and Davenport: no p, as all corpora rank alike" in said
        assert f"each p is corrected for these {len(found.pairs)} pairs" in said
    assert ">p (corrected)</th>" in render_corpora(found)
    assert found.to_json()["friedman"]["iman_davenport_p"] is None


READS = 'overrides: [data=files, data.train=rows.csv, "data.text={text}", data.label=topic{more}]\n'


INSTEAD = (
    "where only a setting of the training differs, give one sweep file both as names of its own:"
    " `architectures: {a: [model=NAME], b: [model=NAME, KEY=VALUE]}`; where their test rows differ, look at"
    " each alone: rnnsweep compare heads; rnnsweep compare stories"
)


def begin_of_file(home, name, text, *, files=(), more="", file="rows.csv", architectures="[gru, lstm]"):
    asked = write_sweep(home, name=name, architectures=architectures)
    lines = READS.format(text=text, more=more).replace("rows.csv", file)
    asked.path.write_text(asked.path.read_text() + lines)
    SweepFolder.of(home / "mlruns", name).make()
    begin(read_sweep(asked.path), mlruns=home / "mlruns", conf=home / "conf", corpus=name * 9, files=files)


@pytest.mark.parametrize(
    ("file", "digests"),
    [
        ("rows.csv", ([], [])),
        ("rows.csv", (["1" * 64], [])),
        ("copy.csv", (["1" * 64], ["1" * 64, "2" * 64])),
    ],
    ids=["by its path", "of an earlier version", "by its bytes"],
)
def test_one_file_that_two_sweeps_read_by_other_columns_is_one_corpus(home, file, digests):
    begin_of_file(home, "heads", "headline", files=digests[0])
    begin_of_file(home, "stories", "story", files=digests[1], file=file)
    shared = home / "rows.csv" if file == "rows.csv" else "1" * 60
    words = (
        f"stories: reads the same file as heads ({str(shared)[:60]}); each sweep must be of another corpus;"
        f" {INSTEAD}"
    )
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        rnnsweep.compare_corpora(["heads", "stories"])


def test_copies_of_one_file_with_further_columns_or_rows_are_one_corpus(home, monkeypatch):
    def write(name, texts, more=""):
        lines = [f"{text},{'ab'[n % 2]}{more}" for n, text in enumerate(texts)]
        (home / name).write_text("\n".join([f"story,topic{more and ',day'}", *lines]) + "\n")

    texts = [f"word{n} and word{n * 7}" for n in range(200)]
    write("rows.csv", texts)
    write("more.csv", [*texts, *(f"other{n}" for n in range(100))], ",1")
    write("half.csv", [*texts[:80], *(f"other{n}" for n in range(120))])
    for name, file in (("first", "rows.csv"), ("second", "more.csv"), ("third", "half.csv")):
        begin_of_file(home, name, "story", file=file, files=[name * 8])
    monkeypatch.setattr("rnnsweep.api.comparing.over_corpora.compare", lambda *given, **more: 1 / 0)
    words = (
        "second: has 200 texts in common with first (of 300 different ones here and 200 there); each sweep"
        " must be of another corpus;"
    )
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        rnnsweep.compare_corpora(["first", "second"])
    with pytest.raises(ZeroDivisionError):
        rnnsweep.compare_corpora(["first", "third"])
    (home / "more.csv").unlink()
    with pytest.raises(ZeroDivisionError):
        rnnsweep.compare_corpora(["first", "second"])


def test_sweeps_of_one_file_with_other_architectures_are_to_be_one_sweep_of_all(home):
    begin_of_file(home, "one", "story")
    begin_of_file(home, "two", "story", architectures="[lstm, rnn]")
    with pytest.raises(
        UserError, match=r"; to compare on one, write a sweep file with `architectures: \[gru, ls"
    ):
        rnnsweep.compare_corpora(["one", "two"])


def test_sweeps_of_two_scores_are_not_ranked_together(home):
    begin_of_file(home, "one", "story")
    begin_of_file(home, "two", "story", more=", objective=macro_f1", file="other.csv")
    words = (
        "two: is scored by macro F1, and one by accuracy; ranks over corpora are of one score: give the sweep"
        " files one `objective:`"
    )
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        rnnsweep.compare_corpora(["one", "two"])
    other = replace(sweep("two"), score=score_named("classification", "macro_f1"))
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        compare_corpora([sweep("one"), other])


def test_architectures_of_one_mean_rank_share_the_best():
    levels = {"gru": 0.8, "lstm": 0.7}
    found = compare_corpora([sweep("a", levels), sweep("b", dict(zip(levels, (0.7, 0.8), strict=True)))])
    assert found.answer.startswith("Over 2 corpora gru and lstm share the best mean rank (1.50). 2 corpora")
    assert (
        "Over 2 corpora gru has the best mean rank (1.00). "
        in compare_corpora([sweep("a", levels), sweep("b", levels, seed=1)]).answer
    )
