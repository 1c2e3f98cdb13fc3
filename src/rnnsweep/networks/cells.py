"""One layer of a recurrent cell over a batch, forward and backward, through the compiled loops of `kernels`.

Rows of gates are wider than what they hold by a cache line: PyTorch's products of matrices whose rows lie a
power of two apart are slower by a fifth, since the rows of a column meet in the same few places of the cache.

Shapes: T time steps, B texts, S directions, E numbers a step in, H units, G = gates * H, M = T * B tokens,
N = M rows and four spare ones, U distinct vectors, R = M or U, K = S * G, W >= K.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsweep.networks import kernels
from rnnsweep.networks.rows import TEXTS

_GAP = 16  # numbers by which rows are wider
_OWN = np.zeros(0, np.int64)  # each token reads an input of its own
_Read: TypeAlias = tuple[NDArray[Any], NDArray[np.int64]]


class Plan(NamedTuple):
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

    @property
    def tokens(self) -> int:
        """M"""
        return self.steps * self.texts

    @property
    def read(self) -> NDArray[np.int64]:
        """Which input each token reads; empty: its own."""
        return _OWN if self.places_M is None else self.places_M.numpy()


class Weights(NamedTuple):
    """One direction's weights in PyTorch's order."""

    input_GE: Tensor
    state_GH: Tensor
    input_bias_G: Tensor
    state_bias_G: Tensor


class Made(NamedTuple):
    """What a forward pass leaves; all but the outputs is lost in the backward pass."""

    kept: tuple[Tensor, ...]
    out_NK: Tensor  # the outputs, directions side by side


class Sums(NamedTuple):
    """Gradients of the sums in the gates: of the inputs' part by input, of the state's part by token."""

    of_inputs_RK: Tensor
    of_state_MK: Tensor


def joined(parts: list[Tensor]) -> Tensor:
    """Put the directions' weights under one another."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _wide(like: Tensor, rows: int, columns: int) -> Tensor:
    return like.new_empty(rows, columns + _GAP)


def _outputs(plan: Plan, weights: list[Weights]) -> Tensor:
    """Make an array of outputs; what no kernel writes is zero."""
    state_GH = weights[0].state_GH
    out_NK = state_GH.new_empty(plan.tokens + TEXTS, len(weights) * state_GH.shape[1])
    (out_NK if plan.ragged else out_NK[plan.tokens :]).zero_()
    return out_NK


def _products_of_inputs(plan: Plan, inputs_RE: Tensor, weights: list[Weights]) -> tuple[_Read, Tensor]:
    """Multiply the inputs, in all directions by one product; give what the kernels read, and an array for
    the gates: the same one where each token has an input of its own."""
    wide_KE = joined([one.input_GE for one in weights])
    gates_NW = _wide(inputs_RE, plan.tokens + TEXTS, len(wide_KE))
    gates_NW[plan.tokens :].zero_()
    part_RW = gates_NW if plan.places_M is None else _wide(inputs_RE, len(inputs_RE), len(wide_KE))
    torch.mm(inputs_RE, wide_KE.t(), out=part_RW[: len(inputs_RE), :-_GAP])
    return (part_RW.numpy(), plan.read), gates_NW


def _bias(one: Weights) -> NDArray[Any]:
    """Add a direction's biases up."""
    return (one.input_bias_G + one.state_bias_G).detach().numpy()


def _across(one: Weights) -> NDArray[Any]:
    """Give a direction's recurrent weights as weights_HG."""
    return one.state_GH.detach().t().contiguous().numpy()


def _back_across(one: Weights) -> NDArray[Any]:
    return one.state_GH.detach().contiguous().numpy()


def _rnn_forward(plan: Plan, inputs_RE: Tensor, weights: list[Weights]) -> Made:
    read, _ = _products_of_inputs(plan, inputs_RE, weights)
    out = _outputs(plan, weights)
    for way, one in enumerate(weights):
        kernels.rnn_forward(read, _across(one), _bias(one), way, plan.batch, out.numpy())
    return Made((), out)


