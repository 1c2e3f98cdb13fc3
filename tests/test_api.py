"""The calls from Python: trained and recorded for real on a small table of colours."""

import importlib
import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tracking_store import unpack

import rnnsweep
from rnnsweep import api
from rnnsweep.api import Validation
from rnnsweep.api.single_runs import training as single
from rnnsweep.cli import main
from rnnsweep.config import flatten
from rnnsweep.errors import UserError
from rnnsweep.paths import find_paths
from rnnsweep.tracking import curves, find_run

ROOT = Path(__file__).parents[1]
SMALL = (
    "data=files",
    "data.train=colours.csv",
    "trainer.max_epochs=2",
    "model.hidden_size=8",
    "model.embedding_size=8",
    "optimizer.lr=0.02",
)
SWEEP = """# Which of two networks tells colours apart, in words that come in any order?
name: colours
architectures: [bag, gru]
trials: 2
replicates: 2
overrides: [data=files, data.train=colours.csv, trainer.max_epochs=2, model.embedding_size=8]
space:
  optimizer.lr: {type: float, low: 1e-3, high: 1e-1, log: true}
  model.hidden_size: {type: int, low: 4, high: 8}
"""


def colours(path: Path, rows: int = 300) -> None:
    """Nonsense around one word that gives the label away four times in five."""
    draw, names = random.Random(0), ("red", "green", "blue")
    lines = ["text,label"]
    for _ in range(rows):
        label = draw.choice(names)
        said = label if draw.random() < 0.8 else draw.choice(names)
        noise = [draw.choice("abcdefgh") * 2 for _ in range(draw.randint(2, 9))]
        lines.append(f"{' '.join([*noise, said, 'end'])},{label}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with one recorded run, made once for the tests that look at it."""
    place = tmp_path_factory.mktemp("project")
    (place / "conf").symlink_to(ROOT / "conf")
    (place / "sweeps").mkdir()
    (place / "sweeps" / "colours.yaml").write_text(SWEEP)
    colours(place / "colours.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSWEEP_HOME", str(place))
        patch.chdir(place)
        yield place


@pytest.fixture(scope="module")
def trained(project):
    """One run and what was told while it trained."""
    told: list[Validation] = []
    return rnnsweep.train(["model=gru", *SMALL], on_validation=told.append), told


def test_a_training_gives_typed_results_and_a_frame(trained):
    result, told = trained
    assert (result.architecture, result.epochs, result.stopped) == ("gru", 2.0, None)
    assert result.validation == pytest.approx(max(one.accuracy for one in told))
    assert [one.epoch for one in told] == [1.0, 2.0]
    assert result.frame().loc[0, "validation"] == result.validation
    assert result.overrides == ("model=gru", *SMALL)


def test_a_training_is_recorded_with_everything_that_repeats_it(trained, project):
    result, _ = trained
    (row,) = rnnsweep.runs().to_dict("records")
    assert (row["run_id"], row["name"]) == (result.run_id, result.name)
    assert (row["role"], row["state"], row["architecture"]) == ("single", "complete", "gru")
    assert (row["validation"], row["parameters"]) == (result.validation, result.parameters)
    assert tuple(row["overrides"]) == result.overrides
    recorded = {key: row[key] for key in ("model", "model.hidden_size", "optimizer.lr", "data.train")}
    assert recorded == {
        "model": "gru",
        "model.hidden_size": 8,
        "optimizer.lr": 0.02,
        "data.train": "colours.csv",
    }


def test_only_the_best_weights_are_kept(trained, project):
    kept = {path.name for path in (project / "mlruns" / "runs").rglob("*") if path.is_file()}
    assert kept == {"best.ckpt"}


def test_a_run_is_found_by_its_id_a_prefix_or_its_name(trained, project):
    from rnnsweep.tracking import find_run

    result, _ = trained
    for word in (result.run_id, result.run_id[:6], result.name):
        assert find_run(find_paths().mlruns, word).run_id == result.run_id


def test_a_run_is_evaluated_by_a_prefix_of_its_id(trained, project):
    result, _ = trained
    found = rnnsweep.evaluate(result.run_id[:6])
    assert found.run_id == result.run_id
    assert 0 < found.accuracy <= 1
    assert repr(found).startswith(f"run {result.run_id[:8]} ({result.name}) on the test part: accuracy 0.")
    (test,) = rnnsweep.runs()["test"]
    assert test == pytest.approx(found.accuracy)


def test_a_run_whose_checkpoint_is_gone_is_not_evaluated(trained, project):
    result, _ = trained
    away = result.checkpoint.rename(result.checkpoint.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match=r"its checkpoint .*best.ckpt is gone; train it again"):
            rnnsweep.evaluate(result.run_id)
    finally:
        away.rename(result.checkpoint)


def test_a_recorded_run_comes_back_as_it_was_whatever_became_of_conf(trained, project):
    from rnnsweep.api.single_runs.evaluation import recorded_run
    from rnnsweep.tracking import find_run

    result, _ = trained
    row = find_run(find_paths().mlruns, result.run_id)
    row.params["model.dropout"] = "0.25"  # as if conf/model/gru.yaml had said so then
    run = recorded_run(row, find_paths().mlruns)
    assert flatten(run)["model.dropout"] == 0.25
    assert run.model.hidden_size == 8


def test_the_same_command_gives_the_same_score_to_the_last_digit(trained, project):
    again = rnnsweep.train(["model=gru", *SMALL, "tracking.enabled=false"])
    assert (again.validation, again.run_id) == (trained[0].validation, None)
    other = rnnsweep.train(["model=gru", *SMALL, "tracking.enabled=false", "seed=1"])
    assert other.validation != again.validation or other.seconds != again.seconds


def test_without_tracking_nothing_is_written(project, monkeypatch, tmp_path):
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    rnnsweep.train(["model=bag", *SMALL, "tracking.enabled=false"])
    assert not (tmp_path / "mlruns").exists()


def test_a_training_that_fails_is_recorded_as_failed_with_the_reason(project, monkeypatch):
    from rnnsweep.training import Diverged

    overrides = ["model=bag", *SMALL, "optimizer=sgd", "optimizer.lr=1e30", "optimizer.gradient_clip=null"]
    with pytest.raises(Diverged):
        rnnsweep.train(overrides)
    row = rnnsweep.runs().iloc[-1]
    assert (row["architecture"], row["state"]) == ("bag", "failed")
    assert row["reason"].startswith("Diverged: the loss is ")


@pytest.mark.parametrize("size", [10**8, 10**25])
def test_a_network_beyond_the_memory_is_refused_before_anything_is_made(project, tmp_path, monkeypatch, size):
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    with pytest.raises(UserError, match=rf"model.hidden_size={size}: [\d,]+ parameters take [\d,]+ GB,"):
        rnnsweep.train([*SMALL, "model=gru", f"model.hidden_size={size}"])
    assert not (tmp_path / "mlruns").exists()


def test_a_server_that_does_not_answer_is_told_before_anything_is_made(project, tmp_path, monkeypatch):
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    with pytest.raises(UserError, match="does not answer"):
        rnnsweep.train([*SMALL, "tracking.uri=http://127.0.0.1:9"])
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["model=gru", "optimizer.lr=0.01"], "gru lr=0.01"),
        (["model=gru", "tracking.run_name='my run, the first'"], "my run, the first"),
        (["seed=3"], "lstm seed=3"),
        (["data.train=a.csv", "data.text=body", "data.label=stars", "data.limit=50"], "lstm limit=50"),
        ([], "lstm"),
    ],
)
def test_a_run_is_named_by_what_was_overridden(home, overrides, name):
    assert single.name_of(rnnsweep.compose(overrides)) == name


