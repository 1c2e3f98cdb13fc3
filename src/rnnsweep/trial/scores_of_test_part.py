"""The one look at the test part: the scores of a replicate, and what it answered.

Shapes: N rows.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare
from rnnsweep.files import write_whole
from rnnsweep.state.folder import TaskFolder
from rnnsweep.tasks.names import tested_names
from rnnsweep.tracking.spool.record import RunRecord


def score_test_part(
    run: RunConfig, checkpoint: Path, *, task: TaskFolder, record: RunRecord
) -> dict[str, float]:
    """Evaluate the best weights on the test part; record scores, answers and the task's tables.

    The caller has noted that the test part is read.

    Args:
        run: the composed configuration.
        checkpoint: the best weights.
        task: the folder of the task, for the predictions.
        record: of the run.

    Returns:
        Score -> value, under the names of the store.
    """
    from rnnsweep.training import evaluate  # PyTorch: who only reads what was predicted needs none

    evaluation = evaluate(run, checkpoint, part="test")
    scores = tested_names(evaluation.values)
    record.summary(scores)
    corpus = prepare(run.data)
    targets_N = evaluation.targets_N
    # rows of the test part, as read_texts(config, "test") gives it
    arrays = {"rows_N": np.arange(len(targets_N)), "targets_N": targets_N, **evaluation.answers}
    if corpus.config.group is not None:  # verdicts on new rows need them after the file is gone, too
        arrays["groups_N"] = corpus.groups("test")
    keep_predictions(arrays, task=task, record=record)
    columns = lambda rows_M: corpus.columns("test", rows=rows_M)  # noqa: E731
    for table in run.spec.tables(corpus.labels, targets_N, evaluation.answers, columns):
        record.artifact(table.text, table.name, picture=table.picture)
    return scores


def keep_predictions(arrays: Mapping[str, NDArray[Any]], *, task: TaskFolder, record: RunRecord) -> None:
    """Write targets and answers of the test rows to the task's folder, and keep them with its run."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_whole(task.predictions, packed.getbuffer())
    record.artifact(task.predictions, task.predictions.name)