def _gru_forward(plan: Plan, inputs_RE: Tensor, weights: list[Weights]) -> Made:
    read, gates = _products_of_inputs(plan, inputs_RE, weights)
    out = _outputs(plan, weights)
    given = torch.empty_like(out)
    for way, one in enumerate(weights):
        arrays = gates.numpy(), given.numpy(), out.numpy()
        biases = one.input_bias_G.detach().numpy(), one.state_bias_G.detach().numpy()
        kernels.gru_forward(read, _across(one), biases, way, plan.batch, *arrays)
    return Made((gates, given), out)


def _lstm_forward(plan: Plan, inputs_RE: Tensor, weights: list[Weights]) -> Made:
    read, gates = _products_of_inputs(plan, inputs_RE, weights)
    out = _outputs(plan, weights)
    cells = torch.empty_like(out)
    cells[plan.tokens :].zero_()
    for way, one in enumerate(weights):
        arrays = gates.numpy(), cells.numpy(), out.numpy()
        kernels.lstm_forward(read, _across(one), _bias(one), way, plan.batch, *arrays)
    return Made((gates, cells), out)


def _into(plan: Plan, inputs: int, like_NW: Tensor) -> Tensor:
    """Make an array in which the gradients of tokens that read the same input add up."""
    return like_NW.new_zeros(0 if plan.places_M is None else inputs, like_NW.shape[1])


def _sums(plan: Plan, into_RW: Tensor, d_NW: Tensor) -> Sums:
    of_state_MK = d_NW[: plan.tokens, :-_GAP]
    return Sums(of_state_MK if plan.places_M is None else into_RW[:, :-_GAP], of_state_MK)


def _rnn_backward(plan: Plan, weights: list[Weights], made: Made, given_MK: Tensor, inputs: int) -> Sums:
    out = made.out_NK
    d = _wide(out, *out.shape)
    d[plan.tokens :].zero_()
    into = _into(plan, inputs, d)
    for way, one in enumerate(weights):
        arrays = out.numpy(), given_MK.numpy(), _back_across(one)
        kernels.rnn_backward(*arrays, way, plan.batch, d.numpy(), (into.numpy(), plan.read))
    return _sums(plan, into, d)


def _gru_backward(plan: Plan, weights: list[Weights], made: Made, given_MK: Tensor, inputs: int) -> Sums:
    gates, parts = made.kept
    into = gates.new_zeros(inputs, gates.shape[1])
    for way, one in enumerate(weights):
        arrays = gates.numpy(), parts.numpy(), made.out_NK.numpy(), given_MK.numpy(), _back_across(one)
        kernels.gru_backward(*arrays, way, plan.batch, (into.numpy(), plan.read))
    return Sums(into[:, :-_GAP], gates[: plan.tokens, :-_GAP])


def _lstm_backward(plan: Plan, weights: list[Weights], made: Made, given_MK: Tensor, inputs: int) -> Sums:
    gates, cells = made.kept
    into = _into(plan, inputs, gates)
    for way, one in enumerate(weights):
        arrays = gates.numpy(), cells.numpy(), given_MK.numpy(), _back_across(one)
        kernels.lstm_backward(*arrays, way, plan.batch, (into.numpy(), plan.read))
    return _sums(plan, into, gates)


FORWARD: dict[str, Callable[[Plan, Tensor, list[Weights]], Made]] = {
    "RNN_TANH": _rnn_forward,
    "GRU": _gru_forward,
    "LSTM": _lstm_forward,
}
BACKWARD: dict[str, Callable[[Plan, list[Weights], Made, Tensor, int], Sums]] = {
    "RNN_TANH": _rnn_backward,
    "GRU": _gru_backward,
    "LSTM": _lstm_backward,
}
