"""The one look at the test part: the scores of a replicate, what it predicted, and what it confused.

Shapes: N texts, M wrong predictions, C classes.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnsweep.config import RunConfig
from rnnsweep.data import prepare
from rnnsweep.files import write_whole
from rnnsweep.tracking.spool.record import RunRecord
from rnnsweep.trial.test_reads import note_read

if TYPE_CHECKING:
    from rnnsweep.training import Evaluation

PREDICTIONS = "test_predictions.npz"
CONFUSION = "test_confusion.csv"
MISTAKES = "test_mistakes.csv"
MOST_MISTAKES = 100
SHOWN = 500  # characters of a text


def test_scores(run: RunConfig, checkpoint: Path, *, folder: Path, record: RunRecord) -> dict[str, float]:
    """Evaluate the best weights on the test part, counted; keep predictions and confusion as artifacts."""
    from rnnsweep.training import evaluate  # PyTorch: who only reads what was predicted needs none

    note_read(folder.parent.parent, folder.name)
    found = evaluate(run, checkpoint, part="test")
    scores = {"test/accuracy": found.accuracy, "test/macro_f1": found.macro_f1, "test/loss": found.loss}
    record.summary(scores)
    corpus = prepare(run.data)
    arrays = {
        "rows_N": np.arange(len(found.targets_N)),  # of the test part, as read_texts(config, "test") gives it
        "targets_N": found.targets_N,
        "predictions_N": found.predictions_N,
        "confidence_N": found.confidence_N,
    }
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_whole(folder / PREDICTIONS, packed.getbuffer())
    record.artifact(folder / PREDICTIONS, PREDICTIONS)
    table = confusion_table(found.targets_N, found.predictions_N, corpus.labels)
    record.artifact(table, CONFUSION, picture="confusion")
    worst_M = surest_mistakes(found)
    texts = corpus.texts("test", rows=worst_M)
    record.artifact(mistakes_table(found, worst_M, texts, corpus.labels), MISTAKES)
    return scores


def surest_mistakes(found: "Evaluation", most: int = MOST_MISTAKES) -> NDArray[np.int64]:
    """Give the rows that were predicted wrong, those that the network was surest of first."""
    wrong_M = np.flatnonzero(found.targets_N != found.predictions_N)
    order_M = np.argsort(-found.confidence_N[wrong_M], kind="stable")
    return wrong_M[order_M][:most]


def mistakes_table(
    found: "Evaluation", rows_M: NDArray[np.int64], texts: Sequence[str], labels: tuple[str, ...]
) -> str:
    """Write wrong predictions with their texts, cut to what a table can show, as CSV."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["row", "true", "predicted", "confidence", "text"])
    for row, text in zip(rows_M.tolist(), texts, strict=True):
        true, predicted = labels[found.targets_N[row]], labels[found.predictions_N[row]]
        shown = " ".join(text.split())
        shown = shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
        table.writerow([row, true, predicted, f"{found.confidence_N[row]:.4f}", shown])
    return file.getvalue()


def confusion_table(
    targets_N: NDArray[np.int64], predictions_N: NDArray[np.int64], labels: tuple[str, ...]
) -> str:
    """Count each pair of true label (rows) and prediction (columns), as CSV."""
    counts_CC = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts_CC, (targets_N, predictions_N), 1)
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["true \\ predicted", *labels])
    table.writerows([label, *row_C] for label, row_C in zip(labels, counts_CC.tolist(), strict=True))
    return file.getvalue()
