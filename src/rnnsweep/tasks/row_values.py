"""What each row adds to a score of a confusion matrix: its linear part at the counts of the whole test part.

Shapes: N rows, C classes that occur.

The mean over rows is the score, and the variance over rows is that of the score on new rows, to first order
(the infinitesimal jackknife; Efron 1982, chapter 6). The score of counts M that are all multiplied by one
number stays the same, so a row of target t and prediction p has the value score + N d score / d M_tp.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def macro_f1_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' F1."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    f1_C, change_N = _f1(target_N, said_N, counts_CC, 1.0 / len(counts_CC))
    values_N: NDArray[Any] = f1_C.mean() + len(target_N) * change_N
    return values_N


def weighted_f1_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' F1, weighted by their rows."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    f1_C, change_N = _f1(target_N, said_N, counts_CC, counts_CC.sum(1) / len(target_N))
    values_N: NDArray[Any] = f1_C[target_N] + len(target_N) * change_N  # a row adds to its class's weight
    return values_N


def balanced_accuracy_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' shares of right rows."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    rows_C, right_C = counts_CC.sum(1), counts_CC.diagonal()
    there_C = rows_C > 0
    found_C = right_C / rows_C.clip(1)
    change_N = ((said_N == target_N) - found_C[target_N]) / rows_C[target_N] / there_C.sum()
    values_N: NDArray[Any] = found_C[there_C].mean() + len(target_N) * change_N
    return values_N


def _count(
    targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]"
) -> "tuple[NDArray[Any], NDArray[Any], NDArray[Any]]":
    """Return both by numbers of the classes that occur, and how many rows each pair of them has."""
    import numpy as np

    names_C, place_M = np.unique(np.concatenate([targets_N, predictions_N]), return_inverse=True)
    target_N, said_N = np.split(place_M, 2)
    counts = np.bincount(target_N * len(names_C) + said_N, minlength=len(names_C) ** 2)
    return target_N, said_N, counts.reshape(len(names_C), -1).astype(np.float64)


def _f1(
    target_N: "NDArray[Any]", said_N: "NDArray[Any]", counts_CC: "NDArray[Any]", weight_C: Any
) -> "tuple[NDArray[Any], NDArray[Any]]":
    """Return the F1 of each class, and how their weighted sum changes with another row like each one."""
    seen_C = counts_CC.sum(0) + counts_CC.sum(1)
    f1_C = 2 * counts_CC.diagonal() / seen_C
    slope_C = weight_C / seen_C
    right_N = 2.0 * slope_C[target_N] * (target_N == said_N)
    lost_C = slope_C * f1_C
    return f1_C, right_N - lost_C[target_N] - lost_C[said_N]
