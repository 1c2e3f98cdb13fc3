"""One direction of a recurrent layer over a batch, forward and backward, through the loops of `loops`.

Rows of gates are wider than what they hold by a cache line: PyTorch's products of matrices whose rows lie a
power of two apart are slower by a fifth, since the rows of a column meet in the same few places of the cache.

Shapes: T time steps, B texts, E numbers a step in, H units, G = gates * H, M = T * B tokens, N = M rows and
four spare ones, U distinct vectors, R = M or U, W > G, K the units of all directions side by side.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsweep.networks.fast import loops
from rnnsweep.networks.fast.rows import TEXTS

_GAP = 16  # numbers by which rows are wider
_LANES = 8  # numbers of single precision that the processor adds up at once
_OWN = np.zeros(0, np.int64)  # each token reads an input of its own
_Read: TypeAlias = tuple[NDArray[Any], NDArray[np.int64]]
Shows: TypeAlias = Literal["every", "last", "mean"]  # outputs_TBH, or last states_BH, or means_BH over a text
GradOutput: TypeAlias = tuple[NDArray[Any], int]  # see `rows.grad_row`
Saved: TypeAlias = tuple[
    Tensor, ...
]  # what a forward pass leaves beside the outputs; lost in the backward pass


class Loops(NamedTuple):
    """The compiled time loops of a cell over one direction of a layer.

    Args:
        forward: writes the outputs, and returns what the backward pass needs of it.
        backward: returns the gradients of the sums in the gates.
        one_bias: both biases of a gate are added to one sum, so they have one gradient.
    """

    forward: "Callable[[LayerPlan, Tensor, Direction, Tensor], Saved]"
    backward: "Callable[[LayerPlan, Direction, Saved, Tensor, GradOutput, int], GateGradients]"
    one_bias: bool = True


class LayerPlan(NamedTuple):
    """What a layer needs to know of a batch: its texts, longest first, whether there is padding, which of the
    layer's inputs each token reads (None: its own), what of its outputs is to be shown, and what is kept."""

    loops: Loops
    batch: tuple[NDArray[np.int64], NDArray[np.int64]]  # order_B by falling length, lengths_B
    steps: int
    ragged: bool
    places_M: Tensor | None = None
    padding: int | None = None  # the input that gets no gradient
    shows: Shows = "every"
    keeps: bool = True  # what the backward pass needs

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


class Direction(NamedTuple):
    """One direction's number, 0 or 1, and its weights in PyTorch's order."""

    direction: int
    input_GE: Tensor
    state_GH: Tensor
    input_bias_G: Tensor
    state_bias_G: Tensor

    @property
    def across(self) -> NDArray[Any]:
        """The recurrent weights as weights_HG."""
        return _with_lanes(self.state_GH.detach().numpy().T)

    @property
    def back_across(self) -> NDArray[Any]:
        """The recurrent weights as weights_GH."""
        return _with_lanes(self.state_GH.detach().numpy())

    @property
    def bias(self) -> NDArray[Any]:
        """The sum of its biases, bias_G."""
        return (self.input_bias_G + self.state_bias_G).detach().numpy()


