"""What a training comes to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsweep.tasks import Score


@dataclass(frozen=True)
class Scores:
    """The best validation of a training and what the training took.

    "Best" is the best value of `score`, of equal ones the one with the lowest loss. A training that was
    stopped before its first validation has no `values`.
    """

    score: Score  # by which the validation was the best
    values: Mapping[str, float]  # natural values of that validation: every score of the task, and the loss
    parameters: int  # weights of the network
    seconds: float  # of the whole training, validations and earlier parts of a resumed training included
    samples_per_second: float  # rows learned from in a second, validations left out
    epochs: float
    steps: int  # optimiser steps
    checkpoint: Path | None  # weights of the best validation
    activations: int = 0  # bytes that the largest batch keeps for its backward pass
    stopped: str | None = None  # pruned | interrupted | early; None: it ran to its end

    @property
    def validation(self) -> float:
        """Natural value of the score; NaN without a validation."""
        return self.values.get(self.score.name, math.nan)

    def plain(self) -> dict[str, Any]:
        """Return what a record of the training holds: plain values, those that there are."""
        costs = ("parameters", "seconds", "samples_per_second", "epochs", "steps", "activations")
        return {**validation_values(self.score, self.values), **{name: getattr(self, name) for name in costs}}


def validation_values(score: Score, values: Mapping[str, float]) -> dict[str, Any]:
    """Return scores of a validation as records name them: ``validation`` decides, ``validation_loss`` ..."""
    decides: dict[str, Any] = {}
    if score.name in values:
        decides = {"validation": values[score.name], "score": score.name, "direction": score.direction}
    return {**decides, **{f"validation_{name}": value for name, value in values.items()}}
