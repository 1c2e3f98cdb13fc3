"""Train one run and record it."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from rnnsweep import data, tracking, training
from rnnsweep.api.compile_ahead import start_beside
from rnnsweep.api.notebook import in_notebook, validation_line
from rnnsweep.api.results import Interrupted, OnStop, OnValidation, TrainResult
from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.config.overrides import read_overrides, texts_of
from rnnsweep.errors import UserError
from rnnsweep.files import own_folder
from rnnsweep.networks.cells import allow_named
from rnnsweep.paths import find_paths
from rnnsweep.safety.shell import command_line
from rnnsweep.state.task_folder import LAST
from rnnsweep.tracking.tags import Tag

# files and columns: the same for all runs of a project, and long
_UNNAMED = {
    *("data.dir", "data.train", "data.validation", "data.test"),
    *("data.text", "data.label", "data.group"),
}
_BYTES_PER_WEIGHT = 8  # itself and its gradient, in single precision
OnBegin = Callable[[RunConfig, "data.EncodedCorpus"], None]


@dataclass(frozen=True)
class _Store:
    """Where a single run is recorded."""

    mlruns: Path
    key: str
    uri: str
    resumed: bool = False

    @property
    def folder(self) -> Path:
        return own_folder(self.mlruns, "runs", self.key)


@dataclass(frozen=True)
class _Callbacks:
    """What the caller of a training is told."""

    begin: OnBegin | None
    validation: OnValidation | None
    stop: OnStop | None


def train(
    overrides: Sequence[str] = (),
    *,
    resume: str | None = None,
    conf: Path | None = None,
    on_begin: OnBegin | None = None,
    on_validation: OnValidation | None = None,
    on_stop: OnStop | None = None,
    folder: Path | None = None,
) -> TrainResult:
    """Train one run, as ``rnnsweep train`` does, and record it.

    Args:
        overrides: as ``["model=lstm", "optimizer.lr=0.01"]``.
        resume: a single run that was interrupted: its id, a prefix of it or its name. It continues from its
            last checkpoint with its own settings, so `overrides` must be empty.
        conf: the folder of ``config.yaml``; None finds it.
        on_begin: called with the configuration and the corpus before the training begins.
        on_validation: called after each evaluation of the validation part; None shows it in a notebook, and
            nothing elsewhere.
        on_stop: called once where Ctrl-C or SIGTERM stops the training, before its checkpoint is written.
        folder: for the checkpoints of a run that is not recorded; None keeps none.

    Returns:
        The run's scores, times and ids.

    Raises:
        UserError: the configuration or the data cannot be used, the run cannot be resumed, or the tracking
            server does not answer; nothing is recorded then.
        Interrupted: Ctrl-C or SIGTERM, after the checkpoint was written; a KeyboardInterrupt that has what
            the training reached as `result`.
        rnnsweep.training.Diverged: the loss became NaN or infinite; the run is recorded as failed.
    """
    if on_validation is None and in_notebook():
        on_validation = validation_line()
    callbacks = _Callbacks(on_begin, on_validation, on_stop)
    if resume is not None:
        return _resume(resume, overrides, callbacks)

    allow_named(texts_of(overrides))
    run = compose(overrides, conf=conf)
    start_beside(lambda: {run.model.cell})  # before PyTorch is imported
    return _train(run, _find_store(run), callbacks, folder=folder)


def _resume(name: str, overrides: Sequence[str], callbacks: _Callbacks) -> TrainResult:
    from rnnsweep.api.single_runs.evaluation import recorded_run, resumable

    if overrides:
        raise UserError(f"{overrides[0]!r}: a resumed run keeps its own settings; leave overrides out")
    mlruns = find_paths().mlruns
    row = resumable(name, mlruns)
    run = recorded_run(row, mlruns)
    start_beside(lambda: {run.model.cell})
    allow_named(run.overrides)
    store = _find_store(run)
    assert store is not None  # it was found in one
    store = replace(store, key=row.tags[Tag.KEY], resumed=True)
    with _only_process(store.folder, row.run_id[:8]):
        return _train(run, store, callbacks)


@contextmanager
def _only_process(folder: Path, run: str) -> Iterator[None]:
    """Refuse to resume a run that another process resumes at the same time."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / "resume.lock", timeout=0):
            yield
    except Timeout:
        raise UserError(f"run {run}: another process resumes it") from None


def _train(
    run: RunConfig,
    store: _Store | None,
    callbacks: _Callbacks,
    folder: Path | None = None,
) -> TrainResult:
    from rnnsweep.data.word_vectors.places import check_vectors_file

    check_vectors_file(run.data.vectors)
    if store is not None:
        tracking.warm_shared(store.mlruns, store.uri)  # its imports pass while the rows are read
    corpus = data.prepare(run.data, overrides=run.overrides)
    _refuse_too_large(run, corpus)
    if callbacks.begin:
        callbacks.begin(run, corpus)
    if store is None:
        result = _result(run, _fit(run, None, folder, callbacks), run_id=None)
    else:
        result = _train_recorded(run, corpus, store, callbacks)
    constant = result.score.of_constant(corpus.train.targets_N, corpus.validation.targets_N)
    if constant is not None:
        result = replace(result, constant=result.score.turned(constant))
    if result.stopped == "interrupted":
        again = command_line("train", "--resume", result.short_id) if result.run_id else ""
        raise Interrupted(result, again)
    return result


