"""What `data`, `train` and `plan` print of a corpus: the same remarks, each in one line."""

import io
import json

import pytest
from rich.console import Console

from rnnsweep.cli import main
from rnnsweep.cli.commands.data import print_facts
from rnnsweep.data import DataConfig, prepare
from rnnsweep.data.summary.remarks import CODES


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
