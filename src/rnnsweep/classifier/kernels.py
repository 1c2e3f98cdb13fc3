"""The optimiser's arithmetic and the embedding's rows as compiled loops, for the CPU.

A step of a small network touches some hundred rows and some thousand weights: as PyTorch or NumPy calls it
is thirty of them, each dearer than its arithmetic. Numbers are given in the precision of the arrays.

Shapes: N tokens or numbers, V rows of a table, U touched rows, D numbers a row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.compiled import compiled, inlined

Array = NDArray[Any]
LINE = 16  # numbers of single precision that come into the cache together
AT_ONCE = 128  # rows that are fetched before they are read or written


@compiled
def find_distinct(tokens_N: Array, place_V: Array, ids_N: Array, places_N: Array) -> int:
    """Write the distinct ids in the order in which they first come, and each token's place; give their count.

    What `place_V` says of ids that are not among those found is left over from before, and means nothing.
    """
    count = 0
    for n in range(len(tokens_N)):
        token = tokens_N[n]
        place = place_V[token]
        if place >= count or ids_N[place] != token:
            place = place_V[token] = count
            ids_N[count] = token
            count += 1
        places_N[n] = place
    return count


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
def _copy(values_D: Array, into_D: Array) -> None:
    for d in range(len(values_D)):
        into_D[d] = values_D[d]


@compiled
def write_rows(rows_U: Array, values_UD: Array, table_VD: Array) -> float:
    """Put rows into their places of a table; what it gives means nothing."""
    seen = _fetch(rows_U, table_VD)
    for u in range(len(rows_U)):
        table_VD[rows_U[u]] = values_UD[u]
    return seen


@compiled
def sum_of_squares(values_N: Array) -> float:
    """Add the squares up in double precision, eight sums side by side."""
    sums = np.zeros(8)
    whole = len(values_N) // 8 * 8
    for n in range(0, whole, 8):
        for lane in range(8):
            sums[lane] += np.float64(values_N[n + lane]) * values_N[n + lane]
    for n in range(whole, len(values_N)):
        sums[0] += np.float64(values_N[n]) * values_N[n]
    return float(sums.sum())


@compiled
def adam(weights_N: Array, mean_N: Array, square_N: Array, gradient_N: Array, numbers: Array) -> None:
    """Do a step of torch.optim.Adam or AdamW in place.

    `numbers`: the factor on the gradient, what is kept of the weights, weight decay in the gradient, beta1,
    1 - beta1, beta2, 1 - beta2, step size, factor on the root of the square, eps. In the precision of the
    weights, a rate past all its numbers makes weights infinite, which training calls diverged.
    """
    number = weights_N.dtype.type
    scale, keep, decay = number(numbers[0]), number(numbers[1]), number(numbers[2])
    beta1, rest1, beta2 = number(numbers[3]), number(numbers[4]), number(numbers[5])
    rest2, rate, root, eps = number(numbers[6]), number(numbers[7]), number(numbers[8]), number(numbers[9])
    for n in range(len(weights_N)):
        weight = weights_N[n]
        gradient = scale * gradient_N[n] + decay * weight
        mean_N[n] = beta1 * mean_N[n] + rest1 * gradient
        square_N[n] = beta2 * square_N[n] + rest2 * gradient * gradient
        weights_N[n] = keep * weight - rate * mean_N[n] / (np.sqrt(square_N[n]) * root + eps)


@compiled
def step_adam_rows(
    places: Any, table: Any, values: Any, gradient_UD: Array, numbers: Array, now: int
) -> float:
    """Do a step to rows that `read_adam_rows` gave, and put them into the table; what it gives means nothing.

    `places`: the rows' numbers, the step of each row's last touch and whether it was touched, which are set.
    """
    rows_U, last_V, touched_V = places
    seen = 0.0
    for first in range(0, len(rows_U), AT_ONCE):
        some = rows_U[first : first + AT_ONCE]
        seen += _fetch(some, table[0]) + _fetch(some, table[1]) + _fetch(some, table[2])
        for u in range(first, first + len(some)):
            row = rows_U[u]
            adam(values[0][u], values[1][u], values[2][u], gradient_UD[u], numbers)
            _copy(values[0][u], table[0][row])
            _copy(values[1][u], table[1][row])
            _copy(values[2][u], table[2][row])
            last_V[row], touched_V[row] = now, True
    return seen


@compiled
def push_step(
    moments_KS: Array, logarithm_S: Array, powers_KW: Array, gains_K: Array, now: int, decay: float
) -> None:
    """Add the step `now` to what was skipped since each earlier one; see `skipped.Skipped.push`."""
    window = powers_KW.shape[1]
    logarithm_S[now] = logarithm_S[now - 1] + np.log(decay)
    for s in range(max(0, now - window), now):
        kept = 1.0 if decay == 1.0 else np.exp(logarithm_S[s] - logarithm_S[now])
        for k in range(len(gains_K)):
            moments_KS[k, s] += gains_K[k] * powers_KW[k, window + s - now] * kept


@inlined
def _two_points(total: float, first: float, second: float, third: float) -> Any:
    """Give two weights and nodes with these moments, as `skipped.quadrature`."""
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
def _make_up(weights_D: Array, mean_D: Array, square_D: Array, keep: Any, points: Any, betas: Any) -> None:
    one, two, near, far = points
    for d in range(len(weights_D)):
        root, mean = np.sqrt(square_D[d]), mean_D[d]
        moved = weights_D[d] * keep - mean * one / (root + near)
        weights_D[d] = moved - mean * two / (root + far)
        mean_D[d] = mean * betas[0]
        square_D[d] *= betas[1]


@compiled
def read_adam_rows(
    rows_U: Array, table: Any, values: Any, last_V: Array, now: int, sums: Any, betas: Any, eps: float
) -> float:
    """Copy rows of a table and its moments, with the steps that each row was not part of made up for.

    What it gives means nothing.

    `table` and `values`: weights, means and squares, VD and UD; `sums`: as `skipped.Skipped` keeps them.
    """
    moments_KS, logarithm_S = sums
    number = table[0].dtype.type
    seen = 0.0
    for first in range(0, len(rows_U), AT_ONCE):
        some = rows_U[first : first + AT_ONCE]
        seen += _fetch(some, table[0]) + _fetch(some, table[1]) + _fetch(some, table[2])
        for u in range(first, first + len(some)):
            row, last = rows_U[u], last_V[rows_U[u]]
            _copy(table[0][row], values[0][u])
            _copy(table[1][row], values[1][u])
            _copy(table[2][row], values[2][u])
            if last < now:
                m = moments_KS[:, last]
                keep, gap = np.exp(logarithm_S[now] - logarithm_S[last]), now - last
                one, two, near, far = _two_points(m[0] * keep, m[1] * keep, m[2] * keep, m[3] * keep)
                points = number(one), number(two), number(eps * near), number(eps * far)
                shrink = number(betas[0] ** gap), number(betas[1] ** gap)
                _make_up(values[0][u], values[1][u], values[2][u], number(keep), points, shrink)
    return seen
