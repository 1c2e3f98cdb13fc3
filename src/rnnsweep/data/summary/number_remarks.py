"""Remarks on numbers to learn: one that stands for "not known", and a few far larger than the others.

Shapes: N rows, M of them.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnsweep.data.config import DataConfig
from rnnsweep.data.summary.remarks import Remark

FEW_VALUES = 5  # different targets, below which none is far from the others
FAR = 3.0  # times the distance between the quartiles of the different targets
FEWEST = 50  # rows, below which a skewness is hardly known
TAIL = 1.0  # percent of the rows at either end that a skewness leaves out: a few odd rows are no skew
EXPONENTIAL = 2.0  # skewness of an exponential distribution: so far, the scale as it is does


def remark_on_numbers(targets_N: NDArray[np.float64], config: DataConfig) -> Iterator[Remark]:
    """Yield what a person should know of the numbers of all rows before they are learnt."""
    yield from _sentinels(targets_N)
    yield from _skewed(targets_N, config.label)


def _sentinels(targets_N: NDArray[np.float64]) -> Iterator[Remark]:
    """Name a number at an end of the range that is repeated and far from the others, as -999 for unknown."""
    values, rows = np.unique(targets_N, return_counts=True)
    if len(values) < FEW_VALUES:
        return
    middle = float(np.subtract(*np.percentile(values, [75, 25])))
    for value, next_value, count, side in (
        (values[0], values[1], int(rows[0]), "below"),
        (values[-1], values[-2], int(rows[-1]), "above"),
    ):
        if count > 1 and abs(value - next_value) > FAR * middle:
            yield Remark(
                "missing-like-label",
                f"the target is {value:g} in {count:,} rows, and no other is {side} {next_value:g}: if"
                f" {value:g} means that it is not known, leave those rows out",
            )


def _skewed(targets_N: NDArray[np.float64], label: object) -> Iterator[Remark]:
    """Advise the logarithm where numbers above 0 are skewed more than an exponential, and it is skewed less.

    Where logarithms are as skewed, as of a few rows that are far from all others, they would not help.
    """
    if len(targets_N) < FEWEST or targets_N.min() <= 0:
        return
    low, median, most, high = np.percentile(targets_N, [TAIL, 50, 95, 100 - TAIL])
    middle_M = targets_N[(targets_N >= low) & (targets_N <= high)]
    if skewness(middle_M) > EXPONENTIAL > abs(skewness(np.log(middle_M))):
        column = f"log10_{label}" if re.fullmatch(r"\w+", str(label or "")) else "log10"
        yield Remark(
            "skewed",
            f"half of the targets are below {median:g}, one in 20 is above {most:g}, the largest is"
            f" {targets_N.max():g}: a few large ones decide the loss and the RMSE. Learn their logarithm:"
            f" write it into a column of the file, and name that one: data.label={column}",
        )


def skewness(values_M: NDArray[np.float64]) -> float:
    """Return the third standardised moment; 0 where all values are equal."""
    apart_M = values_M - values_M.mean()
    spread = float(np.square(apart_M).mean()) ** 0.5
    return float(np.power(apart_M / spread, 3).mean()) if spread else 0.0
