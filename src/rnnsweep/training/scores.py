"""What a training comes to."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scores:
    """The best validation of a training and what the training took.

    "Best" is the highest validation accuracy, of equal ones the one with the lowest loss. A training that was
    stopped before its first validation has NaN there.
    """

    validation: float  # accuracy
    validation_macro_f1: float
    validation_loss: float
    parameters: int  # weights of the network
    seconds: float  # of the whole training, validations and earlier parts of a resumed training included
    samples_per_second: float  # texts learned from in a second, validations left out
    epochs: float
    steps: int  # optimiser steps
    checkpoint: Path | None  # weights of the best validation
    activations: int = 0  # bytes that the largest batch keeps for its backward pass
    stopped: str | None = None  # pruned | interrupted | early; None: it ran to its end
