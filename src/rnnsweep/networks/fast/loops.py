"""The time loops of the recurrent cells, forward and backward, for the CPU.

PyTorch steps through time in calls of some microseconds each, as long as a small cell's arithmetic takes.
Here all steps of four texts at a time are one loop, for one direction. The products that span all time steps
(of the inputs and of the weights' gradients) are left to PyTorch: see `cells` and `recurrent`. What a step
does to each number is in `steps`, where rows lie in `rows`. Nothing is computed for padding.

Arguments: `direction` is its number, `read` has the inputs' products and which row of them each token reads
(none: its own), the bias is added to them (a GRU has another one for the state's products), `grad_output`
has the outputs' gradients and whose they are, `into` the gradients of the inputs' sums and the rows again,
`batch` has order_B, the texts' numbers by falling length, and lengths_B. The recurrent weights may have more
columns, of zeros, than there are numbers.

Shapes: M tokens, N = M rows of tokens and spare ones, B texts, H units, G = gates * H, R rows of distinct
inputs or of tokens, W a row's numbers (G or more), K the units of all directions side by side.
"""

from typing import Any

from numpy.typing import NDArray

from rnnsweep.networks.fast.rows import (
    FOUR,
    TEXTS,
    add_products,
    add_row,
    clear_padding,
    four_texts,
    grad_row,
    last_four_texts,
    read_sums,
    room_for_four,
    rows_at,
    rows_of,
    two_rows,
    zeros,
)
from rnnsweep.networks.fast.steps import (
    gru_step,
    gru_step_back,
    lstm_step,
    lstm_step_back,
    rnn_step,
    rnn_step_back,
)
from rnnsweep.runtime.compiled import compiled, copy_row

Array = NDArray[Any]


@compiled
def rnn_forward(read: Any, weights_HG: Array, bias_G: Array, direction: int, batch: Any, out: Array) -> None:
    """Compute all steps of an RNN.

    Args:
        read: the inputs' products, and the row of them that each token reads (none: its own).
        weights_HG: recurrent weights.
        bias_G: of the sums.
        direction: 0 forwards, 1 backwards.
        batch: order_B, the texts' numbers by falling length, and lengths_B.
        out: out_NK, is written: the states.
    """
    units, wide = weights_HG.shape
    own = direction * units, (direction + 1) * units
    room, sums = room_for_four(), zeros(wide, out)
    for first in range(0, len(batch[0]), TEXTS):
        four = four_texts(batch, first, room)
        before = rows_at(four, -1, direction, len(out))
        for step in range(four[1][0]):
            here = rows_at(four, step, direction, len(out))
            for r in range(TEXTS):
                if step < four[1][r]:
                    read_sums(read, here[r], bias_G, sums[r])
            if step:
                add_products(rows_of(sums, FOUR, (0, wide)), rows_of(out, before, own), weights_HG)
            for r in range(TEXTS):
                if step < four[1][r]:
                    rnn_step(sums[r], out[here[r], own[0] : own[1]])
            before = here


@compiled
def gru_forward(
    read: Any,
    weights_HG: Array,
    biases: Any,
    direction: int,
    batch: Any,
    gates: Array,
    parts: Array,
    out: Array,
) -> None:
    """Compute all steps of a GRU; other arguments as of `rnn_forward`.

    Args:
        read: the inputs' products.
        weights_HG: recurrent weights.
        biases: of the inputs' and of the state's sums.
        direction: 0 forwards, 1 backwards.
        batch: order and lengths of the texts.
        gates: gates_NW, is written; with eight rows alone, no step is kept but the last two.
        parts: parts_NH, is written: the state's part of the candidate; as many rows.
        out: out_NK, is written: the states.
    """
    units, wide = weights_HG.shape
    width = len(biases[0])
    own = direction * units, (direction + 1) * units
    room, sums, state = room_for_four(), zeros(width, out), zeros(wide, out)
    for first in range(0, len(batch[0]), TEXTS):
        four = four_texts(batch, first, room)
        before = rows_at(four, -1, direction, len(out))
        for step in range(four[1][0]):
            here = rows_at(four, step, direction, len(out))
            for r in range(TEXTS):
                copy_row(biases[1], state[r])
            if step:
                add_products(rows_of(state, FOUR, (0, wide)), rows_of(out, before, own), weights_HG)
            for r in range(TEXTS):
                if step < four[1][r]:
                    n = here[r]
                    read_sums(read, n, biases[0], sums[r])
                    row = n if len(gates) == len(out) else r
                    gates_G, part_H = gates[row, :width], parts[row]
                    before_H, out_H = out[before[r], own[0] : own[1]], out[n, own[0] : own[1]]
                    gru_step(sums[r], state[r], before_H, gates_G, part_H, out_H)
            before = here


