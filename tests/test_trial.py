"""In a trial's process a task is trained, recorded and given an outcome, whatever happens."""

import csv
import errno
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from rnnsweep.config import compose
from rnnsweep.data import DataConfig
from rnnsweep.errors import UserError
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.training import Diverged
from rnnsweep.trial import Outcome, Report, TrialTask, run_trial
from rnnsweep.trial.causes import TimeLimit, explain
from rnnsweep.trial.messages import task_name

WORDS = {"fruit": ["apple", "pear", "plum", "fig"], "metal": ["iron", "zinc", "tin", "lead"]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """A corpus that is easy but not empty."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(240):
            label = ("fruit", "metal")[number % 2]
            other = draw.choice(WORDS["fruit"] + WORDS["metal"])
            words = [draw.choice(WORDS[label]), other, f"w{draw.randrange(40)}"]
            writer.writerow([" ".join(draw.sample(words, 3)) + f" {number}", label])
    return path


class Line:
    """A controller that answers from a list, and interrupts after a number of reports."""

    def __init__(self, *answers: str, interrupt_after: int | None = None) -> None:
        self.answers = list(answers)
        self.reports: list[Report] = []
        self.interrupt_after = interrupt_after

    def report(self, report: Report) -> str:
        self.reports.append(report)
        return self.answers.pop(0) if self.answers else "go on"

    def interrupted(self) -> bool:
        return self.interrupt_after is not None and len(self.reports) >= self.interrupt_after


def task(folder: Path, rows: Path, *overrides: str, role: str = "trial", **more) -> TrialTask:
    small = ("model.hidden_size=4", "model.embedding_size=4", "data.batch_size=16", "optimizer.lr=0.02")
    whole = ("model=gru", "data=files", f"data.train={rows}", *small, *EPOCHS, *overrides)
    return TrialTask(
        key="toy.1.gru-0",
        role=role,
        architecture="gru",
        overrides=whole,
        run=compose(whole),
        folder=folder / "mlruns" / "sweeps" / "toy" / "trials" / "gru-0",
        mlruns=folder / "mlruns",
        experiment="toy",
        name="gru-0",
        number=0,
        **more,
    )


EPOCHS = ("trainer.max_epochs=2", "trainer.validate_every=0.5")


def lines(task: TrialTask) -> list[dict]:
    return list(read_all(task.mlruns / "spool" / f"{task.key}.jsonl"))


def ends(task: TrialTask) -> list[tuple[str, str | None]]:
    return [(line["state"], line["reason"]) for line in lines(task) if line["op"] == "end"]


def points(task: TrialTask, metric: str) -> list[tuple[int, float]]:
    found = [line for line in lines(task) if line["op"] == "metrics" and metric in line["values"]]
    return [(line["step"], line["values"][metric]) for line in found]


def test_a_trial_reports_each_validation_and_ends_complete(tmp_path, rows):
    line, one = Line(), task(tmp_path, rows)
    outcome = run_trial(one, line)
    assert (outcome.state, outcome.cause, outcome.recorded) == ("complete", None, True)
    assert [(r.rung, round(r.epoch, 1)) for r in line.reports] == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]
    assert outcome.validation == max(report.validation for report in line.reports)
    assert ends(one) == [("complete", None)]
    assert [step for step, _ in points(one, "validation/accuracy")] == [r.step for r in line.reports]
    assert points(one, "best/validation_accuracy") == [(0, outcome.validation)]


def test_a_trial_that_hears_stop_is_pruned_with_its_reason(tmp_path, rows):
    line, one = Line("go on", "stop"), task(tmp_path, rows)
    outcome = run_trial(one, line)
    assert (outcome.state, outcome.reason) == ("pruned", "behind after 1 epochs")
    assert len(line.reports) == 2
    assert ends(one) == [("pruned", "pruned: behind after 1 epochs")]


def test_a_stop_at_the_last_validation_comes_too_late(tmp_path, rows):
    outcome = run_trial(task(tmp_path, rows), Line("go on", "go on", "go on", "stop"))
    assert outcome.state == "complete"


def test_an_interrupted_trial_goes_on_to_the_same_score_without_gap_or_double(tmp_path, rows):
    whole = task(tmp_path / "whole", rows)
    uninterrupted = run_trial(whole, Line())
    parts = task(tmp_path / "parts", rows)
    first = run_trial(parts, Line(interrupt_after=2))
    assert first.state == "interrupted"
    second = run_trial(replace(parts, resume=True), Line())
    timeless = ("validation", "validation_loss", "validation_macro_f1", "epochs", "steps", "parameters")
    assert [second.scores[key] for key in timeless] == [uninterrupted.scores[key] for key in timeless]
    assert points(parts, "validation/loss") == points(whole, "validation/loss")
    assert [state for state, _ in ends(parts)] == ["interrupted", "complete"]


def test_a_trial_that_diverges_fails_and_says_so(tmp_path, rows):
    one = task(tmp_path, rows, "optimizer=sgd", "optimizer.lr=1e38", "optimizer.gradient_clip=null")
    outcome = run_trial(one, Line())
    assert (outcome.state, outcome.cause) == ("failed", "diverged")
    assert outcome.scores["epochs"] > 0  # what it cost counts in the budget
    assert outcome.scores["seconds"] > 0
    assert [state for state, _ in ends(one)] == ["failed"]
    assert "diverged: " in ends(one)[0][1]


def test_a_trial_that_uses_up_its_seconds_fails(tmp_path, rows):
    outcome = run_trial(task(tmp_path, rows, time_limit=1e-6), Line())
    assert (outcome.state, outcome.cause, outcome.reason) == (
        "failed",
        "time limit",
        "it used up its 1e-06 s",
    )


def test_a_corpus_that_is_gone_is_an_outcome(tmp_path):
    outcome = run_trial(task(tmp_path, tmp_path / "gone.csv"), Line())
    assert (outcome.state, outcome.cause) == ("failed", "broken corpus")


def test_a_corpus_that_changed_since_the_sweep_started_is_not_trained_on(tmp_path, rows):
    source = DataConfig(corpus="files", train=str(rows)).source
    outcome = run_trial(task(tmp_path, rows, corpora={source: "0123456789"}), Line())
    assert (outcome.state, outcome.cause) == ("failed", "broken corpus")
    assert "the corpus changed while the sweep ran" in outcome.reason


def test_a_replicate_alone_reads_the_test_part_and_keeps_what_it_predicted(tmp_path, rows):
    trial, again = task(tmp_path / "a", rows), task(tmp_path / "b", rows, role="replicate")
    assert "test/accuracy" not in run_trial(trial, Line()).scores
    outcome = run_trial(again, Line())
    assert 0 <= outcome.scores["test/accuracy"] <= 1
    kept = np.load(again.folder / "test_predictions.npz", allow_pickle=False)
    assert np.mean(kept["targets_N"] == kept["predictions_N"]) == outcome.scores["test/accuracy"]
    assert set(kept) == {"rows_N", "targets_N", "predictions_N", "confidence_N"}
    assert list(kept["rows_N"]) == list(range(len(kept["targets_N"])))
    names = {line["name"] for line in lines(again) if line["op"] == "artifact"}
    assert {"test_predictions.npz", "test_confusion.csv", "test_mistakes.csv", "config.yaml"} <= names
    assert not any("test" in key for line in lines(trial) for key in line.get("values", {}))


def test_a_run_is_named_by_what_was_searched_and_says_how_to_repeat_it(tmp_path, rows):
    keys = ("optimizer.lr", "model.hidden_size", "model.dropout")
    one = task(tmp_path, rows, "optimizer.lr=0.01", searched=keys, log_scaled=keys[:2])
    run_trial(one, Line())
    start = next(line for line in lines(one) if line["op"] == "start")
    assert start["name"] == "t00 gru lr=0.01 h=4"
    logarithms = {key: value for key, value in start["params"].items() if "log10" in key}
    assert set(logarithms) == {"optimizer.log10_lr", "model.log10_hidden_size"}  # the others' default too
    assert logarithms["optimizer.log10_lr"] == "-2.0"
    note = start["tags"]["mlflow.note.content"]
    command = note.split("```")[1].replace("\\\n", " ").split()
    assert command == ["rnnsweep", "train", *one.overrides]


def test_records_that_a_full_disk_refuses_keep_the_trial_open(tmp_path, rows, monkeypatch):
    one = task(tmp_path, rows)
    monkeypatch.setattr("rnnsweep.tracking.spool.record.RunRecord.flush", lambda self, deadline_s=0.0: 1)
    outcome = run_trial(one, Line())
    assert (outcome.state, outcome.cause, outcome.recorded) == ("failed", "full disk", False)
    assert not (one.folder / "checkpoints" / "last.ckpt").exists()  # no checkpoint ahead of the record


@pytest.mark.parametrize(
    ("error", "state", "cause", "reason"),
    [
        (Diverged("loss is NaN at step 3"), "failed", "diverged", "loss is NaN at step 3"),
        (MemoryError(), "failed", "out of memory", "MemoryError"),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), "failed", "out of memory", None),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you"), "failed", "out of memory", None),
        (TimeLimit("it used up its 9 s"), "failed", "time limit", "it used up its 9 s"),
        (
            UserError("data.dir='x': no such folder"),
            "failed",
            "configuration",
            "data.dir='x': no such folder",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "failed", "full disk", None),
        (KeyError("x"), "failed", "crash", "KeyError: 'x'"),
        (ValueError("one\ntwo"), "failed", "crash", "ValueError: one"),
    ],
)
def test_an_exception_is_named_by_its_cause(error, state, cause, reason):
    outcome = explain(error)
    assert (outcome.state, outcome.cause) == (state, cause)
    assert reason in (None, outcome.reason)


def test_an_outcome_is_written_whole_and_read_back(tmp_path):
    outcome = Outcome("failed", "crash", "it broke", {"epochs": 0.5})
    outcome.write(tmp_path)
    assert Outcome.read(tmp_path) == outcome
    (tmp_path / "outcome.json").write_text('{"state": "comp')
    assert Outcome.read(tmp_path) is None


@given(
    sweep=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    identity=st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}-\d{1,3}(-r\d{4})?", fullmatch=True),
)
def test_a_task_is_found_by_its_key_whatever_dots_its_name_or_its_sweep_has(sweep, identity, name):
    assert task_name(f"{sweep}.{identity}.{name}", sweep) == name
