"""The forward pass of several members from their vectors to their logits, all in one.

Shapes: K members, T time steps, B texts of a member's batch, E numbers a token, H outputs a step (both
directions side by side), C classes; N = K * T * B.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnnsweep.launchers.fused.cells import run_direction
from rnnsweep.networks import ModelConfig, Network


def weight_of(network: Network, name: str) -> Tensor:
    """Return a weight by its name in the network, a constant in its place included."""
    module, own = name.split(".")
    weight: Tensor = getattr(getattr(network, module), own)
    return weight


@dataclass
class ForwardPass:
    """What the forward pass takes beside the vectors.

    Without `ragged`, all texts have T steps. `between` and `last_KBH` are dropout's factors, None where there
    is none; `run` does one direction of one layer.
    """

    config: ModelConfig
    weights: Callable[[str], Tensor]  # by name, (K, ...)
    lengths_KB: Tensor
    steps_K: Sequence[int]  # falling
    ragged: bool
    between: Sequence[Tensor | None]
    last_KBH: Tensor | None
    run: Callable[..., Tensor] = run_direction

    def logits(self, hidden_KTBH: Tensor) -> Tensor:
        """Return logits_KBC."""
        if self.config.cell != "bag":
            hidden_KTBH = self._recurrent(hidden_KTBH)
        pooled_KBH = self._pooled(hidden_KTBH)
        if self.config.join == "backward_only":
            pooled_KBH = pooled_KBH[..., pooled_KBH.shape[2] // 2 :]
        if self.last_KBH is not None:
            pooled_KBH = pooled_KBH * self.last_KBH
        weight_KCH, bias_KC = self.weights("output.weight"), self.weights("output.bias")
        return torch.baddbmm(bias_KC.unsqueeze(1), pooled_KBH, weight_KCH.transpose(1, 2))

    def _recurrent(self, hidden_KTBH: Tensor) -> Tensor:
        two = self.config.bidirectional
        index_N = self._reversing_index(hidden_KTBH) if two else None
        for layer in range(self.config.num_layers):
            if layer and (factors_KTBH := self.between[layer - 1]) is not None:
                hidden_KTBH = hidden_KTBH * factors_KTBH
            forward_KTBH = self._direction(hidden_KTBH, f"l{layer}")
            if index_N is None:
                hidden_KTBH = forward_KTBH
                continue
            backward_KTBH = self._direction(_reversed(hidden_KTBH, index_N), f"l{layer}_reverse")
            hidden_KTBH = torch.cat((forward_KTBH, _reversed(backward_KTBH, index_N)), dim=3)
        return hidden_KTBH

    def _direction(self, hidden_KTBE: Tensor, suffix: str) -> Tensor:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = tuple(self.weights(f"layers.{name}_{suffix}") for name in names)
        return self.run(self.config.cell, hidden_KTBE, weights, self.steps_K)

    def _reversing_index(self, hidden_KTBH: Tensor) -> Tensor:
        """Number the vectors (member, step, text) so that each text's real steps turn round."""
        members, steps, texts = hidden_KTBH.shape[:3]
        places = torch.arange(members * steps * texts, device=hidden_KTBH.device).view(members, steps, texts)
        steps_1T1 = torch.arange(steps, device=hidden_KTBH.device).view(1, steps, 1)
        lengths_K1B = self.lengths_KB.unsqueeze(1)
        turned_KTB = torch.where(steps_1T1 < lengths_K1B, lengths_K1B - 1 - steps_1T1, steps_1T1)
        return (places + (turned_KTB - steps_1T1) * texts).flatten()

    def _pooled(self, hidden_KTBH: Tensor) -> Tensor:
        pooling = self.config.pooling
        if pooling == "last":
            return self._last(hidden_KTBH)
        parts = [pool(hidden_KTBH) for word, pool in self._poolings() if word in pooling.split("_")]
        return torch.cat(parts, dim=2)

    def _poolings(self) -> tuple[tuple[str, Any], ...]:
        return ("mean", self._mean), ("max", self._max)

    def _mean(self, hidden_KTBH: Tensor) -> Tensor:
        total_KBH = self._masked(hidden_KTBH, 0.0).sum(1)
        return total_KBH / self.lengths_KB.to(total_KBH).unsqueeze(2)

    def _max(self, hidden_KTBH: Tensor) -> Tensor:
        return self._masked(hidden_KTBH, float("-inf")).amax(1)

    def _masked(self, hidden_KTBH: Tensor, value: float) -> Tensor:
        if not self.ragged:
            return hidden_KTBH
        steps_1T1 = torch.arange(hidden_KTBH.shape[1], device=hidden_KTBH.device).view(1, -1, 1)
        return hidden_KTBH.masked_fill((steps_1T1 >= self.lengths_KB.unsqueeze(1)).unsqueeze(3), value)

    def _last(self, hidden_KTBH: Tensor) -> Tensor:
        """Take each direction's last state: the forward one at length - 1, the backward one at 0."""
        width = hidden_KTBH.shape[3]
        ends_K1BH = (self.lengths_KB - 1)[:, None, :, None].expand(-1, 1, -1, width)
        ends_KBH = hidden_KTBH.gather(1, ends_K1BH).squeeze(1)
        if not self.config.bidirectional or self.config.cell == "bag":
            return ends_KBH
        half = width // 2
        return torch.cat((ends_KBH[..., :half], hidden_KTBH[:, 0, :, half:]), dim=2)


class _Reverse(torch.autograd.Function):
    """Take vectors in a self-inverse order: the gradient is the same copy, not a scattered sum."""

    @staticmethod
    def forward(ctx: Any, values_KTBH: Tensor, index_N: Tensor) -> Tensor:
        ctx.save_for_backward(index_N)
        return _take(values_KTBH, index_N)

    @staticmethod
    def backward(ctx: Any, gradient_KTBH: Tensor) -> tuple[Tensor, None]:
        (index_N,) = ctx.saved_tensors
        return _take(gradient_KTBH, index_N), None


def _take(values_KTBH: Tensor, index_N: Tensor) -> Tensor:
    flat_NH = values_KTBH.reshape(-1, values_KTBH.shape[3])
    return flat_NH.index_select(0, index_N).view(values_KTBH.shape)


def _reversed(values_KTBH: Tensor, index_N: Tensor) -> Tensor:
    taken: Tensor = _Reverse.apply(values_KTBH, index_N)  # type: ignore[no-untyped-call]
    return taken
