"""Steering a sweep from outside."""

import re
import shutil
from collections import Counter

import pytest
from simulation import FakeClock, FakeLauncher, Script, run_simulated, without_waiting, write_sweep

from rnnsweep.engine import enqueue, export, retry, stop
from rnnsweep.errors import UserError
from rnnsweep.state import read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import read_sweep


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def run(sweep, folder, script=lambda task, life: Script()):
    fake = FakeLauncher(FakeClock(), script)
    summary = run_simulated(
        sweep,
        folder,
        fake,
    )
    return fake, summary


def failing(*names):
    def script(task, life):
        return Script((), end="failed", cause="time limit") if task.name in names else Script()

    return script


def test_a_proposed_trial_is_asked_next_and_counts_in_the_budget(tmp_path):
    run(write_sweep(tmp_path), tmp_path)
    more = write_sweep(tmp_path, trials=5)
    enqueue(more, "rnn", {"model.hidden_size": 33, "optimizer.lr": 0.05}, mlruns=tmp_path / "mlruns")
    fake, summary = run(more, tmp_path)
    (task,) = [task for task in fake.started if task.name == "rnn-4"]
    assert {"model.hidden_size=33", "optimizer.lr=0.05"} <= set(task.overrides)
    assert summary.trials["complete"] == 10


@pytest.mark.parametrize(
    ("architecture", "values", "message"),
    [
        ("rn", {}, "architecture='rn' is not one of lstm, rnn. Did you mean 'rnn'?"),
        ("rnn", {"model.hiden_size": 8}, "Did you mean 'model.hidden_size'?"),
        ("rnn", {"model.hidden_size": 65}, "model.hidden_size=65: must be a whole number from 4 to 64"),
        ("rnn", {"model.hidden_size": 8.5}, "model.hidden_size=8.5: must be a whole number"),
    ],
)
def test_a_proposal_outside_the_space_is_refused(architecture, values, message, tmp_path):
    run(write_sweep(tmp_path), tmp_path)
    with pytest.raises(UserError, match=re.escape(message)):
        enqueue(write_sweep(tmp_path), architecture, values, mlruns=tmp_path / "mlruns")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("{optimizer.lr: [0.1, 0.2]}", "optimizer.lr=9.0: must be one of 0.1, 0.2"),
        (
            "{optimizer.lr: {type: float, low: 0.5, high: 1}}",
            "optimizer.lr=9.0: must be a number from 0.5 to 1",
        ),
        (
            "{optimizer.lr: {type: float, low: 0.5, high: 2, step: 0.5}}",
            "optimizer.lr=9.0: must be a number from 0.5 to 2 in steps of 0.5",
        ),
    ],
)
def test_a_proposal_outside_the_space_is_told_what_is_inside(space, message, tmp_path):
    (tmp_path / "own.yaml").write_text(f"# Which?\narchitectures: [rnn]\ntrials: 2\nspace: {space}\n")
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        enqueue(read_sweep(tmp_path / "own.yaml"), "rnn", {"optimizer.lr": 9.0}, mlruns=tmp_path / "mlruns")


def test_a_proposal_of_a_setting_that_changes_nothing_is_refused(tmp_path):
    sweep = write_sweep(tmp_path, architectures="[bag, rnn]")
    run(sweep, tmp_path)
    message = re.escape("model.hidden_size=33: it changes nothing in bag; leave it out")
    with pytest.raises(UserError, match=message):
        enqueue(sweep, "bag", {"model.hidden_size": 33, "optimizer.lr": 0.05}, mlruns=tmp_path / "mlruns")
    enqueue(sweep, "bag", {"optimizer.lr": 0.05}, mlruns=tmp_path / "mlruns")


