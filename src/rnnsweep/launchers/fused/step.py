"""One step of several members: forward, loss and backward of all as one batched computation.

Each member brings its own vectors, lengths, targets and dropout; each has its own network and gets its own
gradients. Nothing of one member enters the numbers of another: the products are batched over members, the
losses are added up only to start one backward pass.

Shapes: K members, T time steps, B texts of a member's batch, E numbers a token, H outputs a step (both
directions side by side), C classes; N = K * T * B.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, dropout, pad

from rnnsweep.launchers.fused.reading import Reading, weight_of
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


def take_share(network: Network, hidden_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor) -> Share:
    """Draw a member's dropout in the order in which `Network.read` draws it, so that it is the same."""
    config, training = network.config, network.training
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
    logits_KBC = _logits(falling)
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


def _logits(shares: Sequence[Share]) -> Tensor:
    """Do the forward pass of members that stand by falling number of steps; give logits_KBC.

    Texts that a member's smaller batch lacks count as one step of padding; nobody hears of them.
    """
    hidden_KTBH = _stacked([share.hidden_TBE for share in shares])
    lengths_KB, steps_K = (
        _stacked([share.lengths_B for share in shares], 1),
        [share.steps for share in shares],
    )
    inner = range(shares[0].config.num_layers - 1)
    reading = Reading(
        config=shares[0].config,
        weights=lambda name: torch.stack([weight_of(share.network, name) for share in shares]),
        lengths_KB=lengths_KB.to(hidden_KTBH.device),
        steps_K=steps_K,
        ragged=bool((lengths_KB != steps_K[0]).any()),
        between=[
            _factors_of([share.between[number] if share.between else None for share in shares])
            for number in inner
        ],
        last_KBH=_factors_of([share.last_BH for share in shares]),
    )
    return reading.logits(hidden_KTBH)


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
