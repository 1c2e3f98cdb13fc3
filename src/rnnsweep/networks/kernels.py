"""The time loops of the recurrent cells, forward and backward, for the CPU.

PyTorch steps through time in calls of some microseconds each, as long as a small cell's arithmetic takes.
Here all steps of four texts at a time are one loop. The products that span all time steps (of the inputs and
of the weights' gradients) are left to PyTorch; see `recurrent`. Equations as in `equations`.

Texts are read in their own order: step i of a text of n tokens is its token i in the first direction and
n - 1 - i in the second. Nothing is computed for padding; what is written there is left as it was.

An array has a row for each token and direction, (t * B + b) * S + s, and four spare ones behind them: what a
text reads before its first step, and where a text without a step left writes.

Shapes: N rows, B texts, S directions, H units, G = gates * H, in PyTorch's order.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.compiled import compiled
from rnnsweep.networks.maths import sigmoid, tanh

Array = NDArray[Any]
TEXTS = 4  # side by side: as many accumulators as keep the processor's multipliers busy


@compiled
def _add_products(rows: Any, states: Any, weights_HG: Array) -> None:
    """Add states @ weights to four rows."""
    a, b, c, d = rows
    e, f, g, h = states
    units = weights_HG.shape[0]
    whole = units // 4 * 4
    for k in range(0, whole, 4):  # four products for each sum that is read and written
        w, x, y, z = weights_HG[k], weights_HG[k + 1], weights_HG[k + 2], weights_HG[k + 3]
        e0, e1, e2, e3 = e[k], e[k + 1], e[k + 2], e[k + 3]
        f0, f1, f2, f3 = f[k], f[k + 1], f[k + 2], f[k + 3]
        g0, g1, g2, g3 = g[k], g[k + 1], g[k + 2], g[k + 3]
        h0, h1, h2, h3 = h[k], h[k + 1], h[k + 2], h[k + 3]
        for j in range(a.shape[0]):
            a[j] += e0 * w[j] + e1 * x[j] + e2 * y[j] + e3 * z[j]
            b[j] += f0 * w[j] + f1 * x[j] + f2 * y[j] + f3 * z[j]
            c[j] += g0 * w[j] + g1 * x[j] + g2 * y[j] + g3 * z[j]
            d[j] += h0 * w[j] + h1 * x[j] + h2 * y[j] + h3 * z[j]
    for k in range(whole, units):
        w, e0, f0, g0, h0 = weights_HG[k], e[k], f[k], g[k], h[k]
        for j in range(a.shape[0]):
            a[j] += e0 * w[j]
            b[j] += f0 * w[j]
            c[j] += g0 * w[j]
            d[j] += h0 * w[j]


@compiled
def _place(text: int, length: int, step: int, direction: int, texts: int, directions: int, spare: int) -> int:
    """Give the number of a text's row at a step; before its first and after its last step, a spare one's."""
    if step < 0 or step >= length:
        return spare
    token = length - 1 - step if direction else step
    return (token * texts + text) * directions + direction


@compiled
def _places(four: Any, step: int, direction: int, directions: int, rows: int) -> Any:
    """Give the numbers of four texts' rows at a step."""
    b, n, texts, spare = four[0], four[1], four[2], rows - TEXTS
    return (
        _place(b[0], n[0], step, direction, texts, directions, spare),
        _place(b[1], n[1], step, direction, texts, directions, spare + 1),
        _place(b[2], n[2], step, direction, texts, directions, spare + 2),
        _place(b[3], n[3], step, direction, texts, directions, spare + 3),
    )


@compiled
def _four(batch: Any, first: int) -> Any:
    """Give the numbers and lengths of four texts, 0 where there are no more; and how many texts there are.

    `batch` is order_B, the numbers by falling length, and lengths_B.
    """
    order_B, lengths_B = batch
    numbers, lengths = np.zeros(TEXTS, np.int64), np.zeros(TEXTS, np.int64)
    for n in range(min(TEXTS, len(order_B) - first)):
        numbers[n] = order_B[first + n]
        lengths[n] = lengths_B[numbers[n]]
    return numbers, lengths, len(order_B)


