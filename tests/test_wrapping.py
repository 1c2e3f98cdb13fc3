"""Error lines on a terminal: broken between words, one line everywhere else."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rnnsweep.cli.console import QuietConsole
from rnnsweep.cli.wrapping import wrapped
from rnnsweep.safety.shell import command_line

SRC = Path(__file__).parents[1] / "src"
MISTAKE = [sys.executable, "-m", "rnnsweep", "sweep", "sweeps/a-question-that-nobody-wrote.yaml"]


def said(home: Path, *, on_terminal: bool, columns: str = "80") -> str:
    """What a mistake prints on standard error."""
    surroundings = {**os.environ, "RNNSWEEP_HOME": str(home), "COLUMNS": columns, "PYTHONPATH": str(SRC)}
    if not on_terminal:
        done = subprocess.run(MISTAKE, capture_output=True, text=True, env=surroundings, check=False)
        return done.stderr
    ours, its = pty.openpty()
    done = subprocess.run(MISTAKE, stdout=subprocess.PIPE, stderr=its, env=surroundings, check=False)
    assert done.returncode == 2
    os.close(its)
    with os.fdopen(ours, "rb", closefd=True) as terminal:
        return os.read(terminal.fileno(), 65536).decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return text.replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_an_error_line_is_broken_between_words_on_a_terminal_and_is_one_line_elsewhere(home):
    (line,) = said(home, on_terminal=False).splitlines()
    lines = plain(said(home, on_terminal=True)).splitlines()
    assert len(line) > 80
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert " ".join(lines) == line
    assert plain(said(home, on_terminal=True, columns="400")).splitlines() == [line]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("toy: has no runs yet; start it with: rnnsweep sweep toy --on lab",
         ["toy: has no runs yet; start", "it with:", "rnnsweep sweep toy --on lab"]),
        ("give a name, or accept it with rnnsweep sweep toy --accept-changes.",
         ["give a name, or accept it", "with", "rnnsweep sweep toy --accept-changes."]),
        ("look at each alone: rnnsweep compare a; rnnsweep compare b --details.",
         ["look at each alone:", "rnnsweep compare a;", "rnnsweep compare b --details."]),
        ("it needs Ray (pip install 'rnnsweep[cluster]')",
         ["it needs Ray", "(pip install 'rnnsweep[cluster]')"]),
        ("ask it: rnnsweep predict 'good, or bad; or both'",
         ["ask it:", "rnnsweep predict 'good, or bad; or both'"]),
        ("Name a file; `rnnsweep list --all` names them.",
         ["Name a file;", "`rnnsweep list --all` names", "them."]),
        ("rnnsweep plan is a command; it takes a file",
         ["rnnsweep plan is a command;", "it takes a file"]),
        ("/a/path/that/is/wider/than/this/line.csv: no such file",
         ["/a/path/that/is/wider/than/this/line.csv:", "no such file"]),
        ("one\ntwo words", ["one", "two words"]),
        ("列の名前 列の名前 列の名前 列の名前", ["列の名前 列の名前 列の名前", "列の名前"]),
    ],
)  # fmt: skip
def test_neither_a_path_nor_a_command_is_broken(text, lines):
    assert wrapped(text, 28).split("\n") == lines


def test_the_word_before_a_message_takes_part_of_its_first_line():
    assert wrapped("abc def", 7) == "abc def"
    assert wrapped("abc def", 7, taken=1) == "abc\ndef"


@given(st.lists(st.text("abc-/=", min_size=1), min_size=1), st.integers(1, 30))
def test_no_word_is_lost_or_changed(words, width):
    assert wrapped(" ".join(words), width).split() == words


# a word that ends a clause without quotes is taken for the end of the command
WORDS = st.text("ab-=/ ,.;:'\"`[](){}$\\", max_size=12).filter(lambda word: not word.endswith((".", ",")))


@given(st.lists(st.text("abc,.;:", min_size=1), max_size=25), st.lists(WORDS, min_size=1, max_size=8))
def test_a_command_that_is_printed_in_80_columns_is_in_one_line(words, arguments):
    command = command_line("sweep", *arguments)
    console = QuietConsole(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)
    console.print(" ".join([*words, "with:", command]))
    assert any(line.endswith(command) for line in console.file.getvalue().splitlines())


def test_a_line_that_fits_and_a_line_that_is_to_stay_whole_are_printed_as_they_are():
    console = QuietConsole(file=io.StringIO(), width=20)
    console.print("ok".ljust(6), end="")
    console.print("a line that is wider than this", soft_wrap=True)
    assert console.file.getvalue() == "ok    a line that is wider than this\n"
