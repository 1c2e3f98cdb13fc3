"""The verdicts of the lesson's pairs, written as a table."""

import json

import pytest
from examples.lesson.__main__ import NAME, lesson_command
from examples.lesson.pairs import BEGIN, END, Pair, Side, lesson_pairs, write_pairs
from small_sweeps import write_small_sweep

from rnnsweep.cli.entry import main

QUESTION = "Last state or mean?"


def pair(name="pooling", sentence="mean is better than last."):
    sides = (Side("last", 0.8292, 8, 11.6, 31.4e6), Side("mean", None, 0, None, None))
    return Pair(name, QUESTION, sides, (sentence,))


def test_a_side_tells_its_score_and_what_it_costs():
    assert [str(side) for side in pair().sides] == ["last .8292 (12 s, 31.4 MB)", "mean none"]


def test_a_pair_is_a_line_of_the_table():
    sides = "last .8292 (12 s, 31.4 MB); mean none"
    line = f"| `pooling` | {QUESTION} | {sides} | mean is better than last. |"
    assert pair().line() == line


def test_what_stands_around_the_table_and_pairs_that_were_not_run_again_stay(tmp_path):
    page = tmp_path / "lesson.md"
    page.write_text(
        f"# Before\n\n{BEGIN}\n\n| `packed` | old? | a | b |\n| `pooling` | old? | a | b |\n{END}\n\nAfter.\n"
    )
    write_pairs(page, [pair()])
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After.\n")
    assert "| `packed` | old? | a | b |" in text
    assert text.count("| `pooling` |") == 1
    assert pair().line() in text


def test_a_page_without_marks_gets_the_table_at_its_end(tmp_path):
    page = tmp_path / "docs" / "lesson.md"
    write_pairs(page, [pair()])
    once = page.read_text()
    write_pairs(page, [pair()])
    assert page.read_text() == once
    assert once.startswith(BEGIN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs"], "none of the lesson's pairs has run; begin with: rnnsweep sweep"),
        (["--pairs", "5"], "--pairs: trains nothing, so that '5' means nothing; leave it out"),
    ],
)
def test_a_mistake_is_told_in_one_line(home, capsys, arguments, message):
    assert main(arguments, program=lesson_command, name=NAME) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (home / "docs").exists()


QUESTION = "Does it matter whether the last state or the mean is taken?"


@pytest.mark.slow
def test_a_sweep_that_ran_is_a_line_with_its_verdict_and_its_memory(home, capsys):
    variants = {"last": "model.pooling=last", "mean": "model.pooling=mean"}
    write_small_sweep(home, "pooling.yaml", QUESTION, variants, name="lesson-pooling")
    assert main(["sweep", "pooling.yaml", "--slots", "1"]) == 0
    capsys.readouterr()
    assert main(["--pairs", "--json"], program=lesson_command, name=NAME) == 0
    (told,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (told["name"], told["question"]) == ("pooling", QUESTION)
    assert [side["replicates"] for side in told["sides"]] == [2, 2]
    assert all(side["activations"] > 0 for side in told["sides"])
    assert "2 replicates cannot show that one is better" in told["sentences"][0]
    assert lesson_pairs()[0][0].line() in (home / "docs" / "lesson.md").read_text()
