"""The commands that steer a sweep: `stop`, `enqueue`, `retry`, `export` and `status --watch`."""

import io
import json
import subprocess
import sys
import threading

import pandas
import pytest
from simulation import FakeClock, FakeLauncher, Script, run_simulated, without_waiting, write_sweep

from rnnsweep.cli import main
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.outcome import DIVERGED

HOLD = """
import signal, sys, time
from pathlib import Path
from rnnsweep.state.folder import SweepFolder

signal.signal(signal.SIGINT, lambda number, frame: sys.exit(3))
with SweepFolder(Path(sys.argv[1])).hold():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def go(home, *, on=None, cause="time limit", **changes):
    """Run a sweep of two architectures with four trials each, of which rnn-1 fails."""

    def script(task, life):
        return Script((), end="failed", cause=cause) if task.name == "rnn-1" else Script()

    fake = FakeLauncher(FakeClock(), script)
    run_simulated(
        write_sweep(home, **changes),
        home,
        fake,
        on=on,
    )
    return fake


@pytest.fixture
def held(home):
    """A process that holds the sweep as its controller does, and ends with 3 at SIGINT."""
    go(home)
    folder = home / "mlruns" / "sweeps" / "toy"
    process = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_proposed_trial_runs_next(home, capsys):
    go(home)
    assert main(["enqueue", "toy", "rnn", "model.hidden_size=33", "optimizer.lr=5e-2"]) == 0
    assert "it runs next with: rnnsweep sweep toy" in capsys.readouterr().err
    fake = go(home, trials=5)
    (task,) = [task for task in fake.started if task.name == "rnn-4"]
    assert {"model.hidden_size=33", "optimizer.lr=0.05"} <= set(task.overrides)


def test_each_command_that_goes_on_with_a_sweep_names_the_machine_where_it_ran(home, capsys):
    go(home, on="a lab")
    folder = home / "mlruns" / "sweeps" / "toy"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True
    ) as controller:
        controller.stdout.readline()
        assert main(["stop", "toy"]) == 0
        controller.wait(timeout=10)
    assert main(["enqueue", "toy", "rnn", "model.hidden_size=33"]) == 0
    assert main(["retry", "toy"]) == 0
    assert main(["best", "toy"]) == 2  # nothing of it is in the store
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.endswith(" with: rnnsweep sweep toy --on 'a lab'") for line in lines)


def test_one_failed_trial_is_tried_again_by_name(home, capsys):
    go(home)
    assert main(["retry", "toy", "rnn-2"]) == 2
    assert "'rnn-2' is no failed trial of sweep 'toy': failed are rnn-1." in capsys.readouterr().err
    assert main(["retry", "toy", "rnn-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sweep": "toy", "retried": 1}
    assert main(["retry", "toy"]) == 0
    assert capsys.readouterr().err == "nothing of sweep toy failed\n"


def test_a_diverged_trial_is_tried_again_only_by_name(home, capsys):
    go(home, cause=DIVERGED)
    assert main(["retry", "toy"]) == 0
    assert capsys.readouterr().err == (
        "the failed trials of sweep toy diverged, and the same values would again; search lower values of"
        " optimizer.lr, or try one again: rnnsweep retry toy rnn-1\n"
    )
    assert main(["retry", "toy", "rnn-1"]) == 0
    assert capsys.readouterr().err.startswith("1 task to be tried again")


def test_trials_are_exported_alike_to_csv_parquet_and_standard_output(home, capsys):
    go(home)
    assert main(["export", "toy", "--to", "t.csv"]) == 0
    assert "optuna-dashboard" in capsys.readouterr().err
    assert main(["export", "toy", "--to", "t.parquet", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["trials"], said["file"]) == (8, "t.parquet")
    assert said["storage"].endswith("mlruns/sweeps/toy/journal.log")
    main(["export", "toy"])
    tables = [
        pandas.read_csv(home / "t.csv"),
        pandas.read_parquet(home / "t.parquet"),
        pandas.read_csv(io.StringIO(capsys.readouterr().out)),
    ]
    for table in tables:
        assert list(table["state"]).count("FAIL") == 1
        assert list(table["params_model.hidden_size"]) == list(tables[0]["params_model.hidden_size"])
        assert json.loads(table["user_attrs_overrides"][0])[0] == "model=rnn"


def test_stop_reaches_the_process_that_runs_the_sweep(held, home, capsys):
    assert SweepFolder.of(home / "mlruns", "toy").is_running()
    assert main(["stop", "toy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sweep": "toy", "process": held.pid}
    assert held.wait(timeout=30) == 3


def test_watching_ends_when_the_sweep_does(held, home, capsys):
    threading.Timer(0.5, held.kill).start()
    assert main(["status", "toy", "--watch"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "toy: 7 complete, 1 failed"
    assert "finished, slots busy" in shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stop toy", "sweep 'toy': it is not running, so there is nothing to stop"),
        ("stop toi", "sweep 'toi': it is not running"),
        ("enqueue toy rn optimizer.lr=1", "architecture='rn' is not one of lstm, rnn. Did you mean 'rnn'?"),
        ("enqueue toy rnn model.hidden_size=null", "model.hidden_size=None: must be a whole number from"),
        ("enqueue toi rnn optimizer.lr=1", "sweep 'toi': there is no such sweep"),
        ("retry toi", "sweep 'toi': there is no such sweep"),
        ("export toi", "sweep 'toi': there is no such sweep"),
        ("export toy --to trials.xls", "trials.xls: must end in .csv or .parquet"),
        ("export toy --to no/such/trials.csv", "no/such/trials.csv: cannot be written"),
        ("status toy --watch --json", "--watch and --json exclude each other"),
    ],
)
def test_a_mistake_is_one_line(line, message, home, capsys):
    go(home)
    assert main(line.split()) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert (len(said.err.splitlines()), said.out) == (1, "")


def test_a_running_sweep_is_asked_by_its_folder_and_said_to_take_it_up(held, home, capsys):
    assert main(["enqueue", "toy", "rnn", "optimizer.lr=0.01"]) == 0
    assert main(["retry", "toy", "rnn-1"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "proposed to rnn; it runs next, in the sweep that is running",
        "1 task to be tried again, in the sweep that is running",
    ]
    asked = [
        json.loads(path.read_text()) for path in sorted((home / "mlruns/sweeps/toy/inbox").glob("*.json"))
    ]
    assert [(one["kind"], one.get("values", one.get("task"))) for one in asked] == [
        ("enqueue", {"optimizer.lr": 0.01}),
        ("retry", "rnn-1"),
    ]
