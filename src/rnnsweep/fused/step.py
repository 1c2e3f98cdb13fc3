"""One step of several members: forward, loss and backward of all as one batched computation.

Each member brings its own vectors, lengths, targets and dropout; each has its own network and gets its own
gradients. Nothing of one member enters the numbers of another: the products are batched over members, the
losses are added up only to start one backward pass.

Shapes: K members, T time steps, B texts of a member's batch, E numbers a token, H outputs a step (both
directions side by side), C classes; N = K * T * B.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, dropout, pad

from rnnsweep.fused.cells import run_direction
from rnnsweep.networks import ModelConfig, Network
from rnnsweep.networks.size import output_width

NO_TARGET = -100


@dataclass(frozen=True)
class Share:
    """What one member brings to a step: its own dropout has been drawn already, from its own numbers."""

    network: Network
    hidden_TBE: Tensor  # its vectors after dropout, with their way back to the embedding
    lengths_B: Tensor
    targets_B: Tensor
    between: tuple[Tensor, ...] = ()  # dropout's factors between the layers, as numbers (T, B, H)
    last_BH: Tensor | None = None  # dropout's factors before the output layer

    @property
    def config(self) -> ModelConfig:
        """The settings of the member's network."""
        return self.network.config

    @property
    def steps(self) -> int:
        """T of the member's own batch."""
        return self.hidden_TBE.shape[0]


def take_share(network: Network, embedded_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor) -> Share:
    """Draw a member's dropout in the order in which `Network.read` draws it, so that it is the same."""
    config, training = network.config, network.training
    hidden_TBE = network.embedding_dropout(embedded_TBE)
    steps, texts = hidden_TBE.shape[:2]
    width = config.hidden_size * (2 if config.bidirectional else 1)
    rate = config.layer_dropout
    inner = range(config.num_layers - 1) if network.layers is not None and rate and training else ()
    between = tuple(_factors((steps, texts, width), rate, hidden_TBE) for _ in inner)
    last = None
    if config.dropout and training:
        last = _factors((texts, output_width(config)), config.dropout, hidden_TBE)
    if not config.masked:
        lengths_B = torch.full_like(lengths_B, steps)
    return Share(network, hidden_TBE, lengths_B, targets_B, between, last)


