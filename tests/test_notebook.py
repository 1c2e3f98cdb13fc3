"""The notebook of docs/, run through as a reader runs it."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rnnsweep.api import notebook
from rnnsweep.state.watching.progress import ArchitectureProgress, Silence, Snapshot

FILE = Path(__file__).parents[1] / "docs" / "first_hour.ipynb"
LINES = 40  # of what `compare` prints


@pytest.fixture
def free(tmp_path, monkeypatch) -> Path:
    """A folder without a project, in which nothing names another one."""
    monkeypatch.delenv("RNNSWEEP_HOME", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


def client(cells, folder: Path) -> NotebookClient:
    book = nbformat.v4.new_notebook(cells=cells)
    return NotebookClient(book, timeout=500, resources={"metadata": {"path": str(folder)}})


def texts(cell) -> list[str]:
    """What a cell shows as text."""
    return [
        one["text"] if one["output_type"] == "stream" else one["data"].get("text/plain", "")
        for one in cell["outputs"]
        if one["output_type"] in ("stream", "execute_result", "display_data")
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_of_the_docs_runs_through_and_compare_prints_few_lines(free):
    cells = nbformat.read(FILE, as_version=4).cells
    client(cells, free).execute()
    by_source = {cell["source"]: cell for cell in cells if cell["cell_type"] == "code"}
    (sweep,) = [cell for source, cell in by_source.items() if "rnnsweep.sweep(" in source]
    assert "'finished'" in texts(sweep)
    table = [one["data"].get("text/html", "") for one in sweep["outputs"] if "data" in one][0]
    assert "3 of 3" in table  # the progress table, at its last state
    compared = [cell for source, cell in by_source.items() if "comparison" in source or "print(" in source]
    for cell in compared:
        assert sum(text.count("\n") + 1 for text in texts(cell)) < LINES, cell["source"]
    pages = [
        one["data"].get("text/html", "") for cell in compared for one in cell["outputs"] if "data" in one
    ]
    assert any("<svg" in page for page in pages)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_interrupting_the_kernel_ends_a_loop_of_trainings(free):
    source = """import os, signal, rnnsweep
os.environ["RNNSWEEP_HOME"] = "."
begun = []
def interrupt(seen):
    os.kill(os.getpid(), signal.SIGINT)
open("c.csv", "w").write("text,label\\n" + "\\n".join(f"w{n % 9} x,{n % 2}" for n in range(60)))
for seed in range(3):
    begun.append(seed)
    rnnsweep.train(["data.train=c.csv", "trainer.max_epochs=50", f"seed={seed}"], on_validation=interrupt)
"""
    book = client([nbformat.v4.new_code_cell(source), nbformat.v4.new_code_cell("print(begun)")], free)
    book.allow_errors = True
    book.execute()
    first, second = book.nb.cells
    assert first["outputs"][-1]["ename"] == "Interrupted"
    assert texts(second) == ["[0]\n"]


def test_a_sweep_in_a_notebook_is_one_table_that_renews_itself():
    shown: list[str] = []
    table = notebook.NotebookTable(shown.append)
    standing = ArchitectureProgress(
        architecture="gru<1>", budget=5, complete=2, best=0.5, replicates=0, replicates_wanted=3
    )
    table.update(Snapshot("q", "Which?", (standing,), (), slots=2, elapsed=61, eta=30))
    table.message("gru-1 failed & was tried again")
    assert len(shown) == 2
    assert "<td>gru&lt;1&gt;</td><td>2 of 5</td><td>0.5000</td><td>0 of 3</td>" in shown[1]
    assert "61 s elapsed, about 30 s left" in shown[1]
    assert shown[1].endswith("<p>gru-1 failed &amp; was tried again</p>")


def test_outside_of_a_notebook_a_sweep_shows_nothing_by_itself():
    assert not notebook.in_notebook()
    assert isinstance(notebook.listener_of(None), Silence)
