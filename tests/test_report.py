"""The report is one file with everything in it; the tables and the terminal say the same."""

import html
import io
import json
import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyte
import pytest
from rich.console import Console
from sweep_records import LEVELS, SHARES, make_curves, make_runs

from rnnsweep.comparison import compare_records, print_comparison, standings_markdown, write_report
from rnnsweep.comparison.evidence.records import HERE, HealthRemark
from rnnsweep.comparison.figures import drawing
from rnnsweep.comparison.figures.scores_of_test_part import pairs_figure
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.report.standings import interval_bar
from rnnsweep.comparison.report.tables import (
    standing_cells,
    standings_latex,
    verdicts_latex,
    verdicts_markdown,
)
from rnnsweep.comparison.statistics.intervals import Interval
from rnnsweep.comparison.verdicts.sentences import say_aside, say_few, say_improvement, say_rule
from rnnsweep.comparison.words import DASH
from rnnsweep.drawing.palette import colour, colours
from rnnsweep.sweepfile import read_sweep


@pytest.fixture(scope="module")
def comparison():
    runs = make_runs()
    return compare_records(
        runs,
        make_curves(runs),
        sweep="demo",
        importances=SHARES,
        facts={"torch": "2.13", "git.diff": "x\n" * 400},
    )


@pytest.fixture(scope="module")
def page(comparison):
    return render_report(comparison)


def test_the_report_asks_no_network(page):
    text = page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in re.sub(r'http-equiv="', "", text)
    assert "default-src 'none'" in text
    assert {link.partition(":")[0] for link in re.findall(r'(?:href|src)="([^"]*)"', text)} == {"data"}


@pytest.mark.parametrize("name", ["pairs", "replicates", "curves", "parameters", "trials", "importance"])
def test_each_figure_has_its_sentence_and_its_numbers(page, name):
    figure = re.search(rf'<figure id="figure-{name}">.*?</figure>', page, re.DOTALL).group()
    assert "<svg" in figure
    assert len(re.search(r"<figcaption>(.*?)<a", figure, re.DOTALL).group(1)) > 80
    assert f'download="{name}.csv" href="data:text/csv;base64,' in figure


def test_the_first_screen_has_question_answer_and_standings(comparison, page):
    start = page[page.index("<body") : page.index("Other averages")]
    assert comparison.answer in start
    assert start.count('<th scope="row">') == 5


def test_median_and_interquartile_mean_stand_beside_the_mean_with_their_intervals(comparison, page):
    start = page[page.index("Other averages") : page.index("Pair by pair")]
    best = comparison.standings[0].test
    for found in (best, best.median, best.interquartile_mean):
        assert f"{found.low:.4f} to {found.high:.4f}" in start
    assert start.count('<th scope="row">') == 4  # the baseline is one number


def test_intervals_of_few_replicates_are_said_to_be_wide_or_withheld(comparison):
    few = compare_records(make_runs(replicates=4), sweep="demo")
    assert say_few(few.standings).startswith("With fewer than 10 replicates (bilstm 4, gru 4, lstm 4, rnn 4)")
    assert say_few(few.standings) in render_report(few)
    assert say_few(comparison.standings) == ""


def test_the_columns_of_the_standings_are_explained_under_them(comparison, page):
    console = Console(file=io.StringIO(), width=400)
    print_comparison(comparison, console)
    printed = console.file.getvalue()
    text = re.sub(r"\s+", " ", page)
    assert '<th scope="col" class="n">best validation</th>' in text
    for shown, validation, trials, means in (
        (text, "best validation", "trials c/p/f", "parameters, s/run, samples/s"),
        (printed, "valid", "c/p/f", "params, s/run"),
    ):
        assert f"{validation}: the best trial of the search" in shown
        assert f"{trials}: trials that are complete, pruned and failed." in shown
        assert f"{means}: means over the replicates" in shown


