"""What the table "to add X, touch Y" of ARCHITECTURE.md says: each row is done here, in as many files.

Cells: `test_cells.py`; samplers and pruners: `test_methods.py`; launchers: `test_launchers_registry.py`.
"""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

import rnnsweep
import rnnsweep.tasks as tasks
from rnnsweep import tracking
from rnnsweep.config import architectures, compose
from rnnsweep.data import prepare
from rnnsweep.data.tables import FORMATS, Format, formats
from rnnsweep.data.tables.delimited import read_delimited
from rnnsweep.errors import UserError
from rnnsweep.networks import build
from rnnsweep.tasks import Score, find_spec, score_named, spec_named, specs
from rnnsweep.tasks.score import LOWER
from rnnsweep.training import evaluate, train

ROOT = Path(__file__).parents[1]
SMALL = (
    "model=gru",
    "model.hidden_size=4",
    "model.embedding_size=4",
    "trainer.max_epochs=1",
    "data.vocabulary=40",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with its own conf/, whose other files are the package's; 60 rows of text with counts."""
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for group in ("model", "task", "data"):
        (tmp_path / "conf" / group).mkdir(parents=True)
    lines = (f"{'yes ' * (n % 5)}no {n},{n % 5}" for n in range(60))
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    return tmp_path


def add_module(package, name, text, folder, monkeypatch):
    """Put a file into a package for the time of a test."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)


def test_an_architecture_of_a_known_cell_is_one_file_of_conf_model(project):
    (project / "conf" / "model" / "narrow.yaml").write_text("cell: lstm\nhidden_size: 3\nnum_layers: 2\n")
    assert "narrow" in architectures()
    run = compose(["model=narrow"])
    assert (run.architecture, run.model.hidden_size) == ("narrow", 3)
    assert build(run.model, vocabulary=9, classes=2).layers.num_layers == 2


COUNTS = '''
"""Counts: a number above 0 for each row, by the Poisson deviance."""
from dataclasses import replace

from rnnsweep.tasks.regression import TASK as REGRESSION
from rnnsweep.tasks.regression import Numbers
from rnnsweep.tasks.score import LOWER, Score


class Counted(Numbers):
    def loss(self, outputs_BK, targets_B):
        return (outputs_BK[:, 0].exp() - targets_B * outputs_BK[:, 0]).sum()


def worst(counts):
    return float(counts["squared"])


TASK = replace(
    REGRESSION, name="counts", answer="several", make=Counted,
    scores=(Score("squared", "sum of squares", "counts", LOWER, 0.1, worst), *REGRESSION.scores),
)
'''


def test_a_task_is_one_file_of_tasks_and_one_of_conf_task(project, tmp_path, monkeypatch):
    (tmp_path / "more").mkdir()
    add_module(tasks, "counts", COUNTS, tmp_path / "more", monkeypatch)
    (project / "conf" / "task" / "counts.yaml").write_text("level: row\nanswer: several\ntarget: column\n")
    specs.cache_clear()
    try:
        run = compose(["task=counts", "data.train=rows.csv", *SMALL])
        assert (run.spec.name, run.score.name) == ("counts", "squared")
        scores = train(run, folder=tmp_path / "run")
        found = evaluate(run, scores.checkpoint)
        assert set(found.values) == {"squared", "rmse", "mae", "r2", "loss"}
        assert found.values["squared"] == pytest.approx(
            found.values["rmse"] ** 2 * 6
        )  # rows of the test part
    finally:
        specs.cache_clear()
    monkeypatch.undo()
    with pytest.raises(UserError, match="there is no such task"):
        find_spec(run.task)


def test_a_score_is_one_function_and_one_entry_and_may_decide(project, tmp_path, monkeypatch):
    def misses(counts):
        return float(counts["counts"].sum() - counts["counts"].trace())

    spec = spec_named("classification")
    entry = Score("misses", "rows that are wrong", "rows", LOWER, 1.0, misses)
    wider = replace(spec, scores=(*spec.scores, entry), running=(*spec.running, "misses"))
    monkeypatch.setattr("rnnsweep.tasks.task.specs", lambda: {"classification": wider})
    run = compose(["data.train=rows.csv", "objective=misses", *SMALL])
    scores = train(run, folder=tmp_path / "run")
    found = evaluate(run, scores.checkpoint)
    assert run.score == entry
    rows = len(found.answers["predictions_N"])
    assert found.values["misses"] == pytest.approx(rows * (1 - found.values["accuracy"]))


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a package with one module and one entry point among `rnnsweep.scores`, for one test."""

    def install(entry, module):
        folder = tmp_path / "site"
        (folder / "my_scores-1.dist-info").mkdir(parents=True)
        (folder / "my_scores-1.dist-info" / "METADATA").write_text("Name: my-scores\nVersion: 1\n")
        (folder / "my_scores-1.dist-info" / "entry_points.txt").write_text(f"[rnnsweep.scores]\n{entry}\n")
        (folder / "my_scores.py").write_text(module)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "my_scores", raising=False)
        specs.cache_clear()

    yield install
    specs.cache_clear()


def test_a_score_of_another_distribution_is_one_module_and_an_entry_point(project, distribution, tmp_path):
    page = (ROOT / "docs" / "extending.md").read_text()
    entry, module = re.search(
        r'^"(classification.kappa" = "[^"]*)".*?(# my_scores.py.*?)^```', page, re.M | re.S
    ).groups()
    distribution(entry.replace('"', ""), module)
    run = compose(["data.train=rows.csv", "objective=kappa", *SMALL])
    scores = train(run, folder=tmp_path / "run")
    found = evaluate(run, scores.checkpoint)
    assert run.score.title == "Cohen's kappa"
    assert found.values["kappa"] == pytest.approx(
        cohen_kappa_score(found.targets_N, found.answers["predictions_N"])
    )


