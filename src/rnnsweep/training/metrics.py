"""Scores and loss from counts that stay on the device until somebody asks.

Shapes: B rows, K outputs for each.
"""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from rnnsweep.tasks import LOSS, Task, TaskSpec

Metrics: TypeAlias = dict[str, float]  # natural values by name: scores of the task, and the loss


class Tally:
    """A task's counts over rows, and the sum of their losses.

    Args:
        spec: the task.
        task: the same on the corpus.
        scores: those to compute; None: all of the task.
        device: where to count.
    """

    def __init__(
        self,
        spec: TaskSpec,
        task: Task,
        *,
        scores: Sequence[str] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._spec, self._task, self._scores = spec, task, scores
        self.counts = task.empty(full=scores is None, device=device)
        self.loss = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, outputs_BK: Tensor, targets_B: Tensor, loss: Tensor) -> None:
        """Count rows; `loss` is the sum over them."""
        self._task.add(self.counts, outputs_BK, targets_B)
        self.loss += loss

    def result(self) -> Metrics:
        """Compute the scores and the mean loss."""
        counts = {name: count.cpu() for name, count in self.counts.items()}
        values = self._spec.values(counts, self._scores)
        return {**values, LOSS: self.loss.item() / max(self._task.total_weight(counts), 1)}

    def to(self, device: torch.device) -> None:
        """Move the counts to a device."""
        self.counts = {name: count.to(device) for name, count in self.counts.items()}
        self.loss = self.loss.to(device)

    def add_up(self, *, world: int) -> None:
        """Add the counts of all `world` processes up, in each of them."""
        if world > 1:
            for count in (*self.counts.values(), self.loss):
                torch.distributed.all_reduce(count)

    def clear(self) -> None:
        """Start anew."""
        for count in (*self.counts.values(), self.loss):
            count.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state, to be saved."""
        return {**self.counts, LOSS: self.loss}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a saved state."""
        for name, count in self.counts.items():
            count.copy_(state[name])
        self.loss.copy_(state[LOSS])


def named(metrics: Metrics, part: str) -> Metrics:
    """Return metrics under the names that are logged, as ``validation/loss``."""
    return {f"{part}/{name}": value for name, value in metrics.items()}