def test_a_baseline_whose_fits_were_read_from_the_cache_has_no_seconds_in_the_standings():
    runs = make_runs()
    runs.loc[runs["role"] == "baseline", ["seconds", "samples_per_second"]] = float("nan")
    found = compare_records(runs, curves=None)
    linear = next(s for s in found.standings if s.baseline)
    assert (linear.seconds, linear.samples_per_second) == (None, None)
    assert standing_cells(linear)[-2:] == [DASH, DASH]
    said = "no seconds of the baseline, whose fits were read from the cache"
    console = Console(file=io.StringIO(), width=400)
    print_comparison(found, console)
    assert said in console.file.getvalue()
    assert said in render_report(found)
    assert said not in render_report(compare_records(make_runs(), curves=None))


def test_parameters_and_seconds_are_the_means_that_the_ui_shows_of_the_replicates(comparison):
    runs = make_runs()
    repeats = (runs["role"] == "replicate") & (runs["architecture"] == "gru")
    runs.loc[repeats, "parameters"] = [1000 + 3 * n for n in range(repeats.sum())]
    runs.loc[repeats, "seconds"] = [1.0] * (repeats.sum() - 1) + [1.0 + repeats.sum()]
    gru = next(s for s in compare_records(runs, curves=None).standings if s.architecture == "gru")
    own = runs[repeats]
    assert gru.parameters == round(own["parameters"].mean())
    assert gru.seconds == pytest.approx(own["seconds"].mean())


def test_every_place_that_shows_a_p_says_that_it_is_corrected_for_the_number_of_pairs(comparison, page):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    print_comparison(comparison, console)
    printed, text = (re.sub(r"\s+", " ", one) for one in (console.file.getvalue(), page))
    for against, title, head in (
        (False, "Between architectures", "Pairs"),
        (True, "Against the baseline", "Against the baseline"),
    ):
        pairs = sum(v.baseline == against for v in comparison.verdicts)
        said = f"(each p is corrected for these {pairs} pairs)"
        assert f'<h3>{title} <span class="aside">{said}</span></h3>' in text
        assert re.search(rf"{head}: [\w, ]+ {re.escape(said)}", printed)
        tip = next(v.sentence for v in comparison.verdicts if v.baseline == against)
        assert f"{html.escape(tip, quote=False)} {said}" in text
    heads = "difference | 95 % interval | p (corrected) | on new rows | p on new rows (corrected)"
    assert heads in verdicts_markdown(comparison)


def test_each_pair_tells_how_often_one_is_better_and_whether_one_run_of_each_shows_it(comparison, page):
    said = {(v.a, v.b): say_improvement(v) for v in comparison.verdicts}
    assert all(sentence in page for sentence in said.values())
    clear = next(v for v in comparison.verdicts if v.verdict == "better" and v.improvement.estimate == 1)
    assert said[clear.a, clear.b] == (
        f"{clear.a} has the better score in 100 % of the pairs of runs (95 % interval 72 to 100), enough to"
        " rely on one run of each"
    )
    assert page.count("with the whole interval above 50 %, is enough to rely on one run of each;") == 1
    assert say_rule([replace(clear, verdict="not separable")]) == ""
    assert f"of the pairs of runs{HERE} (95 %" in say_improvement(replace(clear, verdict=f"better{HERE}"))
    turned = replace(clear, verdict="worse", improvement=Interval(0.3, 0.1, 0.6, 10, "Wilson"))
    assert say_improvement(turned) == (
        f"{clear.b} has the better score in 70 % of the pairs of runs (95 % interval 40 to 90), not enough"
        " to rely on one run of each"
    )


def test_a_pair_that_is_not_separated_has_no_word_on_what_matters_in_use(comparison, page):
    clear = next(v for v in comparison.verdicts if v.verdict == "better" and v.improvement.estimate == 1)
    for word in ("not separable", "needs more", "equivalent"):
        assert say_improvement(replace(clear, verdict=word)) == ""
    some = next(v for v in comparison.verdicts if v.verdict in ("not separable", "needs more"))
    size = f"{100 * some.detectable:.2f} points"
    assert say_aside(some) == f"10 replicates find a true difference of {size} in 80 of 100 cases"
    assert say_aside(some) in page


def test_every_verdict_is_in_words(comparison, page):
    assert all(v.sentence in page for v in comparison.verdicts)


