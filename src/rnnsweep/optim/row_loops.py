"""Distinct tokens, their rows looked up with dropout, and the gradient of looking up, as compiled loops.

This module does without PyTorch: a process that only compiles imports it quickly.

Shapes: N tokens, V ids of the vocabulary, U rows of the table, E numbers a row, W numbers that a token's
counters decide about.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.runtime.compiled import compiled, inlined

# of Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011)
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
BUMPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

PER_COUNTER = 8  # numbers that one counter decides about
SITE = 7  # the counter's last word: no other draw of a training has it

Array = NDArray[Any]


@compiled
def find_distinct(tokens_N: Array, place_V: Array, ids_N: Array, places_N: Array) -> int:
    """Write the distinct ids in the order in which they first come, and each token's place among them.

    Args:
        tokens_N: token ids.
        place_V: place of each id; of ids that are not among those found it is left over and means nothing.
        ids_N: is written; as many as are returned.
        places_N: is written.

    Returns:
        How many ids are distinct.
    """
    for n in range(len(tokens_N)):  # the processor waits for many numbers of the table at once
        places_N[n] = place_V[tokens_N[n]]
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


@compiled
def add_rows(places_N: Any, rows_ND: Any, padding: int, into_UD: Any) -> None:
    """Add each row to that of its place: the gradient of looking rows up.

    Args:
        places_N: row of `into_UD` of each row.
        rows_ND: what is added.
        padding: the place that is left out.
        into_UD: is added to.
    """
    for n in range(len(places_N)):
        if places_N[n] != padding:
            row_D, into_D = rows_ND[n], into_UD[places_N[n]]
            for d in range(len(row_D)):
                into_D[d] += row_D[d]


@inlined
def _draw_row(number: int, draw: Any, halves_W: Array) -> None:
    """Write the half words of a token."""
    low, high, step = draw
    mask = np.uint64(0xFFFFFFFF)
    for block in range(len(halves_W) // PER_COUNTER):
        a, b = np.uint64(block), np.uint64(number)
        c, d = np.uint64(step), np.uint64(SITE)
        key0, key1 = np.uint64(low), np.uint64(high)
        for _ in range(ROUNDS):
            one, other = a * np.uint64(MULTIPLIERS[0]), c * np.uint64(MULTIPLIERS[1])
            a, b = (other >> np.uint64(32)) ^ b ^ key0, other & mask
            c, d = (one >> np.uint64(32)) ^ d ^ key1, one & mask
            key0, key1 = (key0 + np.uint64(BUMPS[0])) & mask, (key1 + np.uint64(BUMPS[1])) & mask
        at = block * PER_COUNTER
        halves_W[at], halves_W[at + 1] = np.uint16(a & np.uint64(0xFFFF)), np.uint16(a >> np.uint64(16))
        halves_W[at + 2], halves_W[at + 3] = np.uint16(b & np.uint64(0xFFFF)), np.uint16(b >> np.uint64(16))
        halves_W[at + 4], halves_W[at + 5] = np.uint16(c & np.uint64(0xFFFF)), np.uint16(c >> np.uint64(16))
        halves_W[at + 6], halves_W[at + 7] = np.uint16(d & np.uint64(0xFFFF)), np.uint16(d >> np.uint64(16))


@compiled
def look_up_dropped(
    table_UE: Array, places_N: Array, numbers_N: Array, draw: Any, rate: Any, into: Any
) -> None:
    """Write each token's row, with numbers dropped, and which are kept.

    Args:
        table_UE: the rows.
        places_N: the row of each token.
        numbers_N: each token's place in the batch.
        draw: the halves of the seed, and the step.
        rate: half words below the first are dropped; the second multiplies what is kept.
        into: rows_NE and kept_NE, which are written.
    """
    least, scale = rate
    rows_NE, kept_NE = into
    width = table_UE.shape[1]
    factor, none = table_UE.dtype.type(scale), table_UE.dtype.type(0)
    halves_W = np.empty((width + PER_COUNTER - 1) // PER_COUNTER * PER_COUNTER, np.uint16)
    for n in range(len(places_N)):
        _draw_row(numbers_N[n], draw, halves_W)
        row_E, into_E, kept_E = table_UE[places_N[n]], rows_NE[n], kept_NE[n]
        for e in range(width):
            survives = halves_W[e] >= least
            kept_E[e] = survives
            into_E[e] = row_E[e] * (factor if survives else none)


@compiled
def add_kept_rows(places_N: Array, rows_NE: Array, kept_NE: Array, rest: Any, into_UE: Array) -> None:
    """Add each row's numbers that were kept, times a factor, to the row of its place.

    Args:
        places_N: row of `into_UE` of each token.
        rows_NE: what is added.
        kept_NE: which numbers were kept.
        rest: the place that is left out, and the factor.
        into_UE: is added to.
    """
    padding, scale = rest
    factor, none = rows_NE.dtype.type(scale), rows_NE.dtype.type(0)
    for n in range(len(places_N)):
        if places_N[n] == padding:
            continue
        row_E, kept_E, into_E = rows_NE[n], kept_NE[n], into_UE[places_N[n]]
        for e in range(len(row_E)):
            into_E[e] += row_E[e] * (factor if kept_E[e] else none)