@compiled
def _of(values_Nx: Array, at: Any) -> Any:
    return values_Nx[at[0]], values_Nx[at[1]], values_Nx[at[2]], values_Nx[at[3]]


@compiled
def _rnn_step(gates_H: Array, out_H: Array) -> None:
    for j in range(len(out_H)):
        out_H[j] = tanh(gates_H[j])


@compiled
def _gru_step(gates_G: Array, state_G: Array, before_H: Array, given_H: Array, out_H: Array) -> None:
    """Turn the sums into gates (reset, update, candidate), keep the state's part of the candidate."""
    units = len(out_H)
    for j in range(units):
        r = sigmoid(gates_G[j] + state_G[j])
        z = sigmoid(gates_G[units + j] + state_G[units + j])
        given_H[j] = state_G[2 * units + j]
        n = tanh(gates_G[2 * units + j] + r * given_H[j])
        gates_G[j], gates_G[units + j], gates_G[2 * units + j] = r, z, n
        out_H[j] = n - z * n + z * before_H[j]


@compiled
def _lstm_step(gates_G: Array, before_H: Array, cell_H: Array, out_H: Array) -> None:
    """Turn the sums into gates (input, forget, candidate, output), keep the memory, show the state."""
    units = len(out_H)
    for j in range(units):
        i, f = sigmoid(gates_G[j]), sigmoid(gates_G[units + j])
        g, o = tanh(gates_G[2 * units + j]), sigmoid(gates_G[3 * units + j])
        memory = f * before_H[j] + i * g
        gates_G[j], gates_G[units + j], gates_G[2 * units + j], gates_G[3 * units + j] = i, f, g, o
        cell_H[j] = memory
        out_H[j] = o * tanh(memory)


@compiled
def rnn_forward(gates: Array, weights_SHG: Array, batch: Any, out: Array) -> None:
    """Write out_NH from gates_NG, the inputs' part of the sums."""
    directions = len(weights_SHG)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            before = _places(four, -1, s, directions, len(out))
            for step in range(max(four[1])):
                here = _places(four, step, s, directions, len(out))
                _add_products(_of(gates, here), _of(out, before), weights_SHG[s])
                for r in range(TEXTS):
                    if step < four[1][r]:
                        _rnn_step(gates[here[r]], out[here[r]])
                before = here


@compiled
def gru_forward(
    gates: Array, weights_SHG: Array, bias_SG: Array, batch: Any, given: Array, out: Array
) -> None:
    """Turn gates_NG, the inputs' part, into gates; write given_NH and out_NH."""
    directions, sums = len(weights_SHG), np.empty((TEXTS, gates.shape[1]), gates.dtype)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            before = _places(four, -1, s, directions, len(out))
            for step in range(max(four[1])):
                here = _places(four, step, s, directions, len(out))
                sums[:] = bias_SG[s]
                _add_products(_of(sums, (0, 1, 2, 3)), _of(out, before), weights_SHG[s])
                for r in range(TEXTS):
                    if step < four[1][r]:
                        n = here[r]
                        _gru_step(gates[n], sums[r], out[before[r]], given[n], out[n])
                before = here


@compiled
def lstm_forward(gates: Array, weights_SHG: Array, batch: Any, cells: Array, out: Array) -> None:
    """Turn gates_NG, the inputs' part, into gates; write cells_NH and out_NH."""
    directions = len(weights_SHG)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            before = _places(four, -1, s, directions, len(out))
            for step in range(max(four[1])):
                here = _places(four, step, s, directions, len(out))
                _add_products(_of(gates, here), _of(out, before), weights_SHG[s])
                for r in range(TEXTS):
                    if step < four[1][r]:
                        n = here[r]
                        _lstm_step(gates[n], cells[before[r]], cells[n], out[n])
                before = here


@compiled
def _rnn_step_back(out_H: Array, given_H: Array, state_H: Array, d_H: Array) -> None:
    for j in range(len(out_H)):
        d = given_H[j] + state_H[j]
        d_H[j] = d - out_H[j] * out_H[j] * d
        state_H[j] = 0