def _with_lanes(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights in rows of as many numbers as the processor adds up at once, or a multiple; more are 0.

    The last numbers of other rows would be added up one after the other.
    """
    rows, columns = weights.shape
    more = -columns % _LANES
    if not more:
        return np.ascontiguousarray(weights)
    wide = np.zeros((rows, columns + more), weights.dtype)
    wide[:, :columns] = weights
    return wide


class GateGradients(NamedTuple):
    """Gradients of the sums in the gates: of the inputs' part by input, of the state's part by token."""

    of_inputs_RG: Tensor
    of_state_MG: Tensor


def outputs(plan: LayerPlan, directions: list[Direction]) -> Tensor:
    """Make out_NK, for the directions' outputs; what no kernel writes is zero."""
    state_GH = directions[0].state_GH
    out_NK = state_GH.new_empty(plan.tokens + TEXTS, len(directions) * state_GH.shape[1])
    (out_NK if plan.ragged else out_NK[plan.tokens :]).zero_()
    return out_NK


def _wide(like: Tensor, rows: int, columns: int) -> Tensor:
    return like.new_empty(rows, columns + _GAP)


def _gates(plan: LayerPlan, one: Direction) -> Tensor:
    """Make an array for the gates of all tokens, gates_NW, or of two steps where none are kept."""
    gates_NW = _wide(one.input_GE, plan.tokens + TEXTS if plan.keeps else 2 * TEXTS, len(one.input_GE))
    gates_NW[plan.tokens :].zero_()
    return gates_NW


def _products(plan: LayerPlan, inputs_RE: Tensor, one: Direction, gates_NW: Tensor | None = None) -> _Read:
    """Multiply the inputs, into the gates where each token has an input of its own."""
    over = gates_NW if plan.places_M is None and plan.keeps else None
    part_RW = _wide(inputs_RE, len(inputs_RE), len(one.input_GE)) if over is None else over
    torch.mm(inputs_RE, one.input_GE.t(), out=part_RW[: len(inputs_RE), :-_GAP])
    return part_RW.numpy(), plan.read


def _rnn_forward(plan: LayerPlan, inputs_RE: Tensor, one: Direction, out_NK: Tensor) -> Saved:
    read = _products(plan, inputs_RE, one)
    loops.rnn_forward(read, one.across, one.bias, one.direction, plan.batch, out_NK.numpy())
    return ()


def _gru_forward(plan: LayerPlan, inputs_RE: Tensor, one: Direction, out_NK: Tensor) -> Saved:
    gates_NW = _gates(plan, one)
    read = _products(plan, inputs_RE, one, gates_NW)
    part_NH = gates_NW.new_empty(len(gates_NW), one.state_GH.shape[1])
    biases = one.input_bias_G.detach().numpy(), one.state_bias_G.detach().numpy()
    arrays = gates_NW.numpy(), part_NH.numpy(), out_NK.numpy()
    loops.gru_forward(read, one.across, biases, one.direction, plan.batch, *arrays)
    return gates_NW, part_NH


def _lstm_forward(plan: LayerPlan, inputs_RE: Tensor, one: Direction, out_NK: Tensor) -> Saved:
    gates_NW = _gates(plan, one)
    read = _products(plan, inputs_RE, one, gates_NW)
    cells_NH = gates_NW.new_empty(len(gates_NW), one.state_GH.shape[1])
    arrays = gates_NW.numpy(), cells_NH.numpy(), out_NK.numpy()
    loops.lstm_forward(read, one.across, one.bias, one.direction, plan.batch, *arrays)
    return gates_NW, cells_NH


def _into(plan: LayerPlan, inputs: int, like_NW: Tensor) -> Tensor:
    """Make an array in which the gradients of tokens that read the same input add up."""
    return like_NW.new_zeros(0 if plan.places_M is None else inputs, like_NW.shape[1])


def _sums(plan: LayerPlan, into_RW: Tensor, d_NW: Tensor) -> GateGradients:
    of_state_MG = d_NW[: plan.tokens, :-_GAP]
    return GateGradients(of_state_MG if plan.places_M is None else into_RW[:, :-_GAP], of_state_MG)


def _rnn_backward(
    plan: LayerPlan, one: Direction, saved: Saved, out_NK: Tensor, grad_output: GradOutput, inputs: int
) -> GateGradients:
    d_NW = _gates(plan, one)
    into_RW = _into(plan, inputs, d_NW)
    arrays = out_NK.numpy(), grad_output, one.back_across
    loops.rnn_backward(*arrays, one.direction, plan.batch, d_NW.numpy(), (into_RW.numpy(), plan.read))
    return _sums(plan, into_RW, d_NW)


def _gru_backward(
    plan: LayerPlan, one: Direction, saved: Saved, out_NK: Tensor, grad_output: GradOutput, inputs: int
) -> GateGradients:
    gates_NW, part_NH = saved
    into_RW = gates_NW.new_zeros(inputs, gates_NW.shape[1])
    arrays = gates_NW.numpy(), part_NH.numpy(), out_NK.numpy(), grad_output, one.back_across
    loops.gru_backward(*arrays, one.direction, plan.batch, (into_RW.numpy(), plan.read))
    return GateGradients(into_RW[:, :-_GAP], gates_NW[: plan.tokens, :-_GAP])


def _lstm_backward(
    plan: LayerPlan, one: Direction, saved: Saved, out_NK: Tensor, grad_output: GradOutput, inputs: int
) -> GateGradients:
    gates_NW, cells_NH = saved
    into_RW = _into(plan, inputs, gates_NW)
    arrays = gates_NW.numpy(), cells_NH.numpy(), grad_output, one.back_across
    loops.lstm_backward(*arrays, one.direction, plan.batch, (into_RW.numpy(), plan.read))
    return _sums(plan, into_RW, gates_NW)


RNN = Loops(_rnn_forward, _rnn_backward)
GRU = Loops(_gru_forward, _gru_backward, one_bias=False)
LSTM = Loops(_lstm_forward, _lstm_backward)
