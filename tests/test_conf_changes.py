"""What a started sweep says when files of conf/ change: only what its runs are composed of matters."""

import shutil
from pathlib import Path

import pytest
from simulation import FakeClock, FakeLauncher, Script, run_simulated, write_sweep

from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths

SWEEP = """\
name: toy
architectures: [rnn, gru]
trials: 2
replicates: 2
baseline: false
overrides: [data=docstrings]
space:
  model.hidden_size: [8, 16]
  optimizer: [adam, sgd]
"""


@pytest.fixture
def conf(tmp_path) -> Path:
    return Path(shutil.copytree(find_paths().conf, tmp_path / "conf"))


@pytest.fixture
def run(conf, tmp_path):
    def started(**more):
        changes = {key: more.pop(key) for key in ("replicates", "overrides") if key in more}
        launcher = FakeLauncher(FakeClock(), lambda task, life: Script((0.5,), seconds=1))
        sweep = write_sweep(tmp_path, SWEEP, **changes)
        return run_simulated(
            sweep,
            tmp_path,
            launcher,
            conf=conf,
            **more,
        )

    started()
    return started


def append(file: Path, line: str) -> None:
    """Set one key of a file anew."""
    key = line.partition(":")[0]
    kept = [each for each in file.read_text().splitlines() if not each.startswith(f"{key}:")]
    file.write_text("\n".join([*kept, line]) + "\n")


def test_a_file_that_no_run_of_the_sweep_is_composed_of_may_be_added_changed_and_removed(run, conf):
    shutil.copyfile(conf / "model/gru.yaml", conf / "model/mine.yaml")
    append(conf / "model/lstm.yaml", "hidden_size: 7")
    append(conf / "optimizer/adamw.yaml", "lr: 0.5")
    (conf / "model/bag.yaml").unlink()
    assert run(replicates=3).ran == 2


def test_a_comment_in_a_file_and_what_the_sweep_sets_itself_may_change(run, conf):
    with (conf / "model/gru.yaml").open("a") as file:
        file.write("# tried 128 too\n")
    append(conf / "model/gru.yaml", "hidden_size: 7")  # the sweep searches it
    assert run(replicates=3).ran == 2


def test_a_changed_value_is_named_with_its_file_and_both_values(run, conf):
    append(conf / "model/gru.yaml", "dropout: 0.25")
    was = compose(["model=gru"]).model.dropout
    with pytest.raises(UserError) as refused:
        run(replicates=3)
    assert str(refused.value) == (
        f"sweep 'toy': changed since it started: model.dropout: {was} became 0.25 (conf/model/gru.yaml)."
        " Undo it, give the sweep another `name:`, or accept it with rnnsweep sweep toy --accept-changes"
    )


def test_a_changed_value_of_a_file_that_is_searched_is_named(run, conf):
    append(conf / "optimizer/sgd.yaml", "weight_decay: 0.125")
    with pytest.raises(UserError, match=r"optimizer.weight_decay: 0.0 became 0.125 .conf/optimizer/sgd.yaml"):
        run(replicates=3)


def test_a_value_that_its_file_sets_no_longer_is_named_with_that_file(run, conf, tmp_path):
    append(conf / "model/gru.yaml", "dropout: 0.25")
    run(replicates=3, accept_changes=True)
    file = conf / "model/gru.yaml"
    file.write_text(file.read_text().replace("dropout: 0.25\n", ""))
    default = compose(["model=gru"], conf=conf).model.dropout
    with pytest.raises(UserError, match=rf"model.dropout: 0.25 became {default} .conf/model/gru.yaml"):
        run(replicates=4)


def test_another_choice_in_the_first_file_is_named(run, conf):
    file = conf / "config.yaml"
    text = file.read_text()
    assert "trainer: default" in text
    shutil.copyfile(conf / "trainer/default.yaml", conf / "trainer/short.yaml")
    file.write_text(text.replace("trainer: default", "trainer: short"))
    with pytest.raises(UserError, match=r"trainer: default became short .conf/config.yaml"):
        run(replicates=3)


def test_a_change_of_the_sweeps_file_comes_first_and_names_that_file(run, conf, tmp_path):
    append(conf / "model/gru.yaml", "dropout: 0.25")
    with pytest.raises(UserError) as refused:
        run(overrides="[data=docstrings, optimizer.lr=0.5]")
    told = str(refused.value)
    assert told.startswith(
        f"{tmp_path}/toy.yaml: changed since sweep 'toy' started: overrides: optimizer.lr=0.5 added"
    )
    assert "; model.dropout: " in told


def test_an_accepted_change_is_what_further_runs_are_composed_of(run, conf, tmp_path):
    append(conf / "model/gru.yaml", "dropout: 0.25")
    assert run(replicates=3, accept_changes=True).ran == 2
    kept = tmp_path / "mlruns/sweeps/toy/conf"
    assert compose(["model=gru"], conf=kept).model.dropout == 0.25
    assert run(replicates=4).ran == 2, "and it is no change any more"


def test_a_copy_of_the_start_that_cannot_be_read_is_said(run, conf, tmp_path):
    append(conf / "model/gru.yaml", "dropout: 0.25")
    append(tmp_path / "mlruns/sweeps/toy/conf/model/gru.yaml", "gone: 1")
    with pytest.raises(UserError, match=r"conf/ changed, and its copy of the start cannot be read: .*gone"):
        run(replicates=3)