def _refuse_too_large(run: RunConfig, corpus: "data.EncodedCorpus") -> None:
    """Refuse a network whose weights and their gradients alone are more than the machine's memory."""
    import psutil

    from rnnsweep.networks import parameter_count

    outputs, memory = run.spec.outputs(len(corpus.labels)), psutil.virtual_memory().total
    weights = parameter_count(run.model, vocabulary=len(corpus.vocabulary), classes=outputs)
    if weights * _BYTES_PER_WEIGHT > memory:
        asked, there = weights * _BYTES_PER_WEIGHT / 2**30, memory / 2**30
        raise UserError(
            f"model.hidden_size={run.model.hidden_size}: {weights:,} parameters take {asked:,.0f} GB,"
            f" this machine has {there:,.0f} GB; take fewer units, layers or words"
        )


def _find_store(run: RunConfig) -> _Store | None:
    from rnnsweep.tracking.store.address import named_by_file
    from rnnsweep.tracking.store.store import destination_of

    if not run.tracking.enabled:
        return None
    mlruns = find_paths().mlruns
    is_named = any(override.startswith("tracking.uri=") for override in run.overrides)
    uri = run.tracking.uri if is_named else named_by_file(run.tracking.uri, "conf/")
    uri = destination_of(mlruns, uri)
    return _Store(mlruns, f"single.{uuid.uuid4().hex[:12]}", uri)


def _train_recorded(
    run: RunConfig, corpus: "data.EncodedCorpus", store: _Store, callbacks: _Callbacks
) -> TrainResult:

    trained, wait_s = False, 10.0
    shipper = tracking.Shipper(store.mlruns, store.uri, waits_for=store.key, shared=True)
    try:
        with shipper:
            with _open(run, corpus, store) as record:
                scores = _fit(run, record, store.folder, callbacks, resume=store.resumed)
                _record_scores(record, scores, store)
            trained = True
    except KeyboardInterrupt:
        if not trained:
            raise
        wait_s = 0.0  # the store alone was waited for: the record is whole, and the next command sends it
    run_id = shipper.run_id(store.key, wait_s)
    return _result(run, scores, run_id=run_id)


def _open(run: RunConfig, corpus: "data.EncodedCorpus", store: _Store) -> "tracking.RunRecord":
    from rnnsweep.trial.record import score_tags, values_of

    flat = values_of(run, corpus)
    return tracking.RunRecord.open(
        store.mlruns,
        experiment=run.tracking.experiment,
        name=name_of(run),
        key=store.key,
        tags={
            Tag.ROLE: "single",
            Tag.ARCHITECTURE: run.architecture,
            Tag.OVERRIDES: json.dumps(list(run.overrides)),
            Tag.SEED: str(run.seed),
            **score_tags(run),
        },
        params=flat,
        datasets=tracking.dataset_parts(corpus.name, corpus.part_digests, sizes=corpus.sizes),
        config_yaml=yaml.safe_dump(flat, sort_keys=False, allow_unicode=True),
        uri=store.uri,
        description=tracking.how_to_repeat(run.overrides),
        provenance={} if store.resumed else tracking.provenance(diff=run.tracking.diff),
        resume=store.resumed,
    )


def name_of(run: RunConfig) -> str:
    """Return the name of a run: the one asked for, or what was overridden, so that it reads."""
    from rnnsweep.tracking.naming import run_name

    if run.tracking.run_name:
        return run.tracking.run_name
    flat, keys = flatten(run), [one.key for one in read_overrides(run.overrides) if not one.chooses]
    shown = {key: flat[key] for key in keys if not key.startswith("tracking.") and key not in _UNNAMED}
    return run_name(run.architecture, shown)


def _fit(
    run: RunConfig,
    record: "tracking.RunRecord | None",
    folder: Path | None,
    callbacks: _Callbacks,
    *,
    resume: bool = False,
) -> "training.Scores":
    from rnnsweep.api.single_runs.on_validation import ValidationWatch

    is_watched = callbacks.validation or callbacks.stop
    watches = [ValidationWatch(callbacks.validation, run.score, on_stop=callbacks.stop)] if is_watched else []
    if record is None:
        return training.train(run, callbacks=watches, folder=folder)
    from rnnsweep.tracking.spool.logger import SpoolLogger

    with tracking.MachineMonitor(record, every_s=run.tracking.machine_every):
        logger = SpoolLogger(record)
        return training.train(run, logger=logger, callbacks=watches, folder=folder, resume=resume)


def _record_scores(record: "tracking.RunRecord", scores: "training.Scores", store: _Store) -> None:
    from rnnsweep.trial.record import summary_of

    record.summary(summary_of(scores))
    if scores.stopped != "interrupted":
        (store.folder / LAST).unlink(missing_ok=True)  # there is nothing to resume any more
    if scores.checkpoint is not None:
        record.tags({Tag.CHECKPOINT: scores.checkpoint.relative_to(store.mlruns).as_posix()})
    if scores.stopped == "interrupted":
        record.end("interrupted", "Ctrl-C")
    record.end("complete")


def _result(run: RunConfig, scores: "training.Scores", *, run_id: str | None) -> TrainResult:
    return TrainResult(
        run_id=run_id,
        name=name_of(run),
        architecture=run.architecture,
        validation=scores.validation,
        score=scores.score,
        values=scores.values,
        parameters=scores.parameters,
        seconds=scores.seconds,
        epochs=scores.epochs,
        samples_per_second=scores.samples_per_second,
        overrides=run.overrides,
        checkpoint=scores.checkpoint,
        stopped=scores.stopped,
    )
