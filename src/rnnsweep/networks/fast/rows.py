"""Where four texts' rows lie in the arrays of `loops`, and what is done to whole rows there.

A call is for one direction. Texts are read in their own order: step i of a text of n tokens is its token i
in the first direction and n - 1 - i in the second.

An array has a row for each token, t * B + b, and four spare ones behind them, which stay zero: what a text
reads before its first step and after its last one. A row may be wider than what it holds, and in that of the
outputs the directions lie side by side.

Shapes: N rows of tokens and spare ones, B texts, H units, G = gates * H, W numbers of a row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.runtime.compiled import inlined

Array = NDArray[Any]
EVERY, LAST, MEAN = 0, 1, 2  # what of a layer's outputs is read: see `grad_row`
TEXTS = 4  # side by side: as many accumulators as keep the processor's multipliers busy
FOUR = 0, 1, 2, 3  # the rows of an array of four


@inlined
def add_products(rows: Any, states: Any, weights_HG: Array) -> None:
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


@inlined
def _row(text: int, length: int, step: int, direction: int, texts: int, spare: int) -> int:
    """Return the number of a text's row at a step; outside of the text, that of a spare row."""
    if step < 0 or step >= length:
        return spare
    token = length - 1 - step if direction else step
    return token * texts + text


@inlined
def rows_at(four: Any, step: int, direction: int, rows: int) -> Any:
    """Return the numbers of four texts' rows at a step.

    Args:
        four: numbers and lengths of the four texts, how many texts there are.
        step: outside of a text, its row is a spare one.
        direction: 0 reads forwards, 1 backwards.
        rows: of the array, spare ones among them.
    """
    b, n, texts, spare = four[0], four[1], four[2], rows - TEXTS
    return (
        _row(b[0], n[0], step, direction, texts, spare),
        _row(b[1], n[1], step, direction, texts, spare + 1),
        _row(b[2], n[2], step, direction, texts, spare + 2),
        _row(b[3], n[3], step, direction, texts, spare + 3),
    )


@inlined
def two_rows(step: int, r: int) -> Any:
    """Return one of four texts' rows of a step and of the one before it, where two steps have rows."""
    return step % 2 * TEXTS + r, (step + 1) % 2 * TEXTS + r


@inlined
def room_for_four() -> Any:
    """Return two arrays for `four_texts`."""
    return np.empty(TEXTS, np.int64), np.empty(TEXTS, np.int64)


@inlined
def four_texts(batch: Any, first: int, room: Any) -> Any:
    """Return the numbers and lengths of four texts, 0 where there are no more, and the number of texts.

    Their lengths fall: the first is the longest.
    """
    order_B, lengths_B = batch
    numbers, lengths = room
    for n in range(TEXTS):
        numbers[n] = lengths[n] = 0
        if first + n < len(order_B):
            numbers[n] = order_B[first + n]
            lengths[n] = lengths_B[numbers[n]]
    return numbers, lengths, len(order_B)


@inlined
def zeros(numbers: int, like: Array) -> Array:
    """Return four rows of zeros in the precision of an array; `np.zeros` takes longer to compile."""
    made = np.empty((TEXTS, numbers), like.dtype)
    made[:] = 0
    return made


@inlined
def last_four_texts(batch: Any) -> int:
    """Return where the last four texts begin: the first ones backward, as the cache has their rows still."""
    return (len(batch[0]) - 1) // TEXTS * TEXTS


@inlined
def rows_of(values_NW: Array, at: Any, columns: Any) -> Any:
    """Return some columns of four rows."""
    first, last = columns
    return (
        values_NW[at[0], first:last],
        values_NW[at[1], first:last],
        values_NW[at[2], first:last],
        values_NW[at[3], first:last],
    )


@inlined
def grad_row(grad_output: Any, row: int, four: Any, r: int, step: int) -> int:
    """Return the number of the row that has the gradient of a token's output.

    Args:
        grad_output: the gradients and whose they are: of every token, of the last states alone, or of the
            outputs' means, the same for every token of a text. Last states and means have a row for each
            text, and last states then one of zeros.
        row: of the token.
        four: numbers and lengths of the four texts.
        r: which of the four.
        step: of the text.
    """
    values, which = grad_output
    if which == EVERY:
        return row
    return four[0][r] if which == MEAN or step == four[1][r] - 1 else len(values) - 1


@inlined
def read_sums(read: Any, row: int, bias_G: Array, sums_G: Array) -> None:
    """Copy the inputs' part of a token's sums and add the bias to it.

    Args:
        read: part_RW, and the row of it that each token reads; none: its own.
        row: of the token.
        bias_G: of the gates.
        sums_G: is written.
    """
    part_RW, places_N = read
    part_W = part_RW[places_N[row] if len(places_N) else row]
    for j in range(len(bias_G)):
        sums_G[j] = part_W[j] + bias_G[j]


@inlined
def add_row(values_x: Array, into_x: Array) -> None:
    """Add a row to another."""
    for j in range(len(values_x)):
        into_x[j] += values_x[j]


@inlined
def clear_padding(values_NW: Array, four: Any, width: int) -> None:
    """Write zeros where four texts have padding."""
    texts = four[2]
    steps = (len(values_NW) - TEXTS) // texts
    for r in range(TEXTS):
        if four[1][r]:
            for token in range(four[1][r], steps):
                row_W = values_NW[token * texts + four[0][r]]
                for j in range(width):
                    row_W[j] = 0
