"""What a sweep shows while it runs, at a terminal of 80 columns and in a log."""

import io
import re
import time
from dataclasses import replace
from datetime import datetime

import pyte
import pytest
from rich.console import Console

from rnnsweep.cli import live, output
from rnnsweep.cli.live import LiveTable, PlainLines, draw, listener, summary_line
from rnnsweep.state import ArchitectureProgress, Running, Snapshot

STANDINGS = (
    ArchitectureProgress("stacked_bilstm", 12, 3, 2, 1, 1, 0.65432, 0.4, 1, 3),
    ArchitectureProgress("lstm", 12, 12, 0, 0, 0, 0.7123, 1.0, 0, 3),
    ArchitectureProgress("bag", None, 2, share=0.25),
)
RUNNING = (
    Running("k", "trial", "lstm", 7, "cpu:0", 33.2, 2.5, 0.6123),
    Running("l", "baseline", "linear", None, "gpu:0", 333.2),
)


def snapshot(standings=STANDINGS, running=RUNNING, eta: float | None = 1234.0) -> Snapshot:
    question = "Which recurrent network tells the libraries of docstrings apart best, and how sure is that?"
    return Snapshot("quickstart", question, standings, running, 2, 233.0, eta)


def wait_until(holds, seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "never"
        time.sleep(0.01)


def shown(*renderables: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(*renderables)
    return console.file.getvalue()


def test_the_table_fits_eighty_columns_and_tells_how_far_each_architecture_is():
    text = shown(draw(snapshot()))
    assert max(map(len, text.splitlines())) <= 80
    row = next(line for line in text.splitlines() if line.startswith("stacked_bilstm"))
    assert [word for word in row.split() if not set(word) <= set("━╺╸")] == [
        "stacked_bilstm",
        "6/12",
        "2",
        "1",
        "0.6543",
        "1/3",
    ]
    assert "trial 7  33 s  epoch 2.5  0.6123" in text
    assert "baseline  5:33 min" in text


def test_a_long_name_of_an_architecture_cuts_no_number_of_the_table():
    long = replace(STANDINGS[0], architecture="recurrent_network_with_attention_" * 2)
    before, after = (shown(draw(snapshot(standings=(one,), running=()))) for one in (STANDINGS[0], long))
    assert "0.6543" in after
    assert "1/3" in after
    assert "…" not in after
    assert len(after.splitlines()) > len(before.splitlines())


@pytest.mark.parametrize("width", [74, 75, 80])
def test_the_echo_of_ctrl_c_leaves_one_table_on_the_screen_and_nothing_after_it(width):
    console = Console(file=io.StringIO(), width=width, height=30, force_terminal=True, color_system=None)
    table = LiveTable(console)
    with table.live:
        table.update(snapshot())
        table.live.refresh()
        console.file.write("^C")  # of the terminal, where the cursor is
        table.live.refresh()
        during = screen_of(console)
    assert sum("Which recurrent network" in row for row in during) == 1
    assert sum(row.startswith("bag ") for row in during) == 1
    assert not any(screen_of(console)), "nothing is left of the table"


def screen_of(console: Console) -> list[str]:
    screen = pyte.Screen(console.width, console.height)
    pyte.Stream(screen).feed(console.file.getvalue().replace("\n", "\r\n"))
    return [row.rstrip() for row in screen.display]


def test_of_many_running_tasks_the_first_are_shown_and_the_rest_counted():
    text = shown(draw(snapshot(running=RUNNING[:1] * 20)))
    assert text.count("trial 7") == 8
    assert "and 12 more" in text


def test_the_last_line_says_what_is_done_and_how_long_it_takes():
    line = summary_line(snapshot(standings=STANDINGS[:2]))
    assert line == "18 of 24 trials, 2 of 2 slots busy, 3:53 min elapsed, about 20:34 min left"
    assert summary_line(snapshot(STANDINGS[2:], (), None)) == "2 trials, 0 of 2 slots busy, 3:53 min elapsed"


def test_a_task_that_has_no_process_yet_holds_its_slot_but_does_not_make_it_busy():
    waiting = replace(snapshot(running=(RUNNING[0], replace(RUNNING[1], started=False))), starting=1)
    assert ", 1 of 2 slots busy, 1 starting, 3:53 min elapsed" in summary_line(waiting)
    rows = shown(draw(waiting)).splitlines()
    assert [row.endswith("starting") for row in rows if "cpu:0" in row or "gpu:0" in row] == [False, True]


@pytest.mark.parametrize(
    ("unsent", "words"),
    [
        (None, "ending the processes of the trials"),
        (27, "sending the last 27 runs to MLflow, then comparing"),
        (1, "sending the last run to MLflow, then comparing"),
        (0, "comparing"),
    ],
)
def test_the_last_line_says_what_happens_after_the_last_task(unsent, words):
    line = summary_line(replace(snapshot(running=()), eta=0.0, over=True, unsent=unsent))
    assert line.endswith(f", 0 of 2 slots busy, 3:53 min elapsed; {words}")


def test_the_last_line_says_that_the_sweep_stops_and_how_many_runs_are_left_to_send():
    stopping = replace(snapshot(), stopping=True)
    assert summary_line(stopping).endswith(", 2 of 2 slots busy, 3:53 min elapsed; stopping")
    over = replace(stopping, running=(), over=True)
    assert summary_line(replace(over, unsent=3)).endswith("; sending the last 3 runs to MLflow")
    assert summary_line(replace(over, unsent=0)).endswith("; all runs are in MLflow")


def test_the_last_line_of_a_study_that_others_follow_speaks_of_no_comparison():
    over = replace(snapshot(running=()), over=True, compared=False)
    assert summary_line(replace(over, unsent=3)).endswith("; sending the last 3 runs to MLflow")
    assert summary_line(replace(over, unsent=0)).endswith("; all runs are in MLflow")


def test_the_last_line_counts_the_runs_that_are_left_where_they_have_no_expected_time():
    assert summary_line(snapshot(eta=0.2)).endswith(", 3:53 min elapsed, 2 runs left")
    assert summary_line(snapshot(running=(), eta=0.0)).endswith(", 3:53 min elapsed")
    assert summary_line(replace(snapshot(eta=0.0), eta_most=90.0)).endswith(", at most 90 s left")


def test_without_a_terminal_a_dated_line_is_printed_for_what_ended_and_nothing_else():
    console = Console(file=io.StringIO(), width=80)
    lines = PlainLines(console, now=lambda: datetime(2026, 1, 1, 9, 30))
    for _ in range(3):
        lines.update(snapshot())
    lines.message("lstm-7: failed: out of memory")
    assert console.file.getvalue().splitlines() == [
        "09:30:00  stacked_bilstm     6/12 trials, 2 pruned, 1 failed, best 0.6543, 1/3 replicates,"
        " about 20:34 min left",
        "09:30:00  lstm              12/12 trials, best 0.7123, about 20:34 min left",
        "09:30:00  bag                   2 trials, about 20:34 min left",
        "09:30:00  lstm-7: failed: out of memory",
    ]


def test_a_log_says_what_happens_after_the_last_task_at_first_at_last_and_where_the_number_changed(
    monkeypatch,
):
    monkeypatch.setattr(live, "OFTEN_S", 0.05)
    console = Console(file=io.StringIO(), width=80)
    before, over = snapshot(), replace(snapshot(running=()), over=True)
    with listener(console) as lines:
        lines.update(before)
        lines.update(over)
        for unsent in (27, 26):
            lines.update(replace(over, unsent=unsent))
        wait_until(lambda: "the last 26 runs" in console.file.getvalue())
        time.sleep(0.3)
        lines.update(replace(over, unsent=0))
        time.sleep(0.3)
    said = [line.partition("elapsed; ")[2] for line in console.file.getvalue().splitlines()]
    assert [words for words in said if words and not words.startswith("ending")] == [
        "sending the last 27 runs to MLflow, then comparing",
        "sending the last 26 runs to MLflow, then comparing",
        "comparing",
    ]


def test_a_log_says_how_far_the_sweep_is_where_nothing_ends_for_long(monkeypatch):
    monkeypatch.setattr(live, "OFTEN_S", 0.05)
    monkeypatch.setattr(live, "SELDOM_S", 60.0)
    console = Console(file=io.StringIO(), width=80)
    with listener(console) as lines:
        wait_until(lambda: "reading the corpus and starting processes" in console.file.getvalue())
        lines.update(snapshot())
        wait_until(lambda: "2 of 2 slots busy, 3:53 min elapsed" in console.file.getvalue())
        lines.update(replace(snapshot(), elapsed=3600.0))  # a sweep of hours fills no disk with lines
        time.sleep(0.12)
        printed = console.file.getvalue()
        time.sleep(0.2)
        assert console.file.getvalue() == printed


@pytest.mark.parametrize(("terminal", "kind"), [(True, LiveTable), (False, PlainLines)])
def test_a_terminal_gets_the_table_and_a_pipe_gets_lines(terminal, kind):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with listener(console) as heard:
        assert isinstance(heard, kind)
        heard.update(snapshot())
        heard.message("lstm-7: failed [out of memory]")
    assert "lstm-7: failed [out of memory]" in console.file.getvalue()


def test_what_takes_long_is_said_again_with_its_time_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(output, "OFTEN_S", 0.05)
    with output.telling("reading the rows") as tell:
        while "reading the rows" not in (before := capsys.readouterr().err):
            time.sleep(0.01)
        tell("measuring gru")
        shown = ""
        while shown.count("measuring gru") < 2:
            time.sleep(0.01)
            shown += capsys.readouterr().err
    assert re.fullmatch(r"(reading the rows \.\.\. 0 s\n)+", before)
    assert re.match(
        r"(reading the rows \.\.\. 0 s\n)*measuring gru \.\.\.\nmeasuring gru \.\.\. 0 s\n", shown
    )


def test_rows_that_are_read_at_once_are_no_line(capsys):
    with output.telling("reading the rows"):
        pass
    assert capsys.readouterr().err == ""
