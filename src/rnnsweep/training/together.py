"""The seam at which a training hands a step over, to be done with the steps of others at once."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from rnnsweep.optim.optimizer import Optimizer


class Rows(Protocol):
    """Some mini-batches in a row, by their rows' numbers."""

    def rows(self) -> list[Any]:
        """Give rows_B of each mini-batch."""


class Told(Protocol):
    """What came of a chunk: logits and targets of all its texts, and the summed loss of each step."""

    @property
    def logits_NC(self) -> Tensor:
        """Of all texts, in their order."""

    @property
    def targets_N(self) -> Tensor:
        """On the same device."""

    @property
    def losses_S(self) -> Tensor:
        """Of each step."""


class Together(Protocol):
    """What a training that runs beside others of its shape, in one process, asks for."""

    def learn(
        self, network: nn.Module, embedded_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Do forward and backward: the gradient of the mean loss of a batch.

        Returns:
            logits_BC and the summed loss, both without a way back.
        """

    def takes(self, network: nn.Module, optimizer: Optimizer) -> bool:
        """Say whether whole chunks of steps may be handed over, the optimiser's part included."""

    def learn_chunk(
        self, network: nn.Module, optimizer: Optimizer, chunk: Rows, rates: Callable[[int], float], done: int
    ) -> Told:
        """Do all steps of a chunk; `rates` gives the learning rate after so many steps, `done` are done."""

    def seconds(self) -> float:
        """Give the seconds that this training has cost so far; those of a shared step are shared out."""