@compiled
def lstm_forward(
    read: Any,
    weights_HG: Array,
    bias_G: Array,
    direction: int,
    batch: Any,
    gates: Array,
    cells: Array,
    out: Array,
) -> None:
    """Compute all steps of an LSTM; other arguments as of `rnn_forward`.

    Args:
        read: the inputs' products.
        weights_HG: recurrent weights.
        bias_G: of the sums.
        direction: 0 forwards, 1 backwards.
        batch: order and lengths of the texts.
        gates: gates_NW, is written; with eight rows alone, no step is kept but the last two.
        cells: cells_NH, is written: the memory; as many rows.
        out: out_NK, is written: the states.
    """
    units, wide = weights_HG.shape
    width = len(bias_G)
    own = direction * units, (direction + 1) * units
    room, sums, keeps = room_for_four(), zeros(wide, out), len(cells) == len(out)
    for first in range(0, len(batch[0]), TEXTS):
        four = four_texts(batch, first, room)
        before = rows_at(four, -1, direction, len(out))
        cells[len(cells) - TEXTS :] = 0  # before a text's first step
        for step in range(four[1][0]):
            here = rows_at(four, step, direction, len(out))
            for r in range(TEXTS):
                if step < four[1][r]:
                    read_sums(read, here[r], bias_G, sums[r])
            if step:
                add_products(rows_of(sums, FOUR, (0, wide)), rows_of(out, before, own), weights_HG)
            for r in range(TEXTS):
                if step < four[1][r]:
                    n = here[r]
                    row, last = (n, before[r]) if keeps else two_rows(step, r)
                    gates_G, out_H = gates[row, :width], out[n, own[0] : own[1]]
                    before_H, cell_H = cells[last], cells[row]
                    lstm_step(sums[r], before_H, gates_G, cell_H, out_H)
            before = here


@compiled
def rnn_backward(
    out: Array, grad_output: Any, weights_GH: Array, direction: int, batch: Any, d: Array, into: Any
) -> None:
    """Compute the gradient of all steps of an RNN.

    Args:
        out: out_NK, the states.
        grad_output: the outputs' gradients and whose they are, see `grad_row`.
        weights_GH: recurrent weights.
        direction: 0 forwards, 1 backwards.
        batch: order and lengths of the texts.
        d: d_NW, is written: gradient of the sums.
        into: gradient of the distinct inputs' sums, is added to, and the row of each token (none: nothing).
    """
    units, wide = weights_GH.shape
    own = direction * units, (direction + 1) * units
    into_RW, places_N = into
    room, state = room_for_four(), zeros(wide, out)
    for first in range(last_four_texts(batch), -1, -TEXTS):
        four = four_texts(batch, first, room)
        state[:] = 0
        for step in range(four[1][0] - 1, -1, -1):
            here = rows_at(four, step, direction, len(d))
            for r in range(TEXTS):
                if step < four[1][r]:
                    n, source = here[r], grad_row(grad_output, here[r], four, r, step)
                    d_H, grad_H = d[n, :units], grad_output[0][source, own[0] : own[1]]
                    rnn_step_back(out[n, own[0] : own[1]], grad_H, state[r], d_H)
                    if len(places_N):
                        add_row(d_H, into_RW[places_N[n], :units])
            if step:
                add_products(rows_of(state, FOUR, (0, wide)), rows_of(d, here, (0, units)), weights_GH)
        clear_padding(d, four, units)