def test_names_are_escaped():
    runs = make_runs({"<b>x</b>": 0.7, "gru": 0.6})
    page = render_report(compare_records(runs, make_curves(runs), sweep="<i>"))
    assert "<b>" not in page
    assert "<i>" not in page


def test_a_sweep_without_replicates_has_a_report_too():
    page = render_report(compare_records(make_runs(replicates=0, linear=None), sweep="demo"))
    assert "No claim is possible yet" in page
    assert "rnnsweep replicate demo --n 8" in page


def test_a_sweep_without_anything_complete_has_a_report_too():
    runs = make_runs(replicates=0, linear=None).assign(state="failed", validation=None)
    assert "none of 20 trials completed" in render_report(compare_records(runs, sweep="demo"))


def test_the_report_replaces_an_older_one_as_a_whole(comparison, tmp_path):
    path = tmp_path / "deep" / "report.html"
    assert write_report(comparison, path) == path
    assert write_report(comparison, path).read_text() == render_report(comparison)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


SWEEP = """# Which of ten?
architectures: [net0, net1]
trials: 990
sampler: random
pruner: none
objectives: [validation, parameters]
space:
  optimizer.lr: {type: float, low: 1e-4, high: 1e-1, log: true}
  model.hidden_size: {type: int, low: 8, high: 128, log: true}
"""


@pytest.mark.slow
def test_ten_thousand_runs_with_every_figure_stay_a_small_file(tmp_path):
    (tmp_path / "many.yaml").write_text(SWEEP)
    runs = make_runs({f"net{i}": 0.6 + 0.01 * i for i in range(10)}, trials=990, pruning=False)
    assert len(runs) == 10_001
    draw = np.random.default_rng(0)
    targets_N = draw.integers(0, 4, 7600)
    own = runs[runs["role"] == "replicate"]["run_id"]
    said = {run: Predictions(targets_N, draw.integers(0, 4, 7600)) for run in own}
    curves, sweep = make_curves(runs, validations=60), read_sweep(tmp_path / "many.yaml")
    shares = {f"net{i}": SHARES["gru"] for i in range(10)}
    start = time.process_time()
    found = compare_records(
        runs, curves, sweep=sweep, predictions=said, labels=["a", "b", "c", "d"], importances=shares
    )
    page = render_report(found)
    print(f"{time.process_time() - start:.1f} s of the processor, {len(page) / 1e6:.2f} MB")
    assert len(page) < 5_000_000
    drawn = set(re.findall(r'<figure id="figure-(\w+)"', page))
    assert drawn == {
        *("pairs", "replicates", "front", "parameters", "curves"),
        *("trials", "importance", "marginals", "budget", "spending"),
    }


def test_markdown_has_one_line_a_row_and_numbers_to_the_right(comparison):
    lines = standings_markdown(comparison).splitlines()
    assert len(lines) == 2 + 5
    assert lines[1].startswith("| --- | ---: |")
    assert lines[2].startswith("| bilstm | 0.7115 | 0.70")
    assert len(verdicts_markdown(comparison).splitlines()) == 2 + 10


def test_latex_uses_booktabs_and_escapes(comparison):
    text = standings_latex(comparison)
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert r"95 \% interval" in text
    assert text.count(r"\\") == 6
    assert r"P(A\textgreater{}B)" in verdicts_latex(comparison)


def shown(comparison, width):
    console = Console(width=width, record=True, file=open("/dev/null", "w"), force_terminal=False)  # noqa: SIM115
    with console.file:
        print_comparison(comparison, console)
        return console.export_text()


