"""Recurrent layers over ragged texts with compiled time loops: the function that packed sequences compute.

PyTorch multiplies what spans all time steps at once (inputs, weights' gradients, both directions together);
`layers` and `loops` step through time.

Words come again: where the vectors of the distinct ones are given, the products of the inputs are of those
alone, about half as many as tokens in a batch of 16 texts and a fifth in one of 256.

Shapes: T time steps, B texts, S directions, E numbers a step in, H units, G = gates * H, M = T * B tokens,
N = M rows and four spare ones (see `loops`), U distinct vectors, R = M or U, K = S * G.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnnsweep.networks.cells import cell_names, find_cell
from rnnsweep.networks.fast.layers import (
    Direction,
    GateGradients,
    GradOutput,
    LayerPlan,
    Loops,
    Saved,
    Shows,
    outputs,
)
from rnnsweep.networks.fast.rows import EVERY, LAST, MEAN
from rnnsweep.networks.layers import Layers
from rnnsweep.networks.pooling import pool

_AT_ONCE = 1 << 21  # numbers: 8 MB, as the gates of 512 texts of 32 tokens in 128 columns
_TOGETHER = 64  # texts: of slices of so many, PyTorch adds up each output over time in the same order


def run_compiled(layers: Layers, inputs_TBE: Tensor, lengths_B: Tensor, *, shows: Shows = "every") -> Tensor:
    """Run recurrent layers over texts; the outputs at and after a text's length are zeros.

    Args:
        layers: their weights on the CPU, in single or double precision.
        inputs_TBE: of the same precision.
        lengths_B: 1 or more each.
        shows: every output, or each direction's last, or the mean of a text's, whose gradients then take
            no array of every output.

    Returns:
        outputs_TBH, or pooled_BH
    """

    def whole(part_TbE: Tensor, own_b: Tensor) -> Tensor:
        plan = make_plan(layers, own_b, steps=len(part_TbE), shows=shows)
        return _run(layers, part_TbE, plan._replace(keeps=keeps))

    keeps = torch.is_grad_enabled()
    return whole(inputs_TBE, lengths_B) if keeps else in_slices(layers, inputs_TBE, lengths_B, whole)


def run_distinct(
    layers: Layers,
    vectors_UE: Tensor,
    places_TB: Tensor,
    lengths_B: Tensor,
    *,
    padding: int | None,
    shows: Shows = "every",
) -> Tensor:
    """Compute `run_compiled` of ``vectors_UE[places_TB]``.

    Args:
        layers: their weights on the CPU, in single or double precision.
        vectors_UE: of the distinct tokens.
        places_TB: the vector of each token.
        lengths_B: tokens of each text, 1 or more.
        padding: the vector that gets no gradient; None: each gets one.
        shows: as for `run_compiled`.

    Returns:
        outputs_TBH, or pooled_BH
    """
    plan = make_plan(
        layers, lengths_B, steps=len(places_TB), shows=shows, places_TB=places_TB, padding=padding
    )
    return _run(layers, vectors_UE, plan._replace(keeps=torch.is_grad_enabled()))


def in_slices(
    layers: Layers, texts_TBx: Tensor, lengths_B: Tensor, work: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Return the outputs of texts, few enough at once that their gates fit into `_AT_ONCE`; no gradients.

    Args:
        layers: their weights on the CPU.
        texts_TBx: of all texts.
        lengths_B: tokens of each text.
        work: returns the outputs of some of the texts, from their part of `texts_TBx` and their lengths.
    """
    gates = len(weights_of(layers, 0)[0]) * (1 + layers.bidirectional)
    size = max(1, _AT_ONCE // (gates * len(texts_TBx)) // _TOGETHER) * _TOGETHER
    parts = zip(torch.split(texts_TBx, size, dim=1), torch.split(lengths_B, size), strict=True)
    return torch.cat([work(part_Tbx, own_b) for part_Tbx, own_b in parts], dim=-2)


def _run(layers: Layers, inputs: Tensor, plan: LayerPlan) -> Tensor:
    """Run layers over inputs_TBE, or over inputs_UE as the plan places them."""
    hidden = inputs
    for layer, own in enumerate(plan_each(layers, plan)):
        if layer and layers.dropout:
            hidden = nn.functional.dropout(hidden, layers.dropout, layers.training)
        hidden = _Layer.apply(own, hidden, *weights_of(layers, layer))  # type: ignore[no-untyped-call]
    return hidden


def plan_each(layers: Layers, plan: LayerPlan) -> list[LayerPlan]:
    """Return each layer's plan: the first one reads what is placed, the last one shows what is asked for."""
    if layers.num_layers == 1:
        return [plan]
    inner = plan._replace(places_M=None, padding=None, shows="every")
    last = inner._replace(shows=plan.shows)
    return [plan._replace(shows="every"), *[inner] * (layers.num_layers - 2), last]


def make_plan(
    layers: Layers,
    lengths_B: Tensor,
    *,
    steps: int,
    shows: Shows,
    places_TB: Tensor | None = None,
    padding: int | None = None,
) -> LayerPlan:
    """Make the plan of a batch.

    Args:
        layers: as for `run_distinct`.
        lengths_B: tokens of each text.
        steps: of the longest text.
        shows: as for `run_compiled`.
        places_TB: the input of each token; None: its own.
        padding: the input that gets no gradient.

    Returns:
        the plan, which keeps what a backward pass needs
    """
    lengths = lengths_B.numpy()
    ragged = bool((lengths != steps).any())
    order_B = np.argsort(-lengths, kind="stable") if ragged else np.arange(len(lengths))
    places_M = None if places_TB is None else places_TB.reshape(-1)
    return LayerPlan(_loops(layers.mode), (order_B, lengths), steps, ragged, places_M, padding, shows)


@cache
def _loops(mode: str) -> Loops:
    """Return the time loops of PyTorch's mode, as "LSTM", or of a cell that stands in its place."""
    specs = (find_cell(name) for name in cell_names())
    spec = next((one for one in specs if one.mode == mode), None) or find_cell(mode)
    assert spec.loops is not None
    return spec.loops()


def weights_of(layers: Layers, layer: int) -> list[Tensor]:
    """List a layer's weights, direction by direction, in PyTorch's order."""
    ends = ("", "_reverse") if layers.bidirectional else ("",)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(layers, f"{name}_l{layer}{end}") for end in ends for name in names]


