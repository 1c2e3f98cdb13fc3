"""What happens behind the wall: compose, record, train, score, and an outcome whatever happens."""

import math
import traceback
from dataclasses import asdict, replace
from typing import Any

from rnnsweep.config import RunConfig, compose
from rnnsweep.data import prepare
from rnnsweep.errors import UserError
from rnnsweep.tracking.machine import MachineMonitor
from rnnsweep.tracking.record import RunRecord
from rnnsweep.training import Scores, train
from rnnsweep.training import checkpoint as checkpoints
from rnnsweep.trial.causes import explain
from rnnsweep.trial.messages import Channel, Outcome, TrialTask
from rnnsweep.trial.recorded import close_record, open_record, record_scores
from rnnsweep.trial.reporter import Reporter
from rnnsweep.trial.testing import test_scores

CHECKPOINTS = "checkpoints"  # in a task's folder


def run_trial(task: TrialTask, channel: Channel) -> Outcome:
    """Do what a task asks for, and record it with its end state.

    Every failure of the training is an outcome with its cause; nothing is raised but what ends the process.
    """
    try:
        run = compose(task.overrides, conf=task.conf)
        corpus = prepare(run.data)
    except (UserError, OSError) as error:
        traceback.print_exc()
        return explain(error)
    record = open_record(task, run, corpus)
    outcome = _attempt(task, run, record, channel)
    close_record(record, outcome)
    return replace(outcome, recorded=True)


def _attempt(task: TrialTask, run: RunConfig, record: RunRecord, channel: Channel) -> Outcome:
    try:
        if task.role == "baseline":
            return _baseline(run, record)
        return _train(task, run, record, channel)
    except Exception as error:
        traceback.print_exc()
        outcome = explain(error)
        if outcome.state == "pruned" and task.role != "trial":
            return replace(outcome, state="failed")  # only a search prunes
        return outcome


def _train(task: TrialTask, run: RunConfig, record: RunRecord, channel: Channel) -> Outcome:
    reporter = Reporter(
        channel,
        validate_every=run.trainer.validate_every,
        max_epochs=run.trainer.max_epochs,
        seconds=task.time_limit,
    )
    folder = task.folder / CHECKPOINTS
    with MachineMonitor(record, every_s=run.tracking.machine_every):
        scores = train(run, logger=record.logger, callbacks=[reporter], folder=folder, resume=task.resume)
    values = _values(scores)
    if scores.stopped == "interrupted":
        return Outcome("interrupted", scores=values)
    (folder / checkpoints.LAST).unlink(missing_ok=True)  # there is nothing to go on with any more
    record_scores(record, task, scores)
    if scores.stopped == "pruned":
        return Outcome("pruned", "pruned", f"behind after {reporter.pruned_at or 0:.3g} epochs", values)
    if task.role == "replicate":
        assert scores.checkpoint is not None
        values |= test_scores(run, scores.checkpoint, folder=task.folder, record=record)
    return Outcome("complete", scores=values)


def _values(scores: Scores) -> dict[str, Any]:
    """Give the scores as plain values; NaN, as of a training without a validation, is left out."""
    kept = {key: value for key, value in asdict(scores).items() if key not in ("checkpoint", "stopped")}
    return {key: value for key, value in kept.items() if not (isinstance(value, float) and math.isnan(value))}


def _baseline(run: RunConfig, record: RunRecord) -> Outcome:
    from rnnsweep.baseline import fit_baseline

    found = fit_baseline(run.data)
    record.summary(
        {
            "best/validation_accuracy": found.validation,
            "best/validation_macro_f1": found.validation_macro_f1,
            "best/validation_loss": found.validation_loss,
            "test/accuracy": found.test,
            "test/macro_f1": found.test_macro_f1,
            "test/loss": found.test_loss,
            "params_total": found.parameters,
            "time/seconds": found.seconds,
            "time/samples_per_second": found.samples_per_second,
        }
    )
    return Outcome("complete", scores=asdict(found))
