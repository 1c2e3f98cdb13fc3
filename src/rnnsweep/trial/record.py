"""A task's run in the store: opened with all that is known, ended with all that came out."""

from collections.abc import Mapping
from typing import Any

import yaml

from rnnsweep.config import RunConfig, flatten
from rnnsweep.data import EncodedCorpus
from rnnsweep.tasks.names import SCORE_TAG, TASK_TAG, best_names
from rnnsweep.tracking.naming import how_to_repeat, run_name
from rnnsweep.tracking.spool.record import RunRecord, dataset_parts
from rnnsweep.tracking.tags import Tag
from rnnsweep.training.scores import Scores
from rnnsweep.trial.memory import peak_memory
from rnnsweep.trial.messages import TrialTask

BASELINE_NOTE = "The linear baseline, which every architecture is held against."


def open_record(task: TrialTask, run: RunConfig, corpus: EncodedCorpus | None) -> RunRecord:
    """Open the run of a task, or go on with it where the task was begun before."""
    flat = values_of(run, corpus)
    return RunRecord.open(
        task.mlruns,
        experiment=task.experiment,
        name=_name(task, run, flat),
        key=task.key,
        tags={**task.tags, **score_tags(run), Tag.SEED: str(run.seed), **_tested(task, corpus)},
        params=flat,
        parent_key=task.parent_key,
        datasets=dataset_parts(corpus.name, corpus.part_digests, sizes=corpus.sizes) if corpus else (),
        config_yaml=yaml.safe_dump(flat, sort_keys=False, allow_unicode=True),
        uri=task.uri,
        description=_description(task),
        log_scaled=task.log_scaled,
        provenance=task.origin,
        resume=True,  # as a process before this one may have got no further than this line
    )


def _tested(task: TrialTask, corpus: EncodedCorpus | None) -> dict[str, str]:
    return {Tag.TEST_ROWS: corpus.tested} if corpus is not None and task.scores_test else {}


def values_of(run: RunConfig, corpus: EncodedCorpus | None) -> dict[str, Any]:
    """Return a run's settings, with the columns of the texts where no setting names them: what was read."""
    flat = flatten(run)
    if corpus is not None and run.data.corpus == "files" and run.data.text is None:
        columns = corpus.text_columns
        flat["data.text"] = columns[0] if len(columns) == 1 else list(columns)
    return flat


def score_tags(run: RunConfig) -> dict[str, str]:
    """Return the tags that say what was learnt and by which score runs are compared."""
    return {TASK_TAG: run.spec.name, SCORE_TAG: run.score.name}


def _name(task: TrialTask, run: RunConfig, flat: Mapping[str, Any]) -> str:
    if task.role == "baseline":
        return task.architecture
    searched = {key: flat[key] for key in task.searched if key in flat and key in _overridden(task)}
    if task.role == "replicate":
        number = int(task.tags.get(Tag.REPLICATE, 0))
        return run_name(task.architecture, role=task.role, number=number, seed=run.seed)
    return run_name(task.architecture, searched, role=task.role, number=task.number)


def _overridden(task: TrialTask) -> set[str]:
    """Return the keys that the task sets: a space may hold settings that this architecture does not have."""
    return {override.partition("=")[0] for override in task.overrides}


def _description(task: TrialTask) -> str:
    return BASELINE_NOTE if task.role == "baseline" else how_to_repeat(task.overrides)


def summary_of(scores: Scores) -> Mapping[str, Any]:
    """Return the one-number results of a training by the names that they are recorded under."""
    return {
        **best_names(scores.values),
        "params_total": scores.parameters,
        "memory/activations_bytes": scores.activations,
        "time/seconds": scores.seconds,
        "time/samples_per_second": scores.samples_per_second,
        "work/epochs": scores.epochs,
        "work/steps": scores.steps,
        "memory/peak_bytes": peak_memory(),
    }


def record_scores(record: RunRecord, task: TrialTask, scores: Scores) -> None:
    """Record what a training came to."""
    record.summary(summary_of(scores))
    if scores.checkpoint is not None:
        record.tags({Tag.CHECKPOINT: scores.checkpoint.relative_to(task.mlruns).as_posix()})
