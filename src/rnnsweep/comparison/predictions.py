"""What replicates predicted on the test part.

Shapes: N test rows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rnnsweep.files import open_own

LARGEST = 256 << 20  # bytes of the arrays together: eight million test rows


@dataclass(frozen=True)
class Predictions:
    """What one replicate said of each test row."""

    targets_N: NDArray[Any]  # classes, or numbers
    predictions_N: NDArray[Any]

    @property
    def are_classes(self) -> bool:
        """Whether the answers are classes, and so right or wrong."""
        return self.targets_N.dtype.kind in "iu" and self.predictions_N.dtype.kind in "iu"


def read_predictions(path: Path) -> Predictions | None:
    """Read what a replicate predicted; None where there is no such file or it cannot be read."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file, np.load(file, allow_pickle=False) as found:
            if sum(part.file_size for part in found.zip.infolist()) > LARGEST:
                return None
            return Predictions(found["targets_N"], found["predictions_N"])
    except (OSError, KeyError, ValueError, BadZipFile):
        return None


def right_rows(
    predictions: Mapping[str, Mapping[str, Predictions]],
) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Return {architecture: {seed: right_N}}, the input of McNemar's test; none where answers are numbers."""
    return {
        name: {seed: p.predictions_N == p.targets_N for seed, p in own.items()}
        for name, own in predictions.items()
        if all(p.are_classes for p in own.values())
    }
