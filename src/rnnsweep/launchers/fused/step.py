"""One step of several members: forward, loss and backward of all as one batched computation.

Each member has its own vectors, lengths, targets and dropout; each has its own network and gets its own
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

from rnnsweep.launchers.fused.forward import ForwardPass, weight_of
from rnnsweep.networks import ModelConfig, Network
from rnnsweep.networks.size import output_width

NO_TARGET = -100


@dataclass(frozen=True)
class StepInput:
    """One member's input to a step; its dropout is drawn already, from its own random numbers."""

    network: Network
    hidden_TBE: Tensor  # its vectors after dropout, with a gradient to the embedding
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


def make_step_input(network: Network, hidden_TBE: Tensor, lengths_B: Tensor, targets_B: Tensor) -> StepInput:
    """Return a member's input to a step, with its dropout drawn in the order of `Network.read`.

    Args:
        network: the member's own.
        hidden_TBE: embedded tokens after dropout.
        lengths_B: tokens of each text.
        targets_B: class of each text.
    """
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
    return StepInput(network, hidden_TBE, lengths_B, targets_B, between, last)


def _factors(shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
    return dropout(torch.ones(shape, dtype=like.dtype, device=like.device), rate, training=True)


@dataclass
class StepResult:
    """One member's result of a step; its gradients are in `grad` of its weights."""

    logits_BC: Tensor
    loss: Tensor  # summed over its texts


def learn(inputs: Sequence[StepInput]) -> list[StepResult]:
    """Compute forward and backward passes of all members at once: gradients of each member's mean loss.

    The networks are of one shape; batches may differ in texts and steps.

    Returns:
        one entry for each input, in their order.
    """
    order = sorted(range(len(inputs)), key=lambda number: -inputs[number].steps)
    falling = [inputs[number] for number in order]
    logits_KBC = _logits(falling)
    targets_KB = _stacked([step_input.targets_B for step_input in falling], NO_TARGET)
    precise_KBC = logits_KBC.to(torch.promote_types(logits_KBC.dtype, torch.float32))
    losses_KB = cross_entropy(
        precise_KBC.flatten(0, 1), targets_KB.flatten(), reduction="none", ignore_index=NO_TARGET
    ).view(targets_KB.shape)
    losses_K = losses_KB.sum(1)
    texts_K = losses_K.new_tensor([len(step_input.targets_B) for step_input in falling])
    torch.autograd.backward((losses_K / texts_K).sum())
    results: dict[int, StepResult] = {}
    for place, number in enumerate(order):
        texts = len(falling[place].targets_B)
        results[number] = StepResult(logits_KBC[place, :texts].detach(), losses_K[place].detach())
    return [results[number] for number in range(len(inputs))]


def _logits(inputs: Sequence[StepInput]) -> Tensor:
    """Compute logits_KBC of members in order of falling number of steps.

    Texts that a member's smaller batch lacks are one step of padding; no result includes them.
    """
    hidden_KTBH = _stacked([step_input.hidden_TBE for step_input in inputs])
    lengths_KB, steps_K = (
        _stacked([step_input.lengths_B for step_input in inputs], 1),
        [step_input.steps for step_input in inputs],
    )
    inner = range(inputs[0].config.num_layers - 1)
    forward_pass = ForwardPass(
        config=inputs[0].config,
        weights=lambda name: torch.stack([weight_of(step_input.network, name) for step_input in inputs]),
        lengths_KB=lengths_KB.to(hidden_KTBH.device),
        steps_K=steps_K,
        ragged=bool((lengths_KB != steps_K[0]).any()),
        between=[
            _factors_of([step_input.between[number] if step_input.between else None for step_input in inputs])
            for number in inner
        ],
        last_KBH=_factors_of([step_input.last_BH for step_input in inputs]),
    )
    return forward_pass.logits(hidden_KTBH)


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
