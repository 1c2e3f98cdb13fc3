"""Tables of what was answered for the rows of a test part, as CSV.

Shapes: N rows, M of them shown, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsweep.safety.spreadsheet import csv_text

CONFUSION = "confusion"  # the picture of a table of counts of true and predicted classes
MOST_MISTAKES = 100
SHOWN = 500  # characters of a text

# from rows of the test part, what the files hold of them by column: `text`, and `group` where there is one
ColumnsOf: TypeAlias = Callable[[NDArray[Any]], Mapping[str, Sequence[str]]]


def confusion_table(
    targets_N: NDArray[np.int64], predictions_N: NDArray[np.int64], labels: tuple[str, ...]
) -> str:
    """Count each pair of true label (rows) and prediction (columns)."""
    counts_CC = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts_CC, (targets_N, predictions_N), 1)
    rows = [[label, *row_C] for label, row_C in zip(labels, counts_CC.tolist(), strict=True)]
    return csv_text(["true \\ predicted", *labels], rows)


def surest_mistakes(
    targets_N: NDArray[np.int64],
    predictions_N: NDArray[np.int64],
    confidence_N: NDArray[np.float64],
    most: int = MOST_MISTAKES,
) -> NDArray[np.int64]:
    """Return the rows that were predicted wrong, those that the network was surest of first.

    Args:
        targets_N: class of each row.
        predictions_N: class that was predicted.
        confidence_N: probability of that class.
        most: rows that are returned.
    """
    wrong_M = np.flatnonzero(targets_N != predictions_N)
    order_M = np.argsort(-confidence_N[wrong_M], kind="stable")
    return wrong_M[order_M][:most]


def largest_errors(
    targets_N: NDArray[np.float64], predictions_N: NDArray[np.float64], most: int = MOST_MISTAKES
) -> NDArray[np.int64]:
    """Return the rows whose predicted number is farthest from the true one, the farthest first."""
    return np.argsort(-np.abs(predictions_N - targets_N), kind="stable")[:most]


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], columns: Mapping[str, Sequence[str]]) -> str:
    """Write rows with what the files hold of them, which is cut to what a table can show."""
    own = zip(*columns.values(), strict=True)
    return csv_text(
        [*heads, *columns], [[*row, *map(_cut, cells)] for row, cells in zip(rows, own, strict=True)]
    )


def _cut(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
