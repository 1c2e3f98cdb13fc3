"""What `data`, `train` and `plan` print of a corpus: the same remarks, each in one line."""

import io
import json

import pytest
from rich.console import Console

from rnnsweep.cli import main
from rnnsweep.cli.commands.data import print_facts
from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.summary.remarks import CODES, CorpusFacts


@pytest.fixture
def table(tmp_path):
    rows = [f"the soup of day {n} was what it was,{'rare' if n % 20 == 0 else 'usual'}" for n in range(400)]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    return tmp_path / "rows.csv"


def test_a_training_prints_each_remark_of_data_in_one_line(table, home, capsys):
    assert main(["data", f"data.train={table}", "--json"]) == 0
    remarks = json.loads(capsys.readouterr().out)["remarks"]
    assert [each["code"] for each in remarks] == ["imbalanced"]
    assert {each["code"] for each in remarks} <= set(CODES)
    assert main(["data", f"data.train={table}"]) == 0
    printed = capsys.readouterr().out
    console = Console(file=io.StringIO(), width=80)
    print_facts(console, prepare(DataConfig(corpus="files", train=str(table))).facts)
    for each in remarks:
        for page in (printed, console.file.getvalue()):
            assert f"{each['code']}: {each['message']}" in page


LIMITED = """\
  train              100 of 324 rows (data.limit=100)
  validation          36 rows of 36 lines
  test                40 rows of 40 lines
2 labels of these 176 rows, majority 88.6%
"""
SAMPLED = """\
  sample             200 of 400 rows (data.sample=200)
  train               50 of 162 rows (data.limit=50)
  validation          18 rows of 18 lines
  test                20 rows of 20 lines
2 labels of these 88 rows, majority 77.3%
"""
WHOLE = """\
  train              324 rows of 324 lines
  validation          36 rows of 36 lines
  test                40 rows of 40 lines
2 labels, majority 95.0%
"""


@pytest.mark.parametrize(
    ("settings", "said", "drawn_from"),
    [
        (("data.limit=100",), LIMITED, {"limit": 324}),
        (("data.sample=200", "data.limit=50"), SAMPLED, {"sample": 400, "limit": 162}),
        (("data.sample=400", "data.limit=324"), WHOLE, None),
    ],
)
def test_of_how_many_rows_a_setting_keeps_some_is_said(table, home, capsys, settings, said, drawn_from):
    asked = ["data", f"data.train={table}", *settings]
    assert main(asked) == 0
    assert said in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts.get("drawn_from") == drawn_from
    assert facts["parts"]["test"].keys() == {"rows", "lines"}


def test_numbers_to_predict_are_described_of_the_rows_that_are_kept(home, tmp_path, capsys):
    rows = [f"the soup of day {n} was what it was,{n / 7}" for n in range(400)]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    asked = ["data", f"data.train={tmp_path / 'rows.csv'}", "task=regression", "data.limit=100"]
    assert main(asked) == 0
    assert "\ntargets of these 176 rows\n" in capsys.readouterr().out


def test_facts_that_were_kept_before_they_knew_what_was_left_out_are_read(table, home):
    facts = prepare(DataConfig(corpus="files", train=str(table), limit=100)).facts
    assert CorpusFacts.from_json(facts.to_json()).drawn_from == {"limit": 324}
    earlier = {name: value for name, value in facts.to_json().items() if name != "drawn_from"}
    assert CorpusFacts.from_json(earlier).drawn_from == {}
