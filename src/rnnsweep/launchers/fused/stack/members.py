"""What is each member's own beside its weights: numbers of its optimiser, dropout, and its count of steps.

All of it as tensors that keep their addresses: a member that is replaced changes numbers, not the graph.

Shapes: K members.
"""

from typing import Protocol

import torch
from torch import Tensor

from rnnsweep.launchers.fused.stack.optimizer.rules import SETTINGS, Numbers, settings_of
from rnnsweep.launchers.fused.stack.philox import drawn, dropout_factors
from rnnsweep.networks import ModelConfig
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.dropout import split_key

RATES = ("embedding_dropout", "layer_dropout", "dropout")
_SITES = {"embedding_dropout": 0, "layer_dropout": 100, "dropout": 1}  # layers count on from their site


class MemberDraw(Protocol):
    """Draws factors_KN for one place of the network; `philox` has one, `triton_draws` another."""

    def __call__(
        self, keys_K2: Tensor, steps_K: Tensor, rates_K: Tensor, *, site: int, count: int, dtype: torch.dtype
    ) -> Tensor:
        """Return the factors."""


def draw_factors(
    keys_K2: Tensor, steps_K: Tensor, rates_K: Tensor, *, site: int, count: int, dtype: torch.dtype
) -> Tensor:
    """Return dropout's factors_KN, drawn by PyTorch's own operations: 0, or what keeps the mean.

    Args:
        keys_K2: halves of each member's seed.
        steps_K: number of each member's step.
        rates_K: of dropout.
        site: place in the network.
        count: N, numbers of a member.
        dtype: of the factors.
    """
    words_KN = drawn(keys_K2, steps_K, site=site, count=count)
    return dropout_factors(words_KN, rates_K, dtype=dtype)


class Members:
    """The numbers of K members, in double precision."""

    def __init__(self, members: int, device: torch.device, *, draw: MemberDraw = draw_factors) -> None:
        self._draw = draw
        names = (*SETTINGS, *RATES, "limit")
        self.numbers: dict[str, Tensor] = {
            name: torch.zeros(members, dtype=torch.float64, device=device) for name in names
        }
        self.steps_K = torch.zeros(members, dtype=torch.int64, device=device)
        self.keys_K2 = torch.zeros(members, 2, dtype=torch.int64, device=device)

    def start(
        self, member: int, *, model: ModelConfig, optimizer: OptimizerConfig, steps: int, seed: int
    ) -> None:
        """Write a member's numbers.

        Args:
            member: its number in the stack.
            model: its network's settings.
            optimizer: its optimiser's settings.
            steps: that it has done before, as those before a checkpoint.
            seed: of its dropout.
        """
        clip = optimizer.gradient_clip
        rates = {name: getattr(model, name) for name in RATES}
        own = {**settings_of(optimizer), **rates, "limit": float("inf") if clip is None else clip}
        for name, value in own.items():
            self.numbers[name][member] = value
        self.steps_K[member] = steps
        self.keys_K2[member].copy_(torch.tensor(split_key(seed)))

    def stepping(self) -> Numbers:
        """Return the numbers of the step that is being done."""
        return {**self.numbers, "step": (self.steps_K + 1).double()}

    def factors(self, name: str, shape: tuple[int, ...], *, dtype: torch.dtype, number: int = 0) -> Tensor:
        """Return dropout's factors (K, *shape) for a place of the network and the step that is being done.

        Args:
            name: of the setting that has the rate.
            shape: of one member's factors.
            dtype: of the factors.
            number: of the layer.
        """
        count = torch.Size(shape).numel()
        factors_KN = self._draw(
            self.keys_K2,
            self.steps_K,
            self.numbers[name],
            site=_SITES[name] + number,
            count=count,
            dtype=dtype,
        )
        return factors_KN.reshape(-1, *shape)
