"""What a user reads is plain: docs, help and messages have short sentences and the field's own words."""

import ast
import re
from pathlib import Path

import pytest
import textstat

import rnnsweep
from rnnsweep.cli.command import _HOMES
from rnnsweep.cli.entry import commands

ROOT = Path(__file__).parents[1]
SOURCES = Path(rnnsweep.__file__).parent
GRADE = 10.0  # of Flesch and Kincaid: years of school
ENOUGH = 60  # words, of which a grade says something
GENERATED = ("lesson.md",)
PAGES = sorted(
    path for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"] if path.name not in GENERATED
)
# figures of speech, each of which once had to be read twice
NOT_PLAIN = re.compile(
    r"\b(told (from|apart)|hangs? on|stands?|goes on|go on with|house-?keeping|walls?(?! clock))\b",
    re.IGNORECASE,
)
SAID = re.compile(
    r"echo|print|fail|message|tell|secho|UserError|UsageError|UserWarning|refuse_\w+|Remark|Check"
)


def prose(markdown: str) -> str:
    """The sentences of a page: without code, tables, headings, pictures and addresses."""
    for pattern, instead in (
        (r"```.*?```", ""),
        (r"^\|.*$|^#+.*$", ""),
        (r"!\[[^\]]*\]\([^)]*\)", ""),
        (r"\[([^\]]*)\]\([^)]*\)", r"\1"),
        (r"`[^`]*`", "code"),
        (r"https?://\S+", ""),
        (r"^[*-] (.*)$", r"\1."),
    ):
        markdown = re.sub(pattern, instead, markdown, flags=re.DOTALL if "```" in pattern else re.MULTILINE)
    return markdown


def messages(tree: ast.AST) -> list[str]:
    """The texts that a module hands to the user: arguments of what prints, raises and remarks."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = [one for one in calls if SAID.fullmatch(ast.unparse(one.func).rpartition(".")[2])]
    parts = (part for call in said for value in call.args for part in ast.walk(value))
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """The messages of each module."""
    return {
        path.relative_to(SOURCES).as_posix(): messages(ast.parse(path.read_text()))
        for path in SOURCES.rglob("*.py")
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_needs_at_most_ten_years_of_school(page):
    text = prose(page.read_text())
    if len(text.split()) >= ENOUGH:
        assert textstat.flesch_kincaid_grade(text) <= GRADE


def test_messages_need_at_most_ten_years_of_school(said):
    sentences = [
        text.strip().rstrip(".:;") for texts in said.values() for text in texts if len(text.split()) > 3
    ]
    assert len(sentences) > 300
    assert textstat.flesch_kincaid_grade(". ".join(sentences)) <= GRADE


def test_help_needs_at_most_ten_years_of_school():
    helps = [
        commands.get_command(commands.make_context("rnnsweep", ["version"]), name).help for name in _HOMES
    ]
    assert textstat.flesch_kincaid_grade(" ".join(filter(None, helps))) <= GRADE


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_has_no_figure_of_speech(page):
    text = prose(page.read_text())
    assert [text[max(0, one.start() - 40) : one.end() + 20] for one in NOT_PLAIN.finditer(text)] == []


def test_no_message_has_a_figure_of_speech(said):
    assert [(name, text) for name, texts in said.items() for text in texts if NOT_PLAIN.search(text)] == []