def test_failed_tasks_are_tried_again_and_the_counts_still_add_up(tmp_path):
    sweep = write_sweep(tmp_path)
    _, first = run(sweep, tmp_path, failing("rnn-1", "lstm-0-r1"))
    assert first.trials["failed"] == 1
    assert retry(sweep, mlruns=tmp_path / "mlruns") == 2
    fake, second = run(sweep, tmp_path)
    assert {task.name for task in fake.started} == {"rnn-4", "lstm-0-r1"}
    assert second.trials == {"complete": 8, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    assert read_status(tmp_path / "mlruns", "toy").trials == second.trials
    assert retry(sweep, mlruns=tmp_path / "mlruns") == 0


def while_running(folder, script, act):
    """Run a sweep and do something from outside as soon as its fourth task has begun."""
    sweep, fake, done = write_sweep(folder), FakeLauncher(FakeClock(), script), []

    def outside(event):
        if len(fake.started) == 4 and not done:
            done.append(act(sweep, folder / "mlruns"))

    fake.on_event = outside
    summary = run_simulated(
        sweep,
        folder,
        fake,
    )
    return fake, summary, done


def test_a_trial_that_is_proposed_while_the_sweep_runs_is_asked_next(tmp_path):
    values = {"model.hidden_size": 33, "optimizer.lr": 0.05}

    def propose(sweep, mlruns):
        enqueue(sweep, "rnn", values, mlruns=mlruns)

    fake, summary, _ = while_running(tmp_path, lambda task, life: Script(), propose)
    wanted = {"model.hidden_size=33", "optimizer.lr=0.05"}
    (task,) = [task for task in fake.started if task.role == "trial" and wanted <= set(task.overrides)]
    assert fake.started.index(task) <= 6
    assert summary.trials["complete"] == 8  # it counts in the budget
    assert list((tmp_path / "mlruns/sweeps/toy/inbox").iterdir()) == []


def test_failed_trials_are_tried_again_while_the_sweep_runs(tmp_path):
    def again(sweep, mlruns):
        return retry(sweep, mlruns=mlruns, task="rnn-0")

    script = failing("rnn-0")
    fake, summary, done = while_running(tmp_path, script, again)
    assert done == [1]
    assert summary.trials == {"complete": 8, "pruned": 0, "failed": 0, "running": 0, "waiting": 0}
    by_name = {task.name: task.overrides for task in fake.started if task.role == "trial"}
    assert [name for name, overrides in by_name.items() if overrides == by_name["rnn-0"]][1:]
    assert read_status(tmp_path / "mlruns", "toy").trials == summary.trials


def test_a_request_is_carried_out_once_whoever_dies_on_it(tmp_path):
    sweep, mlruns = write_sweep(tmp_path), tmp_path / "mlruns"
    run(sweep, tmp_path)
    box = mlruns / "sweeps/toy/inbox"
    SweepFolder(box.parent).post("enqueue", architecture="rnn", values={"model.hidden_size": 33})
    (request,) = box.glob("*.json")
    text = request.read_text()
    more = write_sweep(tmp_path, trials=5)
    run(more, tmp_path)
    request.write_text(text)  # as where the controller was killed before it could remove it
    fake, _ = run(write_sweep(tmp_path, trials=6), tmp_path)
    assert not [task for task in fake.started if "model.hidden_size=33" in task.overrides]
    assert len([1 for row in export(mlruns, "toy")["params_model.hidden_size"] if row == 33]) == 1


def test_a_proposal_to_a_sweep_that_was_killed_before_its_first_trial_waits_for_its_controller(tmp_path):
    run(write_sweep(tmp_path), tmp_path)
    folder = tmp_path / "mlruns/sweeps/toy"
    for entry in folder.iterdir():  # what there is before the searches are begun
        if entry.name not in {"start.json", "sweep.yaml", "conf"}:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    enqueue(read_sweep(tmp_path / "toy.yaml"), "rnn", {"model.hidden_size": 33}, mlruns=tmp_path / "mlruns")
    assert len(list((folder / "inbox").glob("*.json"))) == 1
    fake, summary = run(write_sweep(tmp_path), tmp_path)
    assert [task for task in fake.started if "model.hidden_size=33" in task.overrides]
    assert summary.trials["complete"] == 8


def test_all_trials_can_be_taken_elsewhere(tmp_path):
    run(write_sweep(tmp_path), tmp_path, failing("rnn-1"))
    table = export(tmp_path / "mlruns", "toy")
    assert Counter(zip(table["architecture"], table["state"], strict=True)) == {
        ("rnn", "COMPLETE"): 3,
        ("rnn", "FAIL"): 1,
        ("lstm", "COMPLETE"): 4,
    }
    assert {"number", "value", "params_optimizer.lr", "params_model.hidden_size"} <= set(table.columns)


def test_what_never_started_or_nobody_runs_is_refused(tmp_path):
    mlruns = tmp_path / "mlruns"
    with pytest.raises(UserError, match="sweep 'toy': there is no such sweep"):
        export(mlruns, "toy")
    with pytest.raises(UserError, match="sweep 'toy': there is no such sweep"):
        retry(write_sweep(tmp_path), mlruns=mlruns)
    run(write_sweep(tmp_path), tmp_path)
    with pytest.raises(UserError, match="sweep 'toy': it is not running, so there is nothing to stop"):
        stop(mlruns, "toy")
