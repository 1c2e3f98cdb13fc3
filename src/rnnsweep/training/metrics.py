"""Accuracy, macro F1 and loss from counts that stay on the device until somebody asks.

Shapes: N texts, C classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Metrics:
    """How well a model did on some texts."""

    accuracy: float
    macro_f1: float
    loss: float

    def named(self, part: str) -> dict[str, float]:
        """Give the metrics under the names that are logged, as ``validation/accuracy``."""
        return {f"{part}/{name}": value for name, value in vars(self).items()}


class Tally:
    """Counts of (target, prediction) pairs and the sum of the losses."""

    def __init__(self, classes: int, *, device: torch.device | str = "cpu") -> None:
        self.counts_CC = torch.zeros(classes, classes, dtype=torch.int64, device=device)
        self.loss = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, logits_NC: Tensor, targets_N: Tensor, loss: Tensor) -> None:
        """Count texts; `loss` is the sum over them."""
        classes = len(self.counts_CC)
        pairs_N = targets_N * classes + logits_NC.argmax(1)
        self.counts_CC += torch.bincount(pairs_N, minlength=classes * classes).view_as(self.counts_CC)
        self.loss += loss

    def result(self) -> Metrics:
        """Read the metrics off; the loss is the mean over texts."""
        texts = int(self.counts_CC.sum())
        accuracy = int(self.counts_CC.diagonal().sum()) / max(texts, 1)
        return Metrics(accuracy, macro_f1(self.counts_CC.cpu()), self.loss.item() / max(texts, 1))

    def to(self, device: torch.device) -> None:
        """Move the counts to a device."""
        self.counts_CC, self.loss = self.counts_CC.to(device), self.loss.to(device)

    def add_up(self, *, world: int) -> None:
        """Add the counts of all `world` processes up, in each of them."""
        if world > 1:
            torch.distributed.all_reduce(self.counts_CC)
            torch.distributed.all_reduce(self.loss)

    def clear(self) -> None:
        """Start anew."""
        self.counts_CC.zero_()
        self.loss.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """Give the state, to be saved."""
        return {"counts": self.counts_CC, "loss": self.loss}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved state over."""
        self.counts_CC.copy_(state["counts"])
        self.loss.copy_(state["loss"])


def macro_f1(counts_CC: Tensor) -> float:
    """Average the classes' F1 = 2 TP / (2 TP + FP + FN), as sklearn.metrics.f1_score(average="macro").

    Classes that are neither target nor prediction of any text are left out.
    """
    right_C = counts_CC.diagonal().double()
    seen_C = (counts_CC.sum(0) + counts_CC.sum(1)).double()
    occurs_C = seen_C > 0
    return float((2 * right_C[occurs_C] / seen_C[occurs_C]).mean()) if occurs_C.any() else 0.0
