"""What each row adds to a score of a confusion matrix: what the score of the test part loses without it.

Shapes: N rows, C classes that occur.

The mean over rows is the score, and the variance over rows is that of the score on new rows (the jackknife;
Efron 1982, chapter 3). The slope of the score at a row would do for large classes alone: it takes the few
rows of a rare class for better known than they are, and the only one for known without error. A class that
is left without rows counts as one of which nothing is found.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def macro_f1_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' F1."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    f1_C, own_N, other_N = _f1(target_N, said_N, counts_CC)
    return _around(f1_C.mean(), (len(target_N) - 1) * (own_N + other_N) / len(f1_C))


def weighted_f1_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' F1, weighted by their rows."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    f1_C, own_N, other_N = _f1(target_N, said_N, counts_CC)
    rows_C = counts_CC.sum(1)
    left_N = (rows_C[target_N] - 1) * own_N + f1_C[target_N]  # a row takes its own weight with it
    return _around(f1_C @ rows_C / len(target_N), left_N + rows_C[said_N] * other_N)


def balanced_accuracy_rows(targets_N: "NDArray[Any]", predictions_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows for the mean of the classes' shares of right rows."""
    target_N, said_N, counts_CC = _count(targets_N, predictions_N)
    rows_C, right_C = counts_CC.sum(1), counts_CC.diagonal()
    there_C = rows_C > 0
    found_C = right_C / rows_C.clip(1)
    left_N = (right_C[target_N] - (said_N == target_N)) / (rows_C[target_N] - 1).clip(1)
    lost_N = (found_C[target_N] - left_N) / there_C.sum()
    return _around(found_C[there_C].mean(), (len(target_N) - 1) * lost_N)


def _around(score: Any, lost_N: "NDArray[Any]") -> "NDArray[Any]":
    """Return the values of rows, moved so that their mean is the score."""
    values_N: NDArray[Any] = score + lost_N - lost_N.mean()
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
    target_N: "NDArray[Any]", said_N: "NDArray[Any]", counts_CC: "NDArray[Any]"
) -> "tuple[NDArray[Any], NDArray[Any], NDArray[Any]]":
    """Return the F1 of each class, and what those of a row's class and its wrong answer lose without it."""
    right_C = 2 * counts_CC.diagonal()
    seen_C = counts_CC.sum(0) + counts_CC.sum(1)
    f1_C, right_N = right_C / seen_C, target_N == said_N
    own_N = f1_C[target_N] - (right_C[target_N] - 2 * right_N) / (seen_C[target_N] - 1 - right_N).clip(1)
    other_N = f1_C[said_N] - right_C[said_N] / (seen_C[said_N] - 1).clip(1)
    return f1_C, own_N, other_N * ~right_N