def on_a_terminal(comparison, *, columns=80, lines=24):
    """What a terminal of this size shows after the comparison was printed."""
    screen = pyte.Screen(columns, lines)
    stream = pyte.Stream(screen)
    console = Console(
        width=columns, height=lines, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    print_comparison(comparison, console, details=False)
    stream.feed(console.file.getvalue().replace("\n", "\r\n"))
    return [line.rstrip() for line in screen.display]


def test_a_command_whose_aim_leaves_no_room_beside_it_has_a_line_of_its_own():
    found = compare_records(make_runs(replicates=5), sweep="demo")
    for width, lines in ((120, 1), (80, 2)):
        console = Console(file=io.StringIO(), width=width, force_terminal=False)
        print_comparison(found, console)
        shown_lines = console.file.getvalue().splitlines()
        (at,) = (n for n, line in enumerate(shown_lines) if line.startswith("Next, to show whether bilstm"))
        said = shown_lines[at : at + lines]
        assert said[-1].endswith(f"  {found.next}" if lines == 2 else f": {found.next}")
        assert all(len(line) <= width for line in said)


def test_the_last_screen_has_question_answer_standings_and_the_next_command(comparison):
    question = "Which network tells best which library a paragraph is from, and is one needed?"
    asked = replace(comparison, question=question, next="rnnsweep replicate demo --n 20")
    lines = on_a_terminal(asked)
    text = " ".join(" ".join(lines).split())
    assert text.startswith(f"{question} {' '.join(comparison.answer.split())}")
    assert all(s.architecture in text for s in comparison.standings)
    assert re.search(r"Pairs: \d+ ", text)
    assert "Next: rnnsweep replicate demo --n 20" in lines
    assert "paired replicates" not in text  # the evidence of each verdict: --details


def test_the_last_screen_of_a_sweep_whose_trials_all_failed_counts_no_pairs_and_cuts_no_remark():
    runs = make_runs({"gru": 0.7, "lstm": 0.7}, trials=3, replicates=0, linear=None)
    found = compare_records(runs.assign(state="failed", validation=None), sweep="demo")
    text = " ".join(" ".join(on_a_terminal(found)).split())
    assert "Pairs:" not in text
    assert "no best configuration. The same holds for lstm. Next: rnnsweep retry demo" in text


@pytest.mark.parametrize("lengths", [(60, 300, 60), (300, 300, 300), (900,), (60,), (60, 60, 60, 60)])
def test_the_last_screen_shows_whole_remarks_or_counts_them(comparison, lengths):
    remarks = [f"{'a few words ' * (length // 12)}end of remark {n}." for n, length in enumerate(lengths)]
    asked = replace(
        comparison,
        question="Which one is it?",
        health=tuple(map(HealthRemark, remarks)),
        next="rnnsweep replicate demo --n 20",
    )
    lines = on_a_terminal(asked)
    text = " ".join(" ".join(lines).split())
    shown = [one for one in remarks if f"! {one}" in text]
    left = len(remarks) - len(shown)
    assert text.count("a few words") == sum(one.count("a few words") for one in shown)
    assert "…" not in text
    assert len(shown) == {(60, 300, 60): 1, (900,): 0, (60,): 1, (60, 60, 60, 60): 2}.get(lengths, 0)
    more = f"! {left} {'more ' if shown else ''}remark{'s' if left > 1 else ''}: --details"
    assert (more in lines) == (left > 0)
    assert len("\n".join(lines).rstrip().splitlines()) <= 20
    assert "Next: rnnsweep replicate demo --n 20" in lines


def test_the_last_screen_leaves_the_counts_of_verdicts_out_before_a_row_of_the_standings(comparison):
    for words, counted in ((1, True), (32, False)):
        lines = on_a_terminal(replace(comparison, question="Which one is it? " * words, health=()))
        assert ("Pairs: " in "\n".join(lines)) == counted
        assert all(any(line.startswith(s.architecture) for line in lines) for s in comparison.standings)


def test_a_taller_terminal_shows_every_architecture_and_the_counts_of_verdicts(comparison):
    many = tuple(replace(comparison.standings[0], architecture=f"network-{n}") for n in range(9))
    asked = replace(comparison, question="Which one is it? " * 24, standings=many)
    short = "\n".join(on_a_terminal(asked))
    assert "network-8 " not in short
    assert re.search(r"^and \d more architectures: --details$", short, re.M)
    tall = "\n".join(on_a_terminal(asked, lines=40))
    assert all(f"network-{n} " in tall for n in range(9))
    assert "Pairs: " in tall


def test_the_last_screen_says_that_the_search_has_converged_where_there_is_room(comparison):
    converged = (
        "The search has converged: the second half of the trials raised nothing by more than the margin."
    )
    calm = replace(comparison, health=(), search=converged)
    assert converged in " ".join(" ".join(on_a_terminal(calm)).split())
    many = tuple(replace(comparison.standings[0], architecture=f"network-{n}") for n in range(12))
    assert "converged" not in "\n".join(on_a_terminal(replace(calm, standings=many)))
    assert converged in " ".join(shown(calm, 80).split())
    assert converged in render_report(calm)


@pytest.mark.parametrize("details", [True, False])
def test_a_long_command_and_a_long_path_are_printed_in_one_line_that_pastes(comparison, details):
    command = f"rnnsweep replicate {'a-long-name-' * 6} --on conf/machine/lab.yaml --n 20"
    path = Path("/a/long/path") / ("folder" * 12) / "report.html"
    asked = replace(
        comparison, next=command, report=path, health=(HealthRemark("It is so.", f"{command} --x"),)
    )
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    print_comparison(asked, console, details=details)
    lines = console.file.getvalue().splitlines()
    assert f"Next: {command}" in lines
    assert f"Report: {path}" in lines
    assert (f"    {command} --x" in lines) == details


def test_the_last_screen_counts_pairs_in_plain_words():
    found = compare_records(make_runs({"gru": 0.7, "lstm": 0.7, "rnn": 0.7}, replicates=2), sweep="demo")
    assert "Pairs: 3 need more" in on_a_terminal(found)


@pytest.mark.parametrize("networks", [2, 7, 9, 12, 30])
@pytest.mark.parametrize("words", [1, 40])
def test_the_last_screen_leaves_room_for_the_lines_after_it(comparison, networks, words):
    many = tuple(replace(comparison.standings[0], architecture=f"network-{n}") for n in range(networks))
    question = "Which one? " * words
    asked = replace(comparison, standings=many, question=question, next="rnnsweep replicate demo --n 20")
    lines = on_a_terminal(asked)
    text = " ".join(" ".join(lines).split())
    assert len("\n".join(lines).rstrip().splitlines()) <= 20
    assert text.startswith(" ".join(f"{question} {comparison.answer}".split()))
    assert "network-2" in text if networks > 2 else "network-1" in text
    shown = sum(f"network-{n} " in text for n in range(networks))
    assert (f"and {networks - shown} more architecture" in text) == (shown < networks)
    assert "Next: rnnsweep replicate demo --n 20" in lines


@pytest.mark.parametrize("is_terminal", [True, False])
def test_where_the_answer_is_written_to_a_file_no_remark_is_cut_and_no_architecture_left_out(
    comparison, is_terminal
):
    many = tuple(replace(comparison.standings[0], architecture=f"network-{n}") for n in range(30))
    sentence = f"{'a long remark ' * 12}ends here."
    asked = replace(comparison, standings=many, health=(HealthRemark(sentence),))
    file = io.StringIO()
    console = Console(width=80, file=file, force_terminal=is_terminal, color_system=None)
    print_comparison(asked, console, details=False)
    text = " ".join(file.getvalue().split())
    assert (f"! {sentence}" in text) == (not is_terminal)
    assert ("network-29 " in text) == (not is_terminal)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs")
def test_latex_compiles_whatever_the_names(tmp_path):
    found = compare_records(make_runs({**LEVELS, "odd_name&50%#1~^\\x<y>": 0.7}), sweep="demo")
    body = f"{standings_latex(found)}\n\n{verdicts_latex(found)}"
    head = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\tiny "
    (tmp_path / "tables.tex").write_text(f"{head}{body}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, (tmp_path / "tables.pdf").is_file()) == (0, True), done.stdout[-500:]


def test_the_terminal_keeps_to_eighty_columns_and_says_all_names(comparison):
    text = shown(comparison, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert all(s.architecture in text for s in comparison.standings)
    assert "bilstm is better than lstm" in text


def test_the_last_screen_draws_each_interval_and_the_details_write_its_ends(comparison):
    test = comparison.standings[0].test
    ends, bar = f"{test.low:.4f} to {test.high:.4f}", "├"
    assert ends in shown(comparison, 80)
    assert bar not in shown(comparison, 80)
    last = "\n".join(on_a_terminal(comparison))
    assert bar in last
    assert ends not in last


def test_pairs_of_one_wording_are_told_together():
    found = compare_records(make_runs(replicates=0, linear=None), sweep="demo")
    text = " ".join(shown(found, 80).split())
    assert "? 6 pairs (of bilstm, gru, lstm and rnn): no claim is possible without a replicate." in text


def test_plain_text_has_no_colour_codes(comparison):
    assert "\x1b" not in shown(comparison, 80)


def test_an_interval_is_drawn_to_scale():
    known = [0.0, 1.0]
    assert interval_bar(0.2, 0.5, 0.8, known, 11) == "  ├──●──┤  "
    assert interval_bar(None, 1.0, None, known, 11) == "          ●"
    assert interval_bar(None, None, None, known, 3) == "   "


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_stands_out_from_its_ground_in_light_and_dark_and_on_paper(page):
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", block))
        for block in re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    ]
    full = [s for s in schemes if "ink" in s and len(s["paper"]) == 7]
    assert len(full) >= 2
    for scheme in full:
        for ink in {"ink", "soft", "good", "bad", "calm", "link"} & set(scheme):
            for ground in ("paper", "panel"):
                assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground, scheme)


def test_marks_of_every_architecture_stand_out_in_light_and_dark(page):
    marks = re.findall(r"--c: (#\w{6})", page)
    assert len(marks) == 5
    assert min(contrast(mark, ground) for mark in marks for ground in ("#ffffff", "#14161a")) >= 3


def test_forty_architectures_of_ones_own_have_forty_colours_in_one_report_and_keep_them_in_any_order():
    names = [f"own_{n}" for n in range(40)]
    chosen = colours(["gru", *names])
    assert len(set(chosen.values())) == 41
    grounds = ("#ffffff", "#14161a")
    assert min(contrast(one, ground) for one in chosen.values() for ground in grounds) >= 3
    assert chosen == colours([*reversed(names), "gru"])
    assert chosen["gru"] == colour("gru")
    alone = {name: colours([name])[name] for name in names}
    assert sum(chosen[name] == alone[name] for name in names) >= len(set(alone.values()))
    page = render_report(
        compare_records(make_runs({"own_0": 0.8, "own_1": 0.7, "own_2": 0.75, "own_3": 0.6}))
    )
    drawn = re.findall(r"--a-own_\d: *(#[0-9a-f]{6})", page)
    assert len(set(drawn)) == 4
    assert set(drawn) == set(colours([f"own_{n}" for n in range(4)] + ["linear"]).values()) - {
        colour("linear")
    }


def test_figures_of_very_many_pairs_draw_those_with_the_best_network_and_with_the_baseline():
    found = compare_records(
        make_runs({f"net_{n:02d}": 0.5 + n / 100 for n in range(26)}, trials=2, replicates=2)
    )
    figure = pairs_figure(found)
    drawn = json.loads(drawing.specification(figure.drawn))["datasets"].values()
    pairs = {row["pair"] for rows in drawn for row in rows if "pair" in row}
    best = next(s.architecture for s in found.standings if not s.baseline)
    assert len(pairs) == 25 + 26
    assert all(best in pair or "linear" in pair for pair in pairs)
    assert "Of 351 pairs 51 are drawn; the numbers have all." in figure.how
    assert len(figure.rows) == 351


def test_the_report_and_the_terminal_give_two_architectures_of_one_hash_the_same_two_colours():
    names = [f"own_{n}" for n in range(12)]
    found = compare_records(make_runs(dict.fromkeys(names, 0.7), trials=2, replicates=2))
    shades = colours([*names, "linear"])
    assert any(shades[name] != colour(name) for name in names), "a hash is met twice"
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor")
    print_comparison(found, console)
    page = render_report(found)
    for name in names:
        red, green, blue = (int(shades[name][n : n + 2], 16) for n in (1, 3, 5))
        assert f"38;2;{red};{green};{blue}m{name}" in console.file.getvalue()
        assert re.search(rf"--a-{name}: *{shades[name]}", page)
