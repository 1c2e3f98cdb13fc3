"""The members' dense weights, one row each with all of a member's weights side by side.

So the optimiser's step is a few operations whatever the network, and a member's own weights are plain slices
of its row: validation, checkpoints and PyTorch's optimiser read them there.

Shapes: K members, P dense weights of a member.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from rnnsweep.launchers.fused.stack.optimizer.rules import Numbers, Rule
from rnnsweep.networks import Network


def trained(network: Network) -> dict[str, Tensor]:
    """Return the dense weights by name: all but the embedding."""
    table = network.embedding.weight
    return {name: weight for name, weight in network.named_parameters() if weight is not table}


class StackedWeights:
    """K rows of weights and of each state of the optimiser; they keep their addresses."""

    def __init__(self, network: Network, *, members: int, rule: Rule) -> None:
        self._rule = rule
        self.shapes = {name: weight.shape for name, weight in trained(network).items()}
        like = network.output.weight
        total = sum(shape.numel() for shape in self.shapes.values())
        values = [like.new_zeros(members, total) for _ in (None, *rule.states)]
        self.flat_KP, self.states = values[0].requires_grad_(), values[1:]
        constants = () if network.layers is None else network.layers.named_buffers()
        self._zeros = {f"layers.{name}": like.new_zeros(members, *zero.shape) for name, zero in constants}

    @property
    def values(self) -> list[Tensor]:
        """The weights, without a gradient, and the states."""
        return [self.flat_KP.detach(), *self.states]

    def of(self, member: int) -> list[dict[str, Tensor]]:
        """Return a member's weights, and each of its states, by the weights' names."""
        return [self._cut(values_KP[member : member + 1], 0) for values_KP in self.values]

    def named(self) -> Callable[[str], Tensor]:
        """Return each weight of all members by its name, with a gradient to `flat_KP`."""
        parts = self._cut(self.flat_KP, None)
        return lambda name: parts[name] if name in parts else self._zeros[name]

    def move(self, gradient_KP: Tensor, *, rate_K: Tensor, active_K: Tensor, n: Numbers) -> None:
        """Take a step of the members that take part.

        Args:
            gradient_KP: of all weights of each member.
            rate_K: learning rates.
            active_K: which members take part.
            n: numbers of the optimiser; ``n["step"]`` counts this step already.
        """
        values = self.values
        for old, new in zip(values, self._rule.step(values, gradient_KP, rate_K=rate_K, n=n), strict=True):
            old.copy_(torch.where(active_K.unsqueeze(1), new, old))

    def _cut(self, values_KP: Tensor, member: int | None) -> dict[str, Tensor]:
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), torch.split(values_KP, sizes, dim=1), strict=True)
        named = {name: part.view(-1, *shape) for (name, shape), part in parts}
        return named if member is None else {name: part[member] for name, part in named.items()}