def _factors(shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
    return dropout(torch.ones(shape, dtype=like.dtype, device=like.device), rate, training=True)


@dataclass
class Learned:
    """What a member hears of a step; its gradients lie at its weights."""

    logits_BC: Tensor
    loss: Tensor  # summed over its texts


def learn(shares: Sequence[Share]) -> list[Learned]:
    """Do forward and backward of all members at once: the gradient of each member's mean loss.

    The networks are of one shape; batches may differ in texts and steps.

    Returns:
        one entry for each share, in their order.
    """
    order = sorted(range(len(shares)), key=lambda number: -shares[number].steps)
    falling = [shares[number] for number in order]
    logits_KBC = _Pass(falling).logits()
    targets_KB = _stacked([share.targets_B for share in falling], NO_TARGET)
    precise_KBC = logits_KBC.to(torch.promote_types(logits_KBC.dtype, torch.float32))
    losses_KB = cross_entropy(
        precise_KBC.flatten(0, 1), targets_KB.flatten(), reduction="none", ignore_index=NO_TARGET
    ).view(targets_KB.shape)
    losses_K = losses_KB.sum(1)
    texts_K = losses_K.new_tensor([len(share.targets_B) for share in falling])
    torch.autograd.backward((losses_K / texts_K).sum())
    found: dict[int, Learned] = {}
    for place, number in enumerate(order):
        texts = len(falling[place].targets_B)
        found[number] = Learned(logits_KBC[place, :texts].detach(), losses_K[place].detach())
    return [found[number] for number in range(len(shares))]


def _factors_of(drawn: Sequence[Tensor | None]) -> Tensor | None:
    """Stack dropout's factors; a member without dropout has ones, where another has some."""
    some = next((factors for factors in drawn if factors is not None), None)
    if some is None:
        return None
    return _stacked([torch.ones_like(some) if factors is None else factors for factors in drawn], 1.0)


def _stacked(values: Sequence[Tensor], filler: float = 0.0) -> Tensor:
    """Stack tensors as (K, ...), each filled up at the ends of its first two dimensions."""
    sizes = [max(value.shape[dim] for value in values) for dim in range(min(2, values[0].ndim))]
    return torch.stack([_filled(value, sizes, filler) for value in values])


def _filled(value: Tensor, sizes: list[int], filler: float) -> Tensor:
    missing = [size - have for size, have in zip(sizes, value.shape, strict=False)]
    if not any(missing):
        return value
    widths = [0] * (2 * value.ndim)
    for dim, number in enumerate(missing):
        widths[2 * (value.ndim - dim) - 1] = number
    return pad(value, widths, value=filler)


@dataclass
class _Pass:
    """The forward pass of members that stand by falling number of steps."""

    shares: Sequence[Share]
    lengths_KB: Tensor = field(init=False)
    ragged: bool = field(init=False)

    def __post_init__(self) -> None:
        """Texts that a member's smaller batch lacks count as one step of padding; nobody hears of them."""
        self.lengths_KB = _stacked([share.lengths_B for share in self.shares], 1)
        self.steps_K = [share.steps for share in self.shares]
        self.ragged = bool((self.lengths_KB != self.steps_K[0]).any())
        self.config = self.shares[0].config

    def logits(self) -> Tensor:
        """Give logits_KBC."""
        hidden_KTBH = _stacked([share.hidden_TBE for share in self.shares])
        device = hidden_KTBH.device
        self.lengths_KB = self.lengths_KB.to(device)
        if self.config.cell != "bag":
            hidden_KTBH = self._recurrent(hidden_KTBH)
        pooled_KBH = self._pooled(hidden_KTBH)
        if self.config.join == "backward_only":
            pooled_KBH = pooled_KBH[..., pooled_KBH.shape[2] // 2 :]
        if (factors_KBH := _factors_of([share.last_BH for share in self.shares])) is not None:
            pooled_KBH = pooled_KBH * factors_KBH
        weight_KCH = torch.stack([share.network.output.weight for share in self.shares])
        bias_KC = torch.stack([share.network.output.bias for share in self.shares])
        return torch.baddbmm(bias_KC.unsqueeze(1), pooled_KBH, weight_KCH.transpose(1, 2))

    def _recurrent(self, hidden_KTBH: Tensor) -> Tensor:
        two = self.config.bidirectional
        index_N = self._reversing_index(hidden_KTBH) if two else None
        for layer in range(self.config.num_layers):
            if layer:
                hidden_KTBH = self._between(hidden_KTBH, layer - 1)
            forward_KTBH = self._direction(hidden_KTBH, f"l{layer}")
            if index_N is None:
                hidden_KTBH = forward_KTBH
                continue
            backward_KTBH = self._direction(_reversed(hidden_KTBH, index_N), f"l{layer}_reverse")
            hidden_KTBH = torch.cat((forward_KTBH, _reversed(backward_KTBH, index_N)), dim=3)
        return hidden_KTBH

    def _between(self, hidden_KTBH: Tensor, number: int) -> Tensor:
        drawn = [share.between[number] if share.between else None for share in self.shares]
        factors_KTBH = _factors_of(drawn)
        return hidden_KTBH if factors_KTBH is None else hidden_KTBH * factors_KTBH

    def _direction(self, hidden_KTBE: Tensor, suffix: str) -> Tensor:
        weights = (
            self._weights(f"weight_ih_{suffix}"),
            self._weights(f"weight_hh_{suffix}"),
            self._weights(f"bias_ih_{suffix}"),
            self._weights(f"bias_hh_{suffix}"),
        )
        return run_direction(self.config.cell, hidden_KTBE, weights, self.steps_K)

    def _weights(self, name: str) -> Tensor:
        return torch.stack([getattr(share.network.layers, name) for share in self.shares])

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
