"""`rnnsweep plan`: what a sweep would do, before it does it."""

import io
import json

import pytest
from rich.console import Console
from simulation import write_sweep

from rnnsweep.cli import main
from rnnsweep.cli.planning import planned_table
from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.networks import parameter_count
from rnnsweep.study.plan import Cost, Planned, configurations

SPACE = """\
name: toy
architectures: [lstm, bag]
trials: 4
replicates: 2
space:
  model.hidden_size: {type: int, low: 4, high: 8, step: 2}
  model.dropout: {type: float, low: 0, high: 0.5, step: 0.25}
  optimizer.name: [adam, sgd]
  optimizer.momentum: {choices: [0.5, 0.9], when: {optimizer.name: sgd}}
"""


def test_a_plan_measures_both_ends_of_each_space_and_writes_nothing(home, short_rows, capsys):
    own = [f"data.train={short_rows}", "data=files", "trainer.max_epochs=3"]
    sweep = write_sweep(home, SPACE, overrides=json.dumps(own))
    assert main(["plan", str(sweep.path), "--slots", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    lstm, bag = found["architectures"]
    assert (lstm["configurations"], lstm["trainings"], lstm["epochs"]) == (3 * 3 * (1 + 2), 6, 3)
    for end, hidden in (("smallest", 4), ("largest", 8)):
        run = compose(["model=lstm", *own, f"model.hidden_size={hidden}"])
        corpus = prepare(run.data)
        sizes = {"vocabulary": len(corpus.vocabulary), "classes": len(corpus.labels)}
        assert lstm[end]["parameters"] == parameter_count(run.model, **sizes)
        assert lstm[end]["seconds_per_epoch"] > 0
    means = [
        (a["smallest"]["seconds_per_epoch"] + a["largest"]["seconds_per_epoch"]) / 2 for a in (lstm, bag)
    ]
    assert found["seconds"] == pytest.approx(6 * 3 * sum(means) / 2)
    assert found["memory"] > 2**20
    assert not (home / "mlruns").exists()


def test_the_table_of_a_plan_fits_eighty_columns():
    cost = Cost(556_649, 4.7)
    rows = tuple(Planned(name, None, cost, cost, 12, 15) for name in ("stacked_bilstm", "lstm"))
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(planned_table(rows))
    lines = console.file.getvalue().splitlines()
    assert " ".join(lines[1].split()) == "stacked_bilstm endless 15 12 556,649 to 556,649 4.7 to 4.7"
    assert len(lines) == 3


def test_a_range_of_floats_without_a_step_is_endless(tmp_path):
    assert configurations(write_sweep(tmp_path).space, {}) is None


def test_a_sweep_that_cannot_run_cannot_be_planned(home, capsys):
    path = write_sweep(home, SPACE.replace("hidden_size", "hiden_size")).path
    assert main(["plan", str(path)]) == 2
    assert "Did you mean 'model.hidden_size'?" in capsys.readouterr().err