def forward_layer(ctx: Any, plan: LayerPlan, inputs: Tensor, *weights: Tensor) -> Tensor:
    """Run all directions of one layer.

    Args:
        ctx: autograd's object, or one in its place: keeps what `backward_layer` needs.
        plan: of the batch.
        inputs: inputs_TBE, or inputs_UE as the plan places them.
        weights: as `weights_of` lists them.

    Returns:
        what the plan shows
    """
    directions = _directions(weights)
    out_NK = outputs(plan, directions)
    ctx.plan, ctx.saved = plan, _forward(plan, inputs, directions, out_NK)
    ctx.save_for_backward(inputs, *weights, out_NK)
    return _shown(plan, out_NK, both=len(directions) == 2)


def backward_layer(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of what `forward_layer` was given."""
    plan, (inputs, *weights, out_NK) = ctx.plan, ctx.saved_tensors
    directions, inputs_RE = _directions(weights), inputs.reshape(-1, inputs.shape[-1])
    if ctx.saved is None:  # a second time through a graph that was retained
        ctx.saved = _forward(plan, inputs, directions, outputs(plan, directions))
    saved, ctx.saved = ctx.saved, None  # gradients are written over what was saved
    grad_of_outputs = _grad_of_outputs(plan, grad_output)
    of_input_RE: Tensor | None = None
    of_weights: list[Tensor] = []
    for one in reversed(directions):  # what was saved last lies in the cache still
        sums = plan.loops.backward(plan, one, saved[one.direction], out_NK, grad_of_outputs, len(inputs_RE))
        of_weights = _of_weights(plan, inputs_RE, one, sums, out_NK) + of_weights
        if not ctx.needs_input_grad[1]:
            continue
        if of_input_RE is None:
            of_input_RE = torch.mm(sums.of_inputs_RG, one.input_GE)
        else:
            of_input_RE.addmm_(sums.of_inputs_RG, one.input_GE)
    if of_input_RE is not None and plan.padding is not None:
        of_input_RE[plan.padding] = 0
    of_input = None if of_input_RE is None else of_input_RE.view(inputs.shape)
    needed = zip(of_weights, ctx.needs_input_grad[2:], strict=True)
    return None, of_input, *(gradient if need else None for gradient, need in needed)


class _Layer(torch.autograd.Function):
    """All directions of one layer."""

    forward = staticmethod(forward_layer)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        return backward_layer(ctx, grad_output)


def _directions(weights: Sequence[Tensor]) -> list[Direction]:
    return [
        Direction(direction, *weights[4 * direction : 4 * direction + 4])
        for direction in range(len(weights) // 4)
    ]


def _forward(plan: LayerPlan, inputs: Tensor, directions: list[Direction], out_NK: Tensor) -> list[Saved]:
    inputs_RE = inputs.reshape(-1, inputs.shape[-1])
    return [plan.loops.forward(plan, inputs_RE, one, out_NK) for one in directions]


def _shown(plan: LayerPlan, out_NK: Tensor, *, both: bool) -> Tensor:
    """Return what the plan shows of the outputs."""
    outputs_TBH = out_NK[: plan.tokens].view(plan.steps, plan.texts, -1)
    if plan.shows == "every":
        return outputs_TBH
    ragged = plan.ragged and plan.shows == "last"  # the others are sums, and padding's outputs are zeros
    lengths_B = torch.from_numpy(plan.batch[1])
    return pool(outputs_TBH, lengths_B, pooling=plan.shows, bidirectional=both, ragged=ragged)


def _grad_of_outputs(plan: LayerPlan, grad_output: Tensor) -> GradOutput:
    """Return the gradients of what was shown as the time loops read them."""
    if plan.shows == "every":
        return grad_output.reshape(plan.tokens, -1).contiguous().numpy(), EVERY
    if plan.shows == "mean":
        return (grad_output / torch.from_numpy(plan.batch[1]).to(grad_output).unsqueeze(1)).numpy(), MEAN
    return torch.cat([grad_output, grad_output.new_zeros(1, grad_output.shape[1])]).numpy(), LAST


def _of_weights(
    plan: LayerPlan, inputs_RE: Tensor, one: Direction, sums: GateGradients, out_NK: Tensor
) -> list[Tensor]:
    """Return the gradients of a direction's weights: sums over all texts and steps."""
    of_inputs_RG, of_state_MG = sums
    units = one.state_GH.shape[1]
    out_MH = out_NK[: plan.tokens, one.direction * units : (one.direction + 1) * units]
    # the state before a token is the output of the token before it in the direction's order
    later, earlier = slice(plan.texts, None), slice(None, -plan.texts)
    if one.direction:
        later, earlier = earlier, later
    of_bias_G = of_inputs_RG.sum(0)
    return [
        torch.mm(of_inputs_RG.t(), inputs_RE),
        torch.mm(of_state_MG[later].t(), out_MH[earlier]),
        of_bias_G,
        of_bias_G.clone() if plan.loops.one_bias else of_state_MG.sum(0),
    ]
