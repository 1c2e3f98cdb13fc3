"""Recurrent layers over ragged texts with compiled time loops: the function that packed sequences compute.

PyTorch multiplies what spans all time steps at once (inputs, weights' gradients, both directions together);
`kernels` steps through time.

Words come again: where the vectors of the distinct ones are given, the products of the inputs are of those
alone, about half as many as tokens in a batch of 16 texts and a fifth in one of 256.

Shapes: T time steps, B texts, S directions, E numbers a step in, H units, G = gates * H, N = T * B * S rows
and four spare ones (see `kernels`), M = T * B tokens, U distinct vectors, R = M or U, K = S * G.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnnsweep.compiled import add_rows
from rnnsweep.networks import kernels

_AT_ONCE = 1 << 21  # numbers: 8 MB, as the gates of 512 texts of 32 tokens in 128 columns


class _Plan(NamedTuple):
    """What a layer needs to know of a batch: its texts, longest first, whether there is padding, and which
    of the layer's inputs each token reads (None: its own)."""

    mode: str  # PyTorch's: LSTM | GRU | RNN_TANH
    batch: tuple[NDArray[np.int64], NDArray[np.int64]]  # order_B by falling length, lengths_B
    steps: int
    ragged: bool
    places_M: Tensor | None = None
    padding: int | None = None  # the input that gets no gradient

    @property
    def texts(self) -> int:
        """B"""
        return len(self.batch[0])


class _Weights(NamedTuple):
    """One direction's weights in PyTorch's order."""

    input_GE: Tensor
    state_GH: Tensor
    input_bias_G: Tensor
    state_bias_G: Tensor


def run_compiled(layers: nn.RNNBase, inputs_TBE: Tensor, lengths_B: Tensor) -> Tensor:
    """Run recurrent layers over texts; the outputs at and after a text's length are zeros.

    Args:
        layers: their weights on the CPU, in single or double precision.
        inputs_TBE: of the same precision.
        lengths_B: 1 or more each.

    Returns:
        outputs_TBH
    """

    def whole(part_TbE: Tensor, own_b: Tensor) -> Tensor:
        return _run(layers, part_TbE, _plan(layers.mode, own_b, steps=len(part_TbE)))

    keeps = torch.is_grad_enabled()
    return whole(inputs_TBE, lengths_B) if keeps else in_slices(layers, inputs_TBE, lengths_B, whole)


def run_distinct(
    layers: nn.RNNBase, vectors_UE: Tensor, places_TB: Tensor, lengths_B: Tensor, *, padding: int | None
) -> Tensor:
    """Do what `run_compiled` does with ``vectors_UE[places_TB]``; vector `padding` gets no gradient.

    Returns:
        outputs_TBH
    """
    plan = _plan(layers.mode, lengths_B, steps=len(places_TB))
    return _run(layers, vectors_UE, plan._replace(places_M=places_TB.reshape(-1), padding=padding))