@pytest.mark.parametrize(
    ("entry", "module", "message"),
    [
        (
            "tagging.x = my_scores:X",
            "X = 1",
            "must be named TASK.SCORE, with a task of classification, regression",
        ),
        ("classification.x = my_scores:X", "X = 1", "is a int; it must be a rnnsweep.tasks.Score"),
        ("classification.x = my_scores:X", "import nothing_such", "cannot be imported: ModuleNotFoundError"),
        (
            "classification.x = my_scores:X",
            "from rnnsweep.tasks.classification import TASK\nX = TASK.scores[0]",
            "task=classification already has a score 'accuracy'; choose another name",
        ),
    ],
)
def test_an_entry_point_that_is_no_score_is_named(distribution, entry, module, message):
    distribution(entry, module)
    with pytest.raises(UserError, match=re.escape(message)):
        specs()


def test_runs_that_were_chosen_by_a_score_that_is_not_here_are_not_compared_by_another():
    with pytest.raises(UserError, match=r"score 'kappa' of task=classification.*install the package"):
        score_named("classification", "kappa")
    assert score_named(None, None).name == "accuracy"


READ_MAILS = """
import sys
import rnnsweep.data.sources as sources

sources.__path__.append(sys.argv[1])  # as if the file lay in the package
from rnnsweep.config import compose
from rnnsweep.data import prepare

corpus = prepare(compose(["data=mails"]).data)
print(corpus.labels, sum(corpus.sizes.values()))
"""


def test_a_source_is_one_file_of_data_sources_and_one_of_conf_data(project, tmp_path, monkeypatch):
    page = (ROOT / "docs" / "extending.md").read_text()
    (tmp_path / "more").mkdir()
    source = re.search(r"^# src/rnnsweep/data/sources/mails.py.*?(?=^```)", page, re.M | re.S).group()
    (tmp_path / "more" / "mails.py").write_text(source)
    (project / "conf" / "data" / "mails.yaml").write_text("corpus: mails\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for number in range(50):
        label = tmp_path / "mails" / ("odd" if number % 2 else "even")
        label.mkdir(parents=True, exist_ok=True)
        (label / f"{number}.txt").write_text(f"a letter on {number}")
    command = [sys.executable, "-c", READ_MAILS, str(tmp_path / "more")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "('even', 'odd') 50\n"


def of_page(name: str) -> str:
    """Return the file of that name as the page on extending prints it."""
    page = (ROOT / "docs" / "extending.md").read_text()
    return re.search(rf"^# {re.escape(name)}.*?(?=^```)", page, re.M | re.S).group()


def test_the_task_of_the_page_learns_counts_and_no_model_gives_their_logarithms(
    project, tmp_path, monkeypatch
):
    (tmp_path / "more").mkdir()
    page = of_page("src/rnnsweep/tasks/counts.py").replace(
        'answer="count"', 'answer="several"'
    )  # is a choice
    add_module(tasks, "counts", page, tmp_path / "more", monkeypatch)
    conf = of_page("conf/task/counts.yaml").replace("answer: count", "answer: several")
    (project / "conf" / "task" / "counts.yaml").write_text(conf)
    specs.cache_clear()
    try:
        overrides = ["task=counts", "data.train=rows.csv", *SMALL[:-2], "trainer.max_epochs=9"]
        result = rnnsweep.train([*overrides, "optimizer.lr=0.05", "data.batch_size=8"])
        assert result.validation < 1.0, "the counts are 0 to 4: their mean alone is 1.4 off"
        tracking.sync(project / "mlruns")  # a busy machine may have left it waiting
        assert rnnsweep.evaluate(result.run_id).values["rmse"] < 1.3
        with pytest.raises(UserError, match="task=counts: has answers of its own, which models of rnnsweep"):
            rnnsweep.load_model(result.run_id)
    finally:
        specs.cache_clear()


def test_the_table_format_of_the_page_reads_blocks(project, monkeypatch):
    space: dict[str, object] = {}
    exec(of_page("src/rnnsweep/data/tables/blocks.py"), space)
    read = space["read_blocks"]
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, Format("blocks", (".blocks",), read)))
    rows = [line.rpartition(",") for line in (project / "rows.csv").read_text().splitlines()[1:]]
    (project / "rows.blocks").write_text("".join(f"{label}\n{text}\n\n" for text, _, label in rows))
    read_so = prepare(compose(["data.train=rows.blocks"]).data)
    assert np.array_equal(
        read_so.train.targets_N, prepare(compose(["data.train=rows.csv"]).data).train.targets_N
    )


def test_a_part_of_a_source_is_no_source():
    with pytest.raises(
        UserError, match=r"data.corpus='_columns' .*is not one of ag_news, docstrings, files\."
    ):
        compose(["data.corpus=_columns"])


def test_a_table_format_is_one_function_and_one_entry(project, monkeypatch):
    def read(path, options, choose):
        return read_delimited(path, options, choose)

    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, Format("bars", (".bars",), read)))
    (project / "rows.bars").write_text((project / "rows.csv").read_text().replace(",", "|"))
    read_so = prepare(compose(["data.train=rows.bars"]).data)
    assert np.array_equal(
        read_so.train.targets_N, prepare(compose(["data.train=rows.csv"]).data).train.targets_N
    )
