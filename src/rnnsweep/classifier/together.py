"""The seam at which a training hands a step over, to be done with the steps of others at once."""

from typing import Protocol

from torch import Tensor, nn


class Together(Protocol):
    """What a training that runs beside others of its shape, in one process, asks for."""

    def learn(
        self, network: nn.Module, embedded_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Do forward and backward: the gradient of the mean loss of a batch.

        Returns:
            logits_BC and the summed loss, both without a way back.
        """

    def seconds(self) -> float:
        """Give the seconds that this training has cost so far; those of a shared step are shared out."""
