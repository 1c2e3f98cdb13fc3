"""The one look at the test part: the scores of a replicate, what it predicted, and what it confused.

Shapes: N texts, C classes.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare
from rnnsweep.tracking.record import RunRecord
from rnnsweep.training import evaluate

PREDICTIONS = "test_predictions.npz"
CONFUSION = "test_confusion.csv"


def test_scores(run: RunConfig, checkpoint: Path, *, folder: Path, record: RunRecord) -> dict[str, float]:
    """Evaluate the best weights on the test part; keep predictions and confusion as artifacts."""
    found = evaluate(run, checkpoint, part="test")
    scores = {"test/accuracy": found.accuracy, "test/macro_f1": found.macro_f1, "test/loss": found.loss}
    record.summary(scores)
    labels = prepare(run.data).labels
    arrays = {
        "rows_N": np.arange(len(found.targets_N)),  # of the test part, as read_texts(config, "test") gives it
        "targets_N": found.targets_N,
        "predictions_N": found.predictions_N,
        "confidence_N": found.confidence_N,
    }
    np.savez_compressed(folder / PREDICTIONS, **arrays)  # type: ignore[arg-type]
    record.artifact(folder / PREDICTIONS, PREDICTIONS)
    record.artifact(confusion_table(found.targets_N, found.predictions_N, labels), CONFUSION)
    return scores


def confusion_table(
    targets_N: NDArray[np.int64], predictions_N: NDArray[np.int64], labels: tuple[str, ...]
) -> str:
    """Count each pair of true label (rows) and prediction (columns), as CSV."""
    counts_CC = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts_CC, (targets_N, predictions_N), 1)
    lines = [["true \\ predicted", *labels]]
    lines += [[label, *map(str, row_C)] for label, row_C in zip(labels, counts_CC, strict=True)]
    return "".join(",".join(_quoted(word) for word in line) + "\n" for line in lines)


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if any(c in word for c in ',"\n') else word