@compiled
def gru_backward(
    gates: Array,
    parts: Array,
    out: Array,
    grad_output: Any,
    weights_GH: Array,
    direction: int,
    batch: Any,
    into: Any,
) -> None:
    """Compute the gradient of all steps of a GRU; other arguments as of `rnn_backward`.

    Args:
        gates: gates_NW; replaced by the gradient of the state's sums.
        parts: parts_NH, the state's part of the candidate; overwritten.
        out: out_NK, the states.
        grad_output: the outputs' gradients and whose they are.
        weights_GH: recurrent weights.
        direction: 0 forwards, 1 backwards.
        batch: order and lengths of the texts.
        into: gradient of the inputs' sums, is added to, and the row of each token (none: its own).
    """
    width, wide = weights_GH.shape
    units = parts.shape[1]
    own = direction * units, (direction + 1) * units
    into_RW, places_N = into
    room, state = room_for_four(), zeros(wide, out)
    for first in range(last_four_texts(batch), -1, -TEXTS):
        four = four_texts(batch, first, room)
        state[:] = 0
        for step in range(four[1][0] - 1, -1, -1):
            here = rows_at(four, step, direction, len(out))
            before = rows_at(four, step - 1, direction, len(out))
            for r in range(TEXTS):
                if step < four[1][r]:
                    n, source = here[r], grad_row(grad_output, here[r], four, r, step)
                    d_G, part_H = gates[n, :width], parts[n]
                    before_H = out[before[r], own[0] : own[1]]
                    grad_H = grad_output[0][source, own[0] : own[1]]
                    gru_step_back(d_G, part_H, before_H, grad_H, state[r])
                    row = places_N[n] if len(places_N) else n
                    add_row(d_G[: 2 * units], into_RW[row, : 2 * units])
                    add_row(part_H, into_RW[row, 2 * units : width])
            if step:
                add_products(rows_of(state, FOUR, (0, wide)), rows_of(gates, here, (0, width)), weights_GH)
        clear_padding(gates, four, width)


@compiled
def lstm_backward(
    gates: Array, cells: Array, grad_output: Any, weights_GH: Array, direction: int, batch: Any, into: Any
) -> None:
    """Compute the gradient of all steps of an LSTM; other arguments as of `rnn_backward`.

    Args:
        gates: gates_NW; replaced by the gradient of the sums.
        cells: cells_NH, the memory.
        grad_output: the outputs' gradients and whose they are.
        weights_GH: recurrent weights.
        direction: 0 forwards, 1 backwards.
        batch: order and lengths of the texts.
        into: gradient of the distinct inputs' sums, is added to, and the row of each token (none: nothing).
    """
    width, wide = weights_GH.shape
    units = cells.shape[1]
    own = direction * units, (direction + 1) * units
    into_RW, places_N = into
    room, state = room_for_four(), zeros(wide, cells)
    memory = zeros(units, cells)
    for first in range(last_four_texts(batch), -1, -TEXTS):
        four = four_texts(batch, first, room)
        state[:] = memory[:] = 0
        for step in range(four[1][0] - 1, -1, -1):
            here = rows_at(four, step, direction, len(cells))
            before = rows_at(four, step - 1, direction, len(cells))
            for r in range(TEXTS):
                if step < four[1][r]:
                    n, source = here[r], grad_row(grad_output, here[r], four, r, step)
                    d_G, grad_H = gates[n, :width], grad_output[0][source, own[0] : own[1]]
                    before_H, cell_H = cells[before[r]], cells[n]
                    lstm_step_back(d_G, before_H, cell_H, grad_H, state[r], memory[r])
                    if len(places_N):
                        add_row(d_G, into_RW[places_N[n], :width])
            if step:
                add_products(rows_of(state, FOUR, (0, wide)), rows_of(gates, here, (0, width)), weights_GH)
        clear_padding(gates, four, width)
