"""Commands that a person pastes into a shell: what came from somebody else is one word of them."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sweep_records import make_runs

from rnnsweep.api.results import BestResult
from rnnsweep.comparison.report.page import render_report
from rnnsweep.comparison.verdicts.compare import compare_records
from rnnsweep.models.card import Card
from rnnsweep.safety.shell import command_line, continued, fenced
from rnnsweep.tasks import score_named
from rnnsweep.tracking.naming import how_to_repeat

ROOT = Path(__file__).parents[1]
HOSTILE = (
    "a b",
    "x'; touch seen; '",
    "$(touch seen)",
    "`touch seen`",
    'a"b',
    "a\\",
    "```\n# touch",
    "--n",
    "a\tb",
)
_WORD = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


def in_a_shell(line: str) -> list[str]:
    """Let a shell read a command line; gives the words that the program would get."""
    program = f"rnnsweep() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_WORD, max_size=4))
def test_every_word_of_a_command_comes_back_as_it_was(words):
    assert shlex.split(command_line(*words)) == ["rnnsweep", *words]
    assert shlex.split(continued(*words).replace(" \\\n", " ")) == ["rnnsweep", *words]


@pytest.mark.parametrize("make", [command_line, continued])
def test_a_shell_reads_hostile_words_as_words(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*HOSTILE, "data.train='a long path with blanks in it' " * 3]
    assert in_a_shell(make(*words)) == words
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_WORD)
def test_a_frame_in_markdown_ends_where_it_should(text):
    first, *_, last = fenced(text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert first not in text


def command_in(page: str) -> str:
    """Give what stands in the first frame of a page."""
    fence = re.search("^(`{3,})$", page, re.MULTILINE).group(1)
    return page.split(f"{fence}\n")[1].removesuffix("\n").split(f"\n{fence}")[0]


def test_a_runs_page_and_a_models_card_give_the_overrides_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = tuple(f"data.train={word}" for word in HOSTILE)
    card = Card(
        *("gru", "a run", overrides, "rows", "0" * 64, {"train": 3}, ("a", "b"), "words", 9, 9, 9),
        validation=0.5,
        test=None,
    )
    for page in (how_to_repeat(overrides), card.markdown()):
        assert in_a_shell(command_in(page)) == ["train", *overrides]


def test_the_best_trials_command_is_read_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = BestResult("x", "gru", "1", 0.5, score_named(), HOSTILE)
    assert in_a_shell(found.command) == ["train", *HOSTILE]


def test_the_reports_commands_are_quoted():
    runs = make_runs({"gru": 0.7, "lstm": 0.6})
    runs["overrides"] = [["data.train=$(touch seen) x"]] * len(runs)
    page = render_report(compare_records(runs, sweep="it's; touch seen"))
    assert "rnnsweep train &#39;data.train=$(touch seen) x&#39;" in page
    for command in re.findall(r"rnnsweep (?:replicate|sweep|status)[^<]*", page):
        assert "it&#39;s; touch" not in command, command


COMMANDS = "train|sweep|retry|replicate|compare|evaluate|enqueue|stop|clean|best|status|plan|predict|export"


def test_no_command_with_a_value_in_it_is_written_by_hand_or_between_backticks():
    by_hand = re.compile(rf"rnnsweep (?:{COMMANDS})\b[^.]*$")
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for part, following in zip(node.values, [*node.values[1:], None], strict=True):
                if isinstance(part, ast.Constant) and isinstance(following, ast.FormattedValue):
                    assert not by_hand.search(part.value), f"{path}, line {node.lineno}: use command_line"
                if isinstance(part, ast.FormattedValue) and "command_line" in ast.unparse(part):
                    before = node.values[node.values.index(part) - 1]
                    text = before.value if isinstance(before, ast.Constant) else " "
                    assert not text.endswith(("`", "'", '"')), (
                        f"{path}, line {node.lineno}: no quotes around it"
                    )
