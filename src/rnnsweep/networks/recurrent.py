"""Recurrent layers over ragged texts with compiled time loops: the function that packed sequences compute.

PyTorch multiplies what spans all time steps at once (inputs, weights' gradients, both directions together);
`kernels` steps through time.

Shapes: T time steps, B texts, S directions, E numbers a step in, H units, G = gates * H, N = T * B * S rows
and four spare ones (see `kernels`), M = T * B tokens, K = S * G.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnnsweep.networks import kernels

_AT_ONCE = 1 << 21  # numbers: 8 MB, as the gates of 512 texts of 32 tokens in 128 columns


class _Plan(NamedTuple):
    """What a layer needs to know of a batch: its texts, longest first, and whether there is padding."""

    mode: str  # PyTorch's: LSTM | GRU | RNN_TANH
    batch: tuple[NDArray[np.int64], NDArray[np.int64]]  # order_B by falling length, lengths_B
    ragged: bool


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
    if torch.is_grad_enabled():
        return _run(layers, inputs_TBE, lengths_B)
    size = _texts_at_once(layers, inputs_TBE)
    parts = zip(torch.split(inputs_TBE, size, dim=1), torch.split(lengths_B, size), strict=True)
    return torch.cat([_run(layers, *part) for part in parts], dim=1)


def _texts_at_once(layers: nn.RNNBase, inputs_TBE: Tensor) -> int:
    """Where nothing is kept for gradients, take as many texts as the gates of fit into `_AT_ONCE`."""
    gates = len(_weights(layers, 0)[0]) * (1 + layers.bidirectional)
    return max(1, _AT_ONCE // (gates * inputs_TBE.shape[0]))


def _run(layers: nn.RNNBase, inputs_TBE: Tensor, lengths_B: Tensor) -> Tensor:
    plan = _plan(layers.mode, lengths_B, steps=inputs_TBE.shape[0])
    hidden_TBH = inputs_TBE
    for layer in range(layers.num_layers):
        if layer and layers.dropout:
            hidden_TBH = nn.functional.dropout(hidden_TBH, layers.dropout, layers.training)
        hidden_TBH = _Layer.apply(plan, hidden_TBH, *_weights(layers, layer))  # type: ignore[no-untyped-call]
    return hidden_TBH


def _plan(mode: str, lengths_B: Tensor, *, steps: int) -> _Plan:
    lengths = lengths_B.numpy()
    ragged = bool((lengths != steps).any())
    order_B = np.argsort(-lengths, kind="stable") if ragged else np.arange(len(lengths))
    return _Plan(mode, (order_B, lengths), ragged)


def _weights(layers: nn.RNNBase, layer: int) -> list[Tensor]:
    ends = ("", "_reverse") if layers.bidirectional else ("",)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(layers, f"{name}_l{layer}{end}") for end in ends for name in names]


class _Layer(torch.autograd.Function):
    """All directions of one layer."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, inputs_TBE: Tensor, *weights: Tensor) -> Tensor:
        directions = [_Weights(*weights[first : first + 4]) for first in range(0, len(weights), 4)]
        made = _FORWARD[plan.mode](plan, inputs_TBE, directions)
        ctx.plan = plan
        ctx.save_for_backward(inputs_TBE, *weights, *made)
        steps, texts, _ = inputs_TBE.shape
        return made[-1][: -kernels.TEXTS].view(steps, texts, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given_TBH: Tensor) -> tuple[Tensor | None, ...]:
        inputs_TBE, *rest = ctx.saved_tensors
        count = len(ctx.needs_input_grad) - 2
        directions = [_Weights(*rest[first : first + 4]) for first in range(0, count, 4)]
        made = rest[count:]
        of_inputs_NG, of_state_NG = _BACKWARD[ctx.plan.mode](
            ctx.plan, directions, made, given_TBH.contiguous()
        )
        of_weights = _of_weights(ctx, inputs_TBE, made[-1], of_inputs_NG, of_state_NG)
        of_input_TBE = None
        if ctx.needs_input_grad[1]:
            wide_KE = _joined([one.input_GE for one in directions])
            of_input_TBE = torch.mm(_by_token(of_inputs_NG, inputs_TBE), wide_KE).view(inputs_TBE.shape)
        return None, of_input_TBE, *of_weights


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _by_token(values_Nx: Tensor, inputs_TBE: Tensor) -> Tensor:
    """Leave the spare rows out, set the directions side by side."""
    steps, texts, _ = inputs_TBE.shape
    return values_Nx[: -kernels.TEXTS].view(steps * texts, -1)


def _rows(plan: _Plan, rows: int, width: int, like: Tensor) -> Tensor:
    """Make an array of rows; what no kernel writes is zero."""
    values_Nx = like.new_empty(rows + kernels.TEXTS, width)
    (values_Nx if plan.ragged else values_Nx[rows:]).zero_()
    return values_Nx