def in_slices(
    layers: nn.RNNBase, texts_TBx: Tensor, lengths_B: Tensor, work: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Where no gradients are kept, work on as many texts at once as the gates of fit into `_AT_ONCE`."""
    gates = len(_weights(layers, 0)[0]) * (1 + layers.bidirectional)
    size = max(1, _AT_ONCE // (gates * len(texts_TBx)))
    parts = zip(torch.split(texts_TBx, size, dim=1), torch.split(lengths_B, size), strict=True)
    return torch.cat([work(part_Tbx, own_b) for part_Tbx, own_b in parts], dim=1)


def _run(layers: nn.RNNBase, inputs: Tensor, plan: _Plan) -> Tensor:
    """Run layers over inputs_TBE, or over inputs_UE as the plan places them."""
    hidden = inputs
    for layer in range(layers.num_layers):
        if layer and layers.dropout:
            hidden = nn.functional.dropout(hidden, layers.dropout, layers.training)
        hidden = _Layer.apply(plan, hidden, *_weights(layers, layer))  # type: ignore[no-untyped-call]
        plan = plan._replace(places_M=None, padding=None)
    return hidden


def _plan(mode: str, lengths_B: Tensor, *, steps: int) -> _Plan:
    lengths = lengths_B.numpy()
    ragged = bool((lengths != steps).any())
    order_B = np.argsort(-lengths, kind="stable") if ragged else np.arange(len(lengths))
    return _Plan(mode, (order_B, lengths), steps, ragged)


def _weights(layers: nn.RNNBase, layer: int) -> list[Tensor]:
    ends = ("", "_reverse") if layers.bidirectional else ("",)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(layers, f"{name}_l{layer}{end}") for end in ends for name in names]


class _Layer(torch.autograd.Function):
    """All directions of one layer over inputs_TBE, or over inputs_UE as the plan places them."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, inputs: Tensor, *weights: Tensor) -> Tensor:
        directions = [_Weights(*weights[first : first + 4]) for first in range(0, len(weights), 4)]
        made = _FORWARD[plan.mode](plan, inputs.reshape(-1, inputs.shape[-1]), directions)
        ctx.plan = plan
        ctx.save_for_backward(inputs, *weights, *made)
        return made[-1][: -kernels.TEXTS].view(plan.steps, plan.texts, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given_TBH: Tensor) -> tuple[Tensor | None, ...]:
        plan, (inputs, *rest) = ctx.plan, ctx.saved_tensors
        count = len(ctx.needs_input_grad) - 2
        directions = [_Weights(*rest[first : first + 4]) for first in range(0, count, 4)]
        made = rest[count:]
        of_inputs_NG, of_state_NG = _BACKWARD[plan.mode](plan, directions, made, given_TBH.contiguous())
        inputs_RE = inputs.reshape(-1, inputs.shape[-1])
        of_inputs_RK = _by_input(plan, _by_token(plan, of_inputs_NG), inputs_RE.shape[0])
        own_bias = of_state_NG is not of_inputs_NG
        of_weights = _of_weights(
            ctx, inputs_RE, of_inputs_RK, _by_token(plan, of_state_NG), own_bias=own_bias
        )
        of_input = None
        if ctx.needs_input_grad[1]:
            of_input_RE = torch.mm(of_inputs_RK, _joined([one.input_GE for one in directions]))
            if plan.padding is not None:
                of_input_RE[plan.padding] = 0
            of_input = of_input_RE.view(inputs.shape)
        return None, of_input, *of_weights


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _by_token(plan: _Plan, values_Nx: Tensor) -> Tensor:
    """Leave the spare rows out, set the directions side by side."""
    return values_Nx[: -kernels.TEXTS].view(plan.steps * plan.texts, -1)


def _by_input(plan: _Plan, of_tokens_MK: Tensor, count: int) -> Tensor:
    """Add up what belongs to the tokens that read the same input."""
    if plan.places_M is None:
        return of_tokens_MK
    of_inputs_UK = of_tokens_MK.new_zeros(count, of_tokens_MK.shape[1])
    add_rows(plan.places_M.numpy(), of_tokens_MK.numpy(), -1, of_inputs_UK.numpy())
    return of_inputs_UK


def _rows(plan: _Plan, rows: int, width: int, like: Tensor) -> Tensor:
    """Make an array of rows; what no kernel writes is zero."""
    values_Nx = like.new_empty(rows + kernels.TEXTS, width)
    (values_Nx if plan.ragged else values_Nx[rows:]).zero_()
    return values_Nx


def _inputs_part(plan: _Plan, inputs_RE: Tensor, weights: list[_Weights], biases: list[Tensor]) -> Tensor:
    """Give gates_NG as far as the inputs decide them, in all directions by one product."""
    rows, gates = plan.steps * plan.texts * len(weights), weights[0].input_GE.shape[0]
    gates_NG = inputs_RE.new_empty(rows + kernels.TEXTS, gates)
    gates_NG[rows:].zero_()
    wide_EK, bias_K = _joined([one.input_GE for one in weights]).t(), _joined(biases)
    gates_MK = _by_token(plan, gates_NG)
    if plan.places_M is None:
        torch.addmm(bias_K, inputs_RE, wide_EK, out=gates_MK)
    else:
        torch.index_select(torch.addmm(bias_K, inputs_RE, wide_EK), 0, plan.places_M, out=gates_MK)
    return gates_NG


def _across(weights: list[_Weights]) -> NDArray[Any]:
    """Give the recurrent weights as weights_SHG."""
    return np.ascontiguousarray(_stacked(weights).transpose(0, 2, 1))


def _stacked(weights: list[_Weights]) -> NDArray[Any]:
    """Give the recurrent weights as weights_SGH."""
    every = [one.state_GH.detach().numpy() for one in weights]
    return every[0][None] if len(every) == 1 else np.stack(every)


def _rnn_forward(plan: _Plan, inputs_RE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    biases = [one.input_bias_G + one.state_bias_G for one in weights]
    gates = _inputs_part(plan, inputs_RE, weights, biases)
    out = _rows(plan, gates.shape[0] - kernels.TEXTS, gates.shape[1], gates)
    kernels.rnn_forward(gates.numpy(), _across(weights), plan.batch, out.numpy())
    return [out]


def _gru_forward(plan: _Plan, inputs_RE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    gates = _inputs_part(plan, inputs_RE, weights, [one.input_bias_G for one in weights])
    bias_SG = torch.stack([one.state_bias_G.detach() for one in weights]).numpy()
    rows, units = gates.shape[0] - kernels.TEXTS, gates.shape[1] // 3
    given, out = gates.new_empty(gates.shape[0], units), _rows(plan, rows, units, gates)
    arrays = (plan.batch, given.numpy(), out.numpy())
    kernels.gru_forward(gates.numpy(), _across(weights), bias_SG, *arrays)
    return [gates, given, out]


def _lstm_forward(plan: _Plan, inputs_RE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    biases = [one.input_bias_G + one.state_bias_G for one in weights]
    gates = _inputs_part(plan, inputs_RE, weights, biases)
    rows, units = gates.shape[0] - kernels.TEXTS, gates.shape[1] // 4
    cells, out = gates.new_empty(gates.shape[0], units), _rows(plan, rows, units, gates)
    cells[rows:].zero_()
    arrays = (plan.batch, cells.numpy(), out.numpy())
    kernels.lstm_forward(gates.numpy(), _across(weights), *arrays)
    return [gates, cells, out]


def _rnn_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    (out,) = made
    d = _rows(plan, out.shape[0] - kernels.TEXTS, out.shape[1], out)
    given = given_TBH.view(-1, out.shape[1]).numpy()
    kernels.rnn_backward(out.numpy(), given, _stacked(weights), plan.batch, d.numpy())
    return d, d


def _gru_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    gates, parts, out = made
    d, to = (_rows(plan, out.shape[0] - kernels.TEXTS, gates.shape[1], gates) for _ in range(2))
    kept = (gates.numpy(), parts.numpy(), out.numpy(), given_TBH.view(-1, out.shape[1]).numpy())
    kernels.gru_backward(*kept, _stacked(weights), plan.batch, d.numpy(), to.numpy())
    return d, to


def _lstm_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    gates, cells, _ = made
    d = _rows(plan, gates.shape[0] - kernels.TEXTS, gates.shape[1], gates)
    kept = (gates.numpy(), cells.numpy(), given_TBH.view(-1, cells.shape[1]).numpy())
    kernels.lstm_backward(*kept, _stacked(weights), plan.batch, d.numpy())
    return d, d


def _of_weights(
    ctx: Any, inputs_RE: Tensor, of_inputs_RK: Tensor, of_state_MK: Tensor, *, own_bias: bool
) -> list[Tensor | None]:
    """Give the gradients of each direction's weights: sums over all texts and steps.

    `own_bias`: the state's part of the sums has another gradient than the inputs' part.
    """
    out_NH, texts = ctx.saved_tensors[-1], ctx.plan.texts
    out_MH = _by_token(ctx.plan, out_NH)
    units = out_NH.shape[1]
    directions = out_MH.shape[1] // units
    gates = of_inputs_RK.shape[1] // directions
    of_wide_KE, of_bias_K = torch.mm(of_inputs_RK.t(), inputs_RE), of_inputs_RK.sum(0)
    of_state_bias_K = of_state_MK.sum(0) if own_bias else of_bias_K.clone()
    found: list[Tensor | None] = []
    for s in range(directions):
        part, own = slice(s * gates, (s + 1) * gates), slice(s * units, (s + 1) * units)
        # the state before a token is the output of the token before it in the direction's order
        later, earlier = (
            (slice(None, -texts), slice(texts, None)) if s else (slice(texts, None), slice(None, -texts))
        )
        of_state_GH = torch.mm(of_state_MK[later, part].t(), out_MH[earlier, own])
        found += [of_wide_KE[part], of_state_GH, of_bias_K[part], of_state_bias_K[part]]
    return [
        gradient if needed else None for gradient, needed in zip(found, ctx.needs_input_grad[2:], strict=True)
    ]


_FORWARD: dict[str, Callable[[_Plan, Tensor, list[_Weights]], list[Tensor]]] = {
    "RNN_TANH": _rnn_forward,
    "GRU": _gru_forward,
    "LSTM": _lstm_forward,
}
_BACKWARD: dict[str, Callable[[_Plan, list[_Weights], list[Tensor], Tensor], tuple[Tensor, Tensor]]] = {
    "RNN_TANH": _rnn_backward,
    "GRU": _gru_backward,
    "LSTM": _lstm_backward,
}
