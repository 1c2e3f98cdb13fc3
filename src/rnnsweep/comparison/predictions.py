"""What replicates predicted on the test part.

Shapes: N test rows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.statistics.new_rows import groups_counted
from rnnsweep.data.large_groups import LargeGroups
from rnnsweep.files import open_own
from rnnsweep.tasks import Score

LARGEST = 256 << 20  # bytes of the arrays together: eight million test rows


@dataclass(frozen=True)
class Predictions:
    """What one replicate said of each test row."""

    targets_N: NDArray[Any]  # classes, or numbers
    predictions_N: NDArray[Any]
    groups_N: NDArray[Any] | None = None  # of `data.group`, where it was set; not kept by earlier versions

    @property
    def are_classes(self) -> bool:
        """Whether the answers are classes, and so right or wrong."""
        return self.targets_N.dtype.kind in "iu" and self.predictions_N.dtype.kind in "iu"


def read_predictions(path: Path) -> Predictions | None:
    """Read what a replicate predicted; None where there is no such file or it cannot be read."""
    try:
        with (
            os.fdopen(open_own(path, os.O_RDONLY), "rb") as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            if sum(part.file_size for part in archive.zip.infolist()) > LARGEST:
                return None
            groups_N = archive.get("groups_N")
            predictions = Predictions(archive["targets_N"], archive["predictions_N"], groups_N)
    except Exception:  # zipfile, zlib and NumPy raise a dozen kinds for a broken file
        return None
    arrays = [each for each in vars(predictions).values() if each is not None]
    # a part of the archive that is called otherwise than NumPy calls it comes as bytes
    sound = all(isinstance(each, np.ndarray) and each.ndim and each.dtype.kind in "iuf" for each in arrays)
    return predictions if sound and len({len(each) for each in arrays}) == 1 else None


def row_values(
    predictions: Mapping[str, Mapping[str, Predictions]], score: Score
) -> dict[str, dict[str, NDArray[Any]]]:
    """Return {architecture: {seed: values_N}}, whose means over rows are the turned scores.

    Of accuracy they say whether a row is right. A score that takes more than answers, as log loss takes
    probabilities, has no values of any seed.
    """
    of = score.rows
    return {
        name: {} if of is None else {seed: of(p.targets_N, p.predictions_N) for seed, p in own.items()}
        for name, own in predictions.items()
    }


@dataclass(frozen=True)
class TestPart:
    """The rows that every replicate reads; of a cross-validation those of all folds that were tested."""

    __test__ = False  # no test case, whatever pytest thinks of the name
    rows: int
    groups: int | None = None  # where rows belong together
    classes: int | None = None
    majority: float | None = None  # share of the largest class
    counted: float | None = None  # groups of equal size whose mean is as uncertain as that of these groups
    naming: float | None = None  # turned score of naming the largest class, or the best number, for every row
    folds: int | None = None  # test parts that these rows are of together; None: one, no cross-validation
    large: LargeGroups | None = None  # the largest groups, where their names are known


@dataclass(frozen=True)
class ValidationPart:
    """The rows by which a search chooses."""

    rows: int
    share: float | None = None  # drawn, of the rows that are left of the test part; None: they are given
    grouped: bool = False  # rows of one group may all err alike


def majority_score(part: TestPart | None) -> float | None:
    """Return the turned score of one answer for every test row, where that is known.

    It is the most frequent class; of numbers the mean or median of the training rows, as the score takes it.
    """
    return part.naming if part else None


def describe_test_part(
    parts: Mapping[int, Mapping[str, Predictions]],
    score: Score,
    groups_N: ArrayLike | None = None,
    trained_N: NDArray[Any] | None = None,
    large: LargeGroups | None = None,
) -> TestPart | None:
    """Count the test rows and classes by what replicates were asked.

    Args:
        parts: fold -> {run_id: what a replicate said of its rows}; fold 0 is all there is without folds.
        score: that one answer for every row has.
        groups_N: of the rows of all parts, in their order, where rows belong together.
        trained_N: targets of the training rows, where they are known; of several folds those of the first.
        large: the largest groups by name, where rows belong together.

    Returns:
        The test part; None where it was not kept what replicates were asked.
    """
    of_part = {fold: next(iter(own.values())) for fold, own in parts.items() if own}
    if not any(len(own.targets_N) for own in of_part.values()):
        return None
    groups = None if groups_N is None else len(np.unique(np.asarray(groups_N)))
    counted = None if groups_N is None else groups_counted(groups_N)[0]
    targets_N = np.concatenate([own.targets_N for own in of_part.values()])
    rows, folds = len(targets_N), len(of_part) if any(of_part) else None
    if not all(own.are_classes for own in of_part.values()):
        naming = None if trained_N is None else score.of_constant(trained_N, targets_N)
        return TestPart(rows, groups, counted=counted, naming=naming, folds=folds, large=large)
    counts = np.bincount(targets_N[targets_N >= 0])
    named_N = np.full_like(targets_N, counts.argmax())
    naming = None if score.rows is None else float(score.rows(targets_N, named_N).mean())
    classes, majority = int(np.count_nonzero(counts)), float(counts.max() / rows)
    return TestPart(rows, groups, classes, majority, counted, naming, folds, large)
