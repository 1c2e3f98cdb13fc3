"""Names and texts of somebody else: on the terminal, in a page and in a spreadsheet they stay text."""

import base64
import csv
import hashlib
import io
import json
import re

import pytest
from hypothesis import given, strategies as st

from rnnsweep.cli import main
from rnnsweep.cli.console import QuietConsole
from rnnsweep.cli.control_characters import escape_control_characters
from rnnsweep.cli.output import echo, err, one_json_object, out
from rnnsweep.safety.spreadsheet import no_formula

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
TITLE = "\x1b]0;owned\x07"
CLEAR = "\x1b[2J\x1b[H"
C1 = "\x9b2J"


@pytest.mark.parametrize("text", [CLIPBOARD, TITLE, CLEAR, C1, "a\rb", "a\x08b", "\u202egnp.exe"])
def test_foreign_text_does_not_speak_to_the_terminal(text, capsys):
    out().print(f"name {text} end")
    err().print(text)
    echo(text)
    said = capsys.readouterr()
    for output in (said.out, said.err):
        assert not set(output) & set("\x1b\x07\x9b\r\x08\u202e")
    assert "name " in said.out


@pytest.mark.parametrize("name", ["gru[/]", "[bold]x", "[link=file:///etc/passwd]x[/link]", ":smile:"])
def test_a_name_that_looks_like_markup_is_printed_as_it_is(name, capsys):
    from rich.table import Table

    out().print(name)
    table = Table(box=None)
    table.add_column(name)
    table.add_row(name)
    out().print(table)
    assert capsys.readouterr().out.count(name) == 3


def test_a_mistake_that_holds_foreign_text_is_one_harmless_line(capsys):
    assert main(["status", f"gru[/]{CLIPBOARD}"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said.replace("\x1b[0m", "").replace("\x1b[31m", "").replace("\x1b[1m", "")
    assert len(said.splitlines()) == 1


def test_colours_of_our_own_stay():
    console = QuietConsole(force_terminal=True, color_system="truecolor", markup=False, file=io.StringIO())
    console.print("red", style="red")
    assert "\x1b[31m" in console.file.getvalue()
    assert escape_control_characters("\x1b[31mred\x1b[0m") == "\x1b[31mred\x1b[0m"


@given(st.text())
def test_visible_text_holds_no_control_character_but_line_and_tab(text):
    shown = re.sub("\x1b\\[[0-9;]*m", "", escape_control_characters(text))
    assert all(letter in "\n\t" or not re.match("[\x00-\x1f\x7f-\x9f]", letter) for letter in shown)


def test_json_holds_no_character_that_a_terminal_obeys(capsys):
    with one_json_object(True) as emit:
        emit({"name": f"{CLIPBOARD}{C1}"})
    said = capsys.readouterr().out
    assert not set(said) & set("\x1b\x9b\x07")
    assert json.loads(said) == {"name": f"{CLIPBOARD}{C1}"}


@pytest.mark.parametrize("text", ["x\r=1", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_of_csv_is_no_formula(text):
    from rnnsweep.comparison.figures.figure import to_csv
    from rnnsweep.safety.spreadsheet import csv_text

    for written in (to_csv([text], [[text]]), csv_text([text], [[text]])):
        rows = list(csv.reader(io.StringIO(written, newline="")))
        plain = text.replace("\r", " ")
        wanted = plain if text.startswith("x") else f"'{plain}"
        assert rows == [[wanted], [wanted]]


@pytest.mark.parametrize("cell", [-1, -0.5, "-1.5", "+3e-4", "plain", None, ""])
def test_numbers_and_plain_texts_stay_as_they_are(cell):
    assert no_formula(cell) == cell


def test_the_only_script_that_runs_in_a_page_is_ours(tmp_path):
    from rnnsweep.comparison.report.templating import hash_of

    script = "alert(1)"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert hash_of(script) == f"'sha256-{digest}'"
    template = _template()
    assert "script-src {{ script_hash }}" in template
    assert "script-src 'unsafe-inline'" not in template
    assert template.count("<script>") == 1


def _template():
    from importlib import resources

    folder = resources.files("rnnsweep.comparison.report").joinpath("templates")
    return folder.joinpath("report.html.j2").read_text()