def _inputs_part(plan: _Plan, inputs_TBE: Tensor, weights: list[_Weights], biases: list[Tensor]) -> Tensor:
    """Give gates_NG as far as the inputs decide them, in all directions by one product."""
    steps, texts, width = inputs_TBE.shape
    gates = len(weights[0].input_GE)
    gates_NG = inputs_TBE.new_empty(steps * texts * len(weights) + kernels.TEXTS, gates)
    gates_NG[-kernels.TEXTS :].zero_()
    wide_KE = _joined([one.input_GE for one in weights])
    flat = inputs_TBE.reshape(-1, width)
    torch.addmm(_joined(biases), flat, wide_KE.t(), out=_by_token(gates_NG, inputs_TBE))
    return gates_NG


def _across(weights: list[_Weights]) -> NDArray[Any]:
    """Give the recurrent weights as weights_SHG."""
    return torch.stack([one.state_GH.detach().t() for one in weights]).numpy()


def _stacked(weights: list[_Weights]) -> NDArray[Any]:
    """Give the recurrent weights as weights_SGH."""
    return torch.stack([one.state_GH.detach() for one in weights]).numpy()


def _rnn_forward(plan: _Plan, inputs_TBE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    biases = [one.input_bias_G + one.state_bias_G for one in weights]
    gates = _inputs_part(plan, inputs_TBE, weights, biases)
    out = _rows(plan, len(gates) - kernels.TEXTS, gates.shape[1], gates)
    kernels.rnn_forward(gates.numpy(), _across(weights), plan.batch, out.numpy())
    return [out]


def _gru_forward(plan: _Plan, inputs_TBE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    gates = _inputs_part(plan, inputs_TBE, weights, [one.input_bias_G for one in weights])
    bias_SG = torch.stack([one.state_bias_G.detach() for one in weights]).numpy()
    rows, units = len(gates) - kernels.TEXTS, gates.shape[1] // 3
    given, out = gates.new_empty(len(gates), units), _rows(plan, rows, units, gates)
    arrays = (plan.batch, given.numpy(), out.numpy())
    kernels.gru_forward(gates.numpy(), _across(weights), bias_SG, *arrays)
    return [gates, given, out]


def _lstm_forward(plan: _Plan, inputs_TBE: Tensor, weights: list[_Weights]) -> list[Tensor]:
    biases = [one.input_bias_G + one.state_bias_G for one in weights]
    gates = _inputs_part(plan, inputs_TBE, weights, biases)
    rows, units = len(gates) - kernels.TEXTS, gates.shape[1] // 4
    cells, out = gates.new_empty(len(gates), units), _rows(plan, rows, units, gates)
    cells[rows:].zero_()
    arrays = (plan.batch, cells.numpy(), out.numpy())
    kernels.lstm_forward(gates.numpy(), _across(weights), *arrays)
    return [gates, cells, out]


def _rnn_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    (out,) = made
    d = _rows(plan, len(out) - kernels.TEXTS, out.shape[1], out)
    given = given_TBH.view(-1, out.shape[1]).numpy()
    kernels.rnn_backward(out.numpy(), given, _stacked(weights), plan.batch, d.numpy())
    return d, d


def _gru_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    gates, parts, out = made
    d, to = (_rows(plan, len(out) - kernels.TEXTS, gates.shape[1], gates) for _ in range(2))
    kept = (gates.numpy(), parts.numpy(), out.numpy(), given_TBH.view(-1, out.shape[1]).numpy())
    kernels.gru_backward(*kept, _stacked(weights), plan.batch, d.numpy(), to.numpy())
    return d, to


def _lstm_backward(
    plan: _Plan, weights: list[_Weights], made: list[Tensor], given_TBH: Tensor
) -> tuple[Tensor, Tensor]:
    gates, cells, _ = made
    d = _rows(plan, len(gates) - kernels.TEXTS, gates.shape[1], gates)
    kept = (gates.numpy(), cells.numpy(), given_TBH.view(-1, cells.shape[1]).numpy())
    kernels.lstm_backward(*kept, _stacked(weights), plan.batch, d.numpy())
    return d, d


def _of_weights(
    ctx: Any, inputs_TBE: Tensor, out_NH: Tensor, of_inputs_NG: Tensor, of_state_NG: Tensor
) -> list[Tensor | None]:
    """Give the gradients of each direction's weights: sums over all texts and steps."""
    gates, units = of_inputs_NG.shape[1], out_NH.shape[1]
    steps, texts, width = inputs_TBE.shape
    wide_MK = _by_token(of_inputs_NG, inputs_TBE)
    of_wide_KE, of_bias_K = torch.mm(wide_MK.t(), inputs_TBE.reshape(-1, width)), wide_MK.sum(0)
    to_MK = _by_token(of_state_NG, inputs_TBE)
    of_state_bias_K = of_bias_K.clone() if of_state_NG is of_inputs_NG else to_MK.sum(0)
    out_MK = _by_token(out_NH, inputs_TBE)
    found: list[Tensor | None] = []
    for s in range(wide_MK.shape[1] // gates):
        part, own = slice(s * gates, (s + 1) * gates), slice(s * units, (s + 1) * units)
        # the state before a token is the output of the token before it in the direction's order
        later, earlier = (
            (slice(None, -texts), slice(texts, None)) if s else (slice(texts, None), slice(None, -texts))
        )
        of_state_GH = torch.mm(to_MK[later, part].t(), out_MK[earlier, own])
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
