"""The optimiser's arithmetic and the embedding's rows as compiled loops, for the CPU; see also `row_loops`.

A step of a small network touches some hundred rows and some thousand weights: as PyTorch or NumPy calls it
is thirty of them, each dearer than its arithmetic. Numbers are given in the precision of the arrays.

Shapes: N tokens or numbers, V rows of a table, U touched rows, D numbers a row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.runtime.compiled import compiled, copy_row, inlined

Array = NDArray[Any]
LINE = 16  # numbers of single precision that come into the cache together
AT_ONCE = 128  # rows that are fetched before they are read or written
LANES = 64  # sums of squares side by side
FACTORS = 7  # of what a row was not part of, see `_work_out`


@inlined
def _fetch(rows_U: Array, table_VD: Array) -> float:
    """Read a number of each cache line of some rows; what it gives means nothing.

    The processor then waits for many of them at once: a table lies in no cache, and who copies or writes
    rows would wait for one after the other.
    """
    seen = 0.0
    for u in range(len(rows_U)):
        row = rows_U[u]
        for d in range(0, table_VD.shape[1], LINE):
            seen += table_VD[row, d]
    return seen


@inlined
def _shrink(values_D: Array, factor: Any) -> None:
    for d in range(len(values_D)):
        values_D[d] *= factor


@compiled
def write_rows(rows_U: Array, values_UD: Array, table_VD: Array) -> float:
    """Put rows into their places of a table; what it gives means nothing."""
    seen = _fetch(rows_U, table_VD)
    for u in range(len(rows_U)):
        copy_row(values_UD[u], table_VD[rows_U[u]])
    return seen


@compiled
def sum_of_squares(values_N: Array) -> float:
    """Add the squares up in double precision, many sums side by side: fewer wait for one another."""
    sums, total = np.empty(LANES), 0.0
    sums[:] = 0
    whole = len(values_N) // LANES * LANES
    for n in range(0, whole, LANES):
        for lane in range(LANES):
            sums[lane] += np.float64(values_N[n + lane]) * values_N[n + lane]
    for n in range(whole, len(values_N)):
        sums[0] += np.float64(values_N[n]) * values_N[n]
    for lane in range(LANES):
        total += sums[lane]
    return total


@inlined
def _as_numbers(numbers: Array, like: Array) -> Any:
    """Return what `adam` reads, in the precision of an array."""
    number = like.dtype.type
    return (
        (number(numbers[0]), number(numbers[1]), number(numbers[2])),
        (number(numbers[3]), number(numbers[4]), number(numbers[5]), number(numbers[6])),
        (number(numbers[7]), number(numbers[8]), number(numbers[9])),
    )


@inlined
def _moved(weight: Any, mean: Any, square: Any, gradient: Any, numbers: Any) -> Any:
    """Return a weight, its mean and its square after a step."""
    (scale, keep, decay), (beta1, rest1, beta2, rest2), (rate, root, eps) = numbers
    gradient = scale * gradient + decay * weight
    mean = beta1 * mean + rest1 * gradient
    square = beta2 * square + rest2 * gradient * gradient
    return keep * weight - rate * mean / (np.sqrt(square) * root + eps), mean, square


@compiled
def adam(weights_N: Array, mean_N: Array, square_N: Array, gradient_N: Array, numbers: Array) -> None:
    """Take a step of torch.optim.Adam or AdamW in place.

    In the precision of the weights, a rate past all its numbers makes weights infinite, which training calls
    diverged.

    Args:
        weights_N: are changed.
        mean_N: of the gradients; changed.
        square_N: mean of the gradients' squares; changed.
        gradient_N: of the weights.
        numbers: factor on the gradient, what is kept of the weights, weight decay in the gradient, beta1, 1 -
            beta1, beta2, 1 - beta2, step size, factor on the root of the square, eps.
    """
    made = _as_numbers(numbers, weights_N)
    for n in range(len(weights_N)):
        moved = _moved(weights_N[n], mean_N[n], square_N[n], gradient_N[n], made)
        weights_N[n], mean_N[n], square_N[n] = moved


@inlined
def _step_row(table: Any, row: int, read_D: Array, shrink_2: Array, gradient_D: Array, made: Any) -> None:
    weights_D, mean_D, square_D = table[0][row], table[1][row], table[2][row]
    shrink1, shrink2 = shrink_2[0], shrink_2[1]
    for d in range(len(read_D)):
        moved = _moved(read_D[d], mean_D[d] * shrink1, square_D[d] * shrink2, gradient_D[d], made)
        weights_D[d], mean_D[d], square_D[d] = moved


@compiled
def step_adam_rows(places: Any, table: Any, read: Any, gradient_UD: Array, numbers: Array, now: int) -> float:
    """Apply a step to rows that `read_adam_rows` gave, in the table.

    Args:
        places: the rows' numbers, the step of each row's last touch and whether it was touched, which are
            set.
        table: weights, means and squares, VD.
        read: as `read_adam_rows` wrote it.
        gradient_UD: of the rows.
        numbers: as for `adam`.
        now: number of the step.

    Returns:
        A number without a meaning, so that the rows are fetched.
    """
    rows_U, last_V, touched_V = places
    weights_UD, shrink_U2 = read
    made = _as_numbers(numbers, weights_UD)
    seen = 0.0
    for first in range(0, len(rows_U), AT_ONCE):
        some = rows_U[first : first + AT_ONCE]
        seen += _fetch(some, table[0]) + _fetch(some, table[1]) + _fetch(some, table[2])
        for u in range(first, first + len(some)):
            row = rows_U[u]
            _step_row(table, row, weights_UD[u], shrink_U2[u], gradient_UD[u], made)
            last_V[row], touched_V[row] = now, True
    return seen


@compiled
def push_step(
    moments_KS: Array, logarithm_S: Array, powers_KW: Array, gains_K: Array, now: int, decay: float
) -> None:
    """Add a step to what was skipped since each earlier one; see `skipped.Skipped.push`.

    Args:
        moments_KS: are added to.
        logarithm_S: of the decay up to each step.
        powers_KW: of the ratios of the moments.
        gains_K: what the step adds to each moment.
        now: number of the step.
        decay: factor of the step on the weights.
    """
    window = powers_KW.shape[1]
    logarithm_S[now] = logarithm_S[now - 1] + np.log(decay)
    first = now - window if now > window else 0
    for s in range(first, now):
        factor = 1.0 if decay == 1.0 else np.exp(logarithm_S[s] - logarithm_S[now])
        for k in range(len(gains_K)):
            moments_KS[k, s] += gains_K[k] * powers_KW[k, window + s - now] * factor


@inlined
def _two_points(total: float, first: float, second: float, third: float) -> Any:
    """Return two weights and nodes with these moments, as `skipped.quadrature`."""
    if not total > 0:
        return 0.0, 0.0, 1.0, 1.0
    mean, second, third = first / total, second / total, third / total
    variance = second - mean * mean
    if not variance > 1e-9 * mean * mean:
        return 0.5 * total, 0.5 * total, mean, mean
    skew = (third - 3 * mean * variance - mean * mean * mean) / (2 * variance)
    half = np.sqrt(skew * skew + variance)
    share = (half - skew) / (2 * half)
    return share * total, (1 - share) * total, mean + skew + half, mean + skew - half


@inlined
def _work_out(last: int, now: int, sums: Any, betas: Any, eps: float, factors_F: Array) -> None:
    """Write what the steps after `last` do to a row: two weights, two nodes, what is kept of the row's
    weights, of its means and of its squares."""
    moments_KS, logarithm_S = sums
    gap, keep = now - last, np.exp(logarithm_S[now] - logarithm_S[last])
    m = moments_KS[:, last]
    one, two, near, far = _two_points(m[0] * keep, m[1] * keep, m[2] * keep, m[3] * keep)
    factors_F[0], factors_F[1], factors_F[2], factors_F[3] = one, two, eps * near, eps * far
    factors_F[4], factors_F[5], factors_F[6] = keep, betas[0] ** gap, betas[1] ** gap


@inlined
def _make_up(table: Any, row: int, factors_F: Array, into_D: Array) -> None:
    """Write the weights of a row of the table with the steps that it was not part of made up for."""
    one, two, near, far, keep = factors_F[0], factors_F[1], factors_F[2], factors_F[3], factors_F[4]
    weights_D, mean_D, square_D = table[0][row], table[1][row], table[2][row]
    for d in range(len(into_D)):
        root, mean = np.sqrt(square_D[d]), mean_D[d]
        moved = weights_D[d] * keep - mean * one / (root + near)
        into_D[d] = moved - mean * two / (root + far)


@compiled
def read_adam_rows(
    rows_U: Array, table: Any, read: Any, last_V: Array, now: int, sums: Any, betas: Any, eps: float
) -> float:
    """Copy rows' weights, with the steps that each row was not part of made up for.

    Args:
        rows_U: numbers of the rows.
        table: weights, means and squares, VD.
        read: is written: weights_UD, and shrink_U2, what is to be kept of a row's means and squares.
        last_V: step of each row's last touch.
        now: number of the step.
        sums: as `skipped.Skipped` keeps them.
        betas: decay of the mean and of the square.
        eps: added to the root of the square.

    Returns:
        A number without a meaning, so that the rows are fetched.
    """
    weights_UD, shrink_U2 = read
    known_S, factors_SF = np.empty(now, np.bool_), np.empty((now, FACTORS), weights_UD.dtype)
    known_S[:] = False
    seen = 0.0
    for first in range(0, len(rows_U), AT_ONCE):
        some = rows_U[first : first + AT_ONCE]
        seen += _fetch(some, table[0]) + _fetch(some, table[1]) + _fetch(some, table[2])
        for u in range(first, first + len(some)):
            row, last = rows_U[u], last_V[rows_U[u]]
            if last == now:
                copy_row(table[0][row], weights_UD[u])
                shrink_U2[u] = 1
                continue
            if not known_S[last]:  # many rows were touched last at the same step
                _work_out(last, now, sums, betas, eps, factors_SF[last])
                known_S[last] = True
            _make_up(table, row, factors_SF[last], weights_UD[u])
            shrink_U2[u, 0], shrink_U2[u, 1] = factors_SF[last, 5], factors_SF[last, 6]
    return seen


@compiled
def level_adam_rows(
    rows_U: Array, table: Any, last_V: Array, now: int, sums: Any, betas: Any, eps: float
) -> None:
    """Make up, in the table, for the steps that rows were not part of: some at least.

    Args:
        rows_U: numbers of the rows.
        table: weights, means and squares, VD; changed.
        last_V: step of each row's last touch; set.
        now: number of the step.
        sums: as `skipped.Skipped` keeps them.
        betas: decay of the mean and of the square.
        eps: added to the root of the square.
    """
    weights_D, factors_F = np.empty(table[0].shape[1], table[0].dtype), np.empty(FACTORS, table[0].dtype)
    for u in range(len(rows_U)):
        row = rows_U[u]
        _work_out(last_V[row], now, sums, betas, eps, factors_F)
        _make_up(table, row, factors_F, weights_D)
        copy_row(weights_D, table[0][row])
        _shrink(table[1][row], factors_F[5])
        _shrink(table[2][row], factors_F[6])
        last_V[row] = now