@compiled
def _gru_step_back(
    gates_G: Array, part_H: Array, before_H: Array, given_H: Array, state_H: Array, d_G: Array, to_G: Array
) -> None:
    """Write the gradients of the inputs' part and of the state's; carry on what goes past the gates."""
    units = len(part_H)
    for j in range(units):
        r, z, n = gates_G[j], gates_G[units + j], gates_G[2 * units + j]
        d = given_H[j] + state_H[j]
        of_n = d - z * d
        of_n -= n * n * of_n
        d_G[j] = to_G[j] = of_n * part_H[j] * (r - r * r)
        d_G[units + j] = to_G[units + j] = d * (before_H[j] - n) * (z - z * z)
        d_G[2 * units + j], to_G[2 * units + j] = of_n, of_n * r
        state_H[j] = z * d


@compiled
def _lstm_step_back(
    gates_G: Array,
    before_H: Array,
    cell_H: Array,
    given_H: Array,
    state_H: Array,
    memory_H: Array,
    d_G: Array,
) -> None:
    """Write the gradient of a step's sums; carry that of the memory on to the step before."""
    units = len(cell_H)
    for j in range(units):
        i, f = gates_G[j], gates_G[units + j]
        g, o = gates_G[2 * units + j], gates_G[3 * units + j]
        t, d = tanh(cell_H[j]), given_H[j] + state_H[j]
        m = memory_H[j] + o * (d - t * t * d)
        d_G[j], d_G[units + j] = g * m * (i - i * i), before_H[j] * m * (f - f * f)
        d_G[2 * units + j], d_G[3 * units + j] = i * (m - g * g * m), t * d * (o - o * o)
        memory_H[j] = f * m
        state_H[j] = 0


@compiled
def rnn_backward(out: Array, given: Array, weights_SGH: Array, batch: Any, d: Array) -> None:
    """Write d_NH, the gradient of the sums, from given_NH, that of the outputs."""
    directions, state = len(weights_SGH), np.zeros((TEXTS, out.shape[1]), out.dtype)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            state[:] = 0
            for step in range(max(four[1]) - 1, -1, -1):
                here = _places(four, step, s, directions, len(d))
                for r in range(TEXTS):
                    if step < four[1][r]:
                        n = here[r]
                        _rnn_step_back(out[n], given[n], state[r], d[n])
                _add_products(_of(state, (0, 1, 2, 3)), _of(d, here), weights_SGH[s])


@compiled
def gru_backward(
    gates: Array, parts: Array, out: Array, given: Array, weights_SGH: Array, batch: Any, d: Array, to: Array
) -> None:
    """Write d_NG, the gradient of the inputs' part of the sums, and to_NG, that of the state's part."""
    directions, state = len(weights_SGH), np.zeros((TEXTS, out.shape[1]), out.dtype)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            state[:] = 0
            for step in range(max(four[1]) - 1, -1, -1):
                here = _places(four, step, s, directions, len(d))
                before = _places(four, step - 1, s, directions, len(d))
                for r in range(TEXTS):
                    if step < four[1][r]:
                        n = here[r]
                        _gru_step_back(gates[n], parts[n], out[before[r]], given[n], state[r], d[n], to[n])
                _add_products(_of(state, (0, 1, 2, 3)), _of(to, here), weights_SGH[s])


@compiled
def lstm_backward(gates: Array, cells: Array, given: Array, weights_SGH: Array, batch: Any, d: Array) -> None:
    """Write d_NG, the gradient of the sums, from given_NH, that of the outputs."""
    directions, state = len(weights_SGH), np.zeros((TEXTS, cells.shape[1]), cells.dtype)
    memory = np.zeros_like(state)
    for s in range(directions):
        for first in range(0, len(batch[0]), TEXTS):
            four = _four(batch, first)
            state[:] = memory[:] = 0
            for step in range(max(four[1]) - 1, -1, -1):
                here = _places(four, step, s, directions, len(d))
                before = _places(four, step - 1, s, directions, len(d))
                for r in range(TEXTS):
                    if step < four[1][r]:
                        n, b = here[r], before[r]
                        _lstm_step_back(gates[n], cells[b], cells[n], given[n], state[r], memory[r], d[n])
                _add_products(_of(state, (0, 1, 2, 3)), _of(d, here), weights_SGH[s])
