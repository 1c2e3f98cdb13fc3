"""What happens in a trial's process: record, train, score, and an outcome whatever happens."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedCorpus, prepare
from rnnsweep.data.carried import check_vectors_digest, expect
from rnnsweep.data.word_vectors.places import vectors_digest
from rnnsweep.errors import UserError
from rnnsweep.state.outcome import DIVERGED
from rnnsweep.tracking.machine.monitor import MachineMonitor
from rnnsweep.tracking.spool.logger import SpoolLogger
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.training import Scores, checkpoint as checkpoints, train
from rnnsweep.trial.causes import BROKEN_CORPUS, FULL_DISK, REMOVED, CorpusDiffers, explain, print_trace
from rnnsweep.trial.memory import peak_memory
from rnnsweep.trial.messages import Channel, Outcome, TrialTask
from rnnsweep.trial.reads import note_test_read
from rnnsweep.trial.record import open_record, record_scores
from rnnsweep.trial.reporter import Reporter
from rnnsweep.trial.scores_of_test_part import keep_predictions, score_test_part

Train: TypeAlias = Callable[..., Scores]  # as `rnnsweep.training.train`


def run_trial(task: TrialTask, channel: Channel, *, train: Train = train) -> Outcome:
    """Do what a task asks for, and record it with its end state.

    Every failure of the training is an outcome with its cause; nothing is raised but what ends the process.
    `train` takes what `rnnsweep.training.train` takes.
    """
    run = task.run
    assert run is not None, f"{task.key}: a task crosses with its composed run"
    try:
        corpus = _corpus(task, run)
        record = open_record(task, run, corpus)
    except (UserError, OSError) as error:
        print_trace()
        return explain(error, of_user=BROKEN_CORPUS)
    outcome = _attempt(task, run, record, channel, train)
    if task.scores_test:
        outcome = replace(outcome, scores={**outcome.scores, "test_rows": corpus.tested})
    return _closed(task, record, outcome)


def _corpus(task: TrialTask, run: RunConfig) -> EncodedCorpus:
    """Read the corpus, and see that it and the word vectors are those that the sweep started with."""
    if task.attempt is not None:  # on another machine
        expect(task.corpora)
    corpus = prepare(run.data)
    expected = task.corpora.get(run.data.source, corpus.digest)
    if corpus.digest != expected and task.attempt is not None:
        raise CorpusDiffers(
            f"the corpus {corpus.name} differs there: its digest is {corpus.digest[:8]}, and"
            f" {expected[:8]} here; put the same data there, or take them away: then they are carried there"
        )
    if corpus.digest != expected:
        raise UserError(
            f"the corpus changed while the sweep ran: its digest is {corpus.digest[:8]},"
            f" it was {expected[:8]}; put it back, or accept it with --accept-changes"
        )
    _check_vectors(task, run.data.vectors)
    return corpus


def _check_vectors(task: TrialTask, name: str | None) -> None:
    expected = task.corpora.get(name or "")
    if name is None or expected is None:
        return
    if task.attempt is None:
        check_vectors_digest(name, expected)
    elif Path(name).expanduser().is_file() and vectors_digest(name) != expected:
        raise CorpusDiffers(
            f"data.vectors={name!r}: the file differs there: its digest is {vectors_digest(name)[:8]}, and"
            f" {expected[:8]} here; put the same file there, or take it away: then it is carried there"
        )


def _closed(task: TrialTask, record: RunRecord, outcome: Outcome) -> Outcome:
    """End the run; where the disk kept a line or a file of it out, the trial continues when there is room."""
    full = outcome.cause == FULL_DISK
    record.end("interrupted" if full else outcome.state, outcome.explanation)
    if record.flush() or record.missing:
        if not task.mlruns.is_dir():
            return Outcome("failed", REMOVED, f"{task.mlruns} was removed while it ran", outcome.scores)
        return Outcome("failed", FULL_DISK, "its records did not fit on the disk", outcome.scores)
    if outcome.state in ("complete", "pruned") or outcome.cause == DIVERGED:  # nothing to resume any more
        (task.files.checkpoints / checkpoints.LAST).unlink(missing_ok=True)
    return replace(outcome, recorded=not full)


def _attempt(task: TrialTask, run: RunConfig, record: RunRecord, channel: Channel, train: Train) -> Outcome:
    try:
        if task.role == "baseline":
            outcome = _baseline(task, run, record, channel)
        else:
            outcome = _train(task, run, record, channel, train)
    except Exception as error:
        print_trace()
        outcome = explain(error)
    if outcome.state == "pruned" and task.role != "trial":
        return replace(outcome, state="failed")  # only a search prunes
    return outcome


def _train(task: TrialTask, run: RunConfig, record: RunRecord, channel: Channel, train: Train) -> Outcome:
    reporter = Reporter(
        channel,
        score=run.score,
        validate_every=run.trainer.validate_every,
        max_epochs=run.trainer.max_epochs,
        seconds=task.time_limit,
        held=record.flush,
    )
    folder = task.files.checkpoints
    try:
        with MachineMonitor(record, every_s=run.tracking.machine_every):
            scores = train(
                run,
                logger=SpoolLogger(record),
                callbacks=[reporter],
                folder=folder,
                resume=task.resume,
            )
    except Exception as error:  # what it cost counts in the budget
        print_trace()
        work = reporter.work()
        record.summary({"work/epochs": work["epochs"], "time/seconds": work["seconds"]})
        return replace(explain(error), scores=work)
    values = {**scores.plain(), "memory": peak_memory()}
    if scores.stopped == "interrupted":
        return Outcome("interrupted", scores=values)
    record_scores(record, task, scores)
    if scores.stopped == "pruned":
        return Outcome("pruned", "pruned", f"behind after {reporter.pruned_at or 0:.3g} epochs", values)
    if task.role == "replicate":
        assert scores.checkpoint is not None
        note_test_read(task, channel)
        values |= score_test_part(run, scores.checkpoint, task=task.files, record=record)
    return Outcome("complete", scores=values)


def _baseline(task: TrialTask, run: RunConfig, record: RunRecord, channel: Channel) -> Outcome:
    from rnnsweep.baseline import fit_baseline

    if task.reads_test:
        note_test_read(task, channel)
    fitted = fit_baseline(run, test=task.reads_test)
    record.summary(fitted.summary())
    if fitted.rows is not None:
        keep_predictions(fitted.rows, task=task.files, record=record)
    return Outcome("complete", scores=fitted.plain())
