"""One step of one text through a recurrent cell, forward and backward, number by number: for `loops`.

Equations as in `equations`. Shapes: H units, G = gates * H, in PyTorch's order.
"""

from typing import Any

from numpy.typing import NDArray

from rnnsweep.networks.fast.activations import sigmoid, tanh
from rnnsweep.runtime.compiled import inlined

Array = NDArray[Any]


@inlined
def rnn_step(sums_H: Array, out_H: Array) -> None:
    """Turn the sums into the state."""
    for j in range(len(out_H)):
        out_H[j] = tanh(sums_H[j])


@inlined
def gru_step(
    sums_G: Array, state_G: Array, before_H: Array, gates_G: Array, given_H: Array, out_H: Array
) -> None:
    """Compute a step of a GRU.

    Args:
        sums_G: inputs' part of the sums, with the bias.
        state_G: state's part of the sums, with its bias.
        before_H: state before the step.
        gates_G: is written: reset, update, candidate.
        given_H: is written: the state's part of the candidate.
        out_H: is written: the state.
    """
    units = len(out_H)
    for j in range(units):
        r = sigmoid(sums_G[j] + state_G[j])
        z = sigmoid(sums_G[units + j] + state_G[units + j])
        given_H[j] = state_G[2 * units + j]
        n = tanh(sums_G[2 * units + j] + r * given_H[j])
        gates_G[j], gates_G[units + j], gates_G[2 * units + j] = r, z, n
        out_H[j] = n - z * n + z * before_H[j]


@inlined
def lstm_step(sums_G: Array, before_H: Array, gates_G: Array, cell_H: Array, out_H: Array) -> None:
    """Compute a step of an LSTM.

    Args:
        sums_G: of inputs, state and bias.
        before_H: memory before the step.
        gates_G: is written: input, forget, candidate, output.
        cell_H: is written: the memory.
        out_H: is written: the state.
    """
    units = len(out_H)
    for j in range(units):
        i, f = sigmoid(sums_G[j]), sigmoid(sums_G[units + j])
        g, o = tanh(sums_G[2 * units + j]), sigmoid(sums_G[3 * units + j])
        memory = f * before_H[j] + i * g
        gates_G[j], gates_G[units + j], gates_G[2 * units + j], gates_G[3 * units + j] = i, f, g, o
        cell_H[j] = memory
        out_H[j] = o * tanh(memory)


@inlined
def rnn_step_back(out_H: Array, given_H: Array, state_H: Array, d_H: Array) -> None:
    """Compute the gradient of an RNN's step.

    Args:
        out_H: the state.
        given_H: gradient of the output.
        state_H: gradient from the next step; set to zero.
        d_H: is written: gradient of the sums.
    """
    for j in range(len(out_H)):
        d = given_H[j] + state_H[j]
        d_H[j] = d - out_H[j] * out_H[j] * d
        state_H[j] = 0


@inlined
def gru_step_back(gates_G: Array, part_H: Array, before_H: Array, given_H: Array, state_H: Array) -> None:
    """Compute the gradient of a GRU's step.

    Args:
        gates_G: reset, update, candidate; replaced by the gradient of the state's sums.
        part_H: the state's part of the candidate; replaced by the gradient of the inputs' part.
        before_H: state before the step.
        given_H: gradient of the output.
        state_H: gradient from the next step; replaced by what goes past the gates to the step before.
    """
    units = len(part_H)
    for j in range(units):
        r, z, n = gates_G[j], gates_G[units + j], gates_G[2 * units + j]
        d = given_H[j] + state_H[j]
        of_n = d - z * d
        of_n -= n * n * of_n
        gates_G[j] = of_n * part_H[j] * (r - r * r)
        gates_G[units + j] = d * (before_H[j] - n) * (z - z * z)
        gates_G[2 * units + j] = of_n * r
        part_H[j] = of_n
        state_H[j] = z * d


@inlined
def lstm_step_back(
    gates_G: Array, before_H: Array, cell_H: Array, given_H: Array, state_H: Array, memory_H: Array
) -> None:
    """Compute the gradient of an LSTM's step.

    Args:
        gates_G: input, forget, candidate, output; replaced by the gradient of the sums.
        before_H: memory before the step.
        cell_H: memory after it.
        given_H: gradient of the output.
        state_H: gradient from the next step; set to zero.
        memory_H: gradient of the memory from the next step; replaced by that for the step before.
    """
    units = len(cell_H)
    for j in range(units):
        i, f = gates_G[j], gates_G[units + j]
        g, o = gates_G[2 * units + j], gates_G[3 * units + j]
        t, d = tanh(cell_H[j]), given_H[j] + state_H[j]
        m = memory_H[j] + o * (d - t * t * d)
        gates_G[j], gates_G[units + j] = g * m * (i - i * i), before_H[j] * m * (f - f * f)
        gates_G[2 * units + j], gates_G[3 * units + j] = i * (m - g * g * m), t * d * (o - o * o)
        memory_H[j] = f * m
        state_H[j] = 0