def test_train_prints_one_json_object_and_all_else_on_standard_error(trained, project, capfd):
    assert main(["train", "model=gru", *SMALL, "--json"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert set(found) == {"run_id", "score", "validation", "parameters", "seconds"}
    assert found["score"] == trained[0].score.facts()
    assert found["validation"] == trained[0].validation
    assert "epoch 2" in err


def test_train_ends_with_a_summary_that_fits_eighty_columns(trained, project, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["train", "model=gru", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "best validation accuracy" in out
    assert "rnnsweep evaluate " in out
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_evaluate_prints_the_test_scores_as_json(trained, project, capfd):
    assert main(["evaluate", trained[0].run_id, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["run_id"], set(found["test"]) >= {"accuracy", "macro_f1", "loss"}) == (
        trained[0].run_id,
        True,
    )


def test_a_diverged_training_says_what_to_do(project, capsys):
    arguments = ["model=bag", *SMALL, "optimizer=sgd", "optimizer.lr=1e30", "optimizer.gradient_clip=null"]
    assert main(["train", *arguments]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: the training diverged: the loss is ")
    assert "Lower optimizer.lr" in last


@pytest.mark.parametrize(("word", "hint"), [("gruu", "there is"), ("nope", "there is")])
def test_an_unknown_sweep_file_names_those_that_there_are(project, word, hint):
    with pytest.raises(UserError, match=f"{word}: no such sweep file; {hint}"):
        rnnsweep.sweep(word)


def test_every_call_of_the_api_is_on_the_package():
    names = set(api.__all__)
    assert [name for name in names if getattr(rnnsweep, name) is not getattr(api, name)] == []
    assert {"train", "sweep", "compare", "evaluate", "runs", "__version__"} <= set(dir(rnnsweep))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        rnnsweep.trian  # noqa: B018


class InterruptsAfterATrial:
    """A listener that presses Ctrl-C once, when the first trial has ended."""

    def __init__(self) -> None:
        self.pressed = False

    def update(self, snapshot) -> None:
        if not self.pressed and any(one.ended for one in snapshot.standings):
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)

    def message(self, text: str) -> None:
        pass


@pytest.mark.slow
def test_a_sweep_runs_compares_repeats_its_winner_and_is_finished_the_second_time(project, capfd):
    with pytest.raises(rnnsweep.Interrupted) as ended:
        rnnsweep.sweep("colours", slots=1, listener=InterruptsAfterATrial())
    assert ended.value.resume == "rnnsweep sweep colours"
    assert ended.value.result.state == "interrupted"
    heard = []
    report = find_paths().mlruns / "sweeps" / "colours" / "report.html"
    result = rnnsweep.sweep("colours", slots=2, answered=lambda one: heard.append((one, report.exists())))
    assert (result.state, result.trials["complete"]) == ("finished", 4)
    ((answered, was_written),) = heard  # the answer waits for no report
    assert (answered.comparison, was_written, report.exists()) == (result.comparison, False, True)
    standings = result.frame().set_index("architecture")
    assert {"bag", "gru"} <= set(standings.index)
    assert list(standings.loc[["bag", "gru"], "test.replicates"]) == [2, 2]
    assert main(["compare", "colours", "--json"]) == 0
    _check_comparison(json.loads(capfd.readouterr().out))
    _check_curves()
    _check_best("gru", capfd)
    assert main(["sweep", "sweeps/colours.yaml"]) == 0
    out, err = capfd.readouterr()
    assert "sweep colours is finished: nothing left to run" in err
    assert "gru" in out
    assert main(["status", "colours", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["state"], sum(found["trials"].values())) == ("finished", 4)
    assert 0 < found["slots_busy"] <= 1


def _check_comparison(found: dict) -> None:
    assert found["sweep"] == "colours"
    for row in found["standings"]:
        assert set(row) >= {"architecture", "trials", "validation", "test", "parameters"}
        assert row["architecture"] == "linear" or sum(row["trials"].values()) == 2
        assert set(row["test"]) == {"mean", "low", "high", "replicates"}
    assert Path(found["report"]).is_file()
    assert found["verdicts"]


def _check_curves() -> None:
    """The view of curves begins and ends where the replicates' curves do, and a little beside them."""
    mlruns = find_paths().mlruns
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as store:
        ((tag,),) = store.execute(
            "SELECT value FROM experiment_tags WHERE key = 'mlflow.sharedViewState.curves'"
        )
    charts = [one for one in unpack(tag)[1]["compareRunCharts"] if not one["deleted"]]
    found = rnnsweep.runs("colours")
    replicates = found.loc[found["role"] == "replicate", "run_id"]
    for chart in charts:
        points = curves(mlruns, "colours", [chart["metricKey"]])
        values = points.loc[points["run_id"].isin(replicates), "value"]
        low, high = chart["range"]["yMin"], chart["range"]["yMax"]
        assert low < values.min() <= values.max() < high, chart["metricKey"]
        assert high - low == pytest.approx(1.1 * (values.max() - values.min()))


def _check_best(architecture: str, capfd) -> None:
    best = rnnsweep.best("colours", architecture)
    again = rnnsweep.train([*best.overrides, "tracking.enabled=false"])
    assert again.validation == best.validation
    assert main(["best", "colours", architecture]) == 0
    assert capfd.readouterr().out.startswith("rnnsweep train model=gru ")
    assert main(["best", "colours", "grx"]) == 2
    assert "Did you mean 'gru'?" in capfd.readouterr().err


@pytest.mark.slow
def test_ctrl_c_ends_a_loop_of_trainings_and_the_run_resumes_to_the_same_scores(project, capsys):
    def interrupt(seen: Validation) -> None:
        if seen.epoch >= 2:
            os.kill(os.getpid(), signal.SIGINT)

    settings = ["model=gru", *SMALL, "trainer.max_epochs=4"]
    seeds = iter((5, 6))
    with pytest.raises(KeyboardInterrupt, match="resume with: rnnsweep train --resume ") as ended:
        list(rnnsweep.train([*settings, f"seed={seed}"], on_validation=interrupt) for seed in seeds)
    assert next(seeds) == 6  # the second was not begun
    first = ended.value.result
    assert (first.stopped, first.epochs) == ("interrupted", 2)
    again = rnnsweep.train(resume=first.run_id[:8])
    assert (again.run_id, again.stopped, again.epochs) == (first.run_id, None, 4)
    whole = rnnsweep.train([*settings, "seed=5", "tracking.enabled=false"])
    assert (again.validation, again.values) == (whole.validation, whole.values)
    row = rnnsweep.runs().set_index("run_id").loc[first.run_id]
    assert (row["state"], row["validation"]) == ("complete", whole.validation)
    assert main(["train", "--resume", first.run_id[:8]]) == 2
    assert "is complete; there is nothing to resume" in capsys.readouterr().err


def test_what_cannot_be_resumed_is_refused_with_what_to_do(trained, project, capsys):
    result, _ = trained
    with pytest.raises(UserError, match=r"is complete; there is nothing to resume"):
        rnnsweep.train(resume=result.run_id)
    with pytest.raises(UserError, match="a resumed run keeps its own settings; leave overrides out"):
        rnnsweep.train(["seed=3"], resume=result.run_id)
    assert main(["train", "-m", "--resume", result.run_id]) == 2
    assert "-m and --resume exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"rnnsweep.sweep": "colours"}, "is of the sweep 'colours'; resume that: rnnsweep sweep colours"),
        ({"rnnsweep.state": "running"}, "its process still runs"),
        ({"rnnsweep.state": "interrupted"}, "no checkpoint .*; train it again: rnnsweep train model=gru"),
    ],
)
def test_a_run_that_has_no_checkpoint_of_its_own_to_resume_from_is_refused(
    trained, project, monkeypatch, tags, message
):
    result, _ = trained
    row = find_run(project / "mlruns", result.run_id)
    changed = replace(row, tags={**row.tags, **tags})
    monkeypatch.setattr("rnnsweep.tracking.find_run", lambda mlruns, name: changed)
    with pytest.raises(UserError, match=message):
        rnnsweep.train(resume=result.run_id)


def test_one_run_is_not_resumed_by_two_processes_at_once(tmp_path):
    with (
        single._only_process(tmp_path, "3f9a1c"),
        pytest.raises(UserError, match="run 3f9a1c: another process resumes it"),
        single._only_process(tmp_path, "3f9a1c"),
    ):
        pass


@pytest.mark.slow
def test_ctrl_c_in_a_training_leaves_a_run_that_says_interrupted(project):
    command = [sys.executable, "-c", "from rnnsweep.cli import main; import sys; sys.exit(main())"]
    with subprocess.Popen(
        [*command, "train", "model=rnn", *SMALL, "trainer.max_epochs=100000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while "epoch 2" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stopping = (
            "stopping: a checkpoint is written, then the run is sent to MLflow; a second Ctrl-C does not wait"
        )
        assert process.stderr.read().splitlines().count(stopping) == 1
        assert "  resume it   rnnsweep train --resume " in process.stdout.read()
        assert process.wait(60) == 130
    row = rnnsweep.runs().iloc[-1]
    assert (row["architecture"], row["state"]) == ("rnn", "interrupted")
    assert not math.isnan(row["validation"])


@pytest.mark.slow
def test_ctrl_c_while_the_store_is_waited_for_keeps_the_training_and_names_its_run(
    project, monkeypatch, capsys
):
    def interrupted(shipper, *given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnsweep.tracking.ship.shipper.Shipper.drain", interrupted)
    assert main(["train", "model=bag", *SMALL[:3]]) == 0
    printed = capsys.readouterr().out
    monkeypatch.undo()
    key = re.search(r"^run (single\.\w+)", printed, re.M)[1]
    assert "not in the store yet; to send it: rnnsweep sync" in printed
    assert f"rnnsweep evaluate {key}" in printed
    monkeypatch.setenv("RNNSWEEP_HOME", str(project))
    assert any(main(["sync"]) == 0 for _ in range(10)), "the shipper that was left has a last try"
    assert main(["evaluate", key]) == 0


@pytest.mark.parametrize(
    "package", ["api", "comparison", "data", "engine", "launchers", "models", "tracking"]
)
def test_a_package_offers_at_first_use_each_name_that_type_checks_see(package):
    offered = importlib.import_module(f"rnnsweep.{package}")
    assert offered.__all__
    assert dir(offered) == offered.__all__
    assert [name for name in offered.__all__ if getattr(offered, name, None) is None] == []
