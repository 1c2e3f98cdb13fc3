"""Batches of rows of nearly equal length, gathered from flat ids in one vectorised step.

The batches of an epoch are a function of (seed, epoch): every row once; all batches full but the last. Within
a batch rows stand by falling length, so that packing needs no sort. No worker processes: a gather costs less
than a pipe.

Shapes: B rows of a batch, T tokens of its longest row, N rows of a part.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsweep.data.encoded import EncodedPart
from rnnsweep.data.tokens import PADDING


class Batch(NamedTuple):
    """Rows padded with 0 to the longest of them, in 64-bit integers."""

    tokens_BT: Tensor
    lengths_B: Tensor
    targets_B: Tensor


def batch_count(part: EncodedPart, *, batch_size: int) -> int:
    """Return the number of batches of an epoch, the last and smaller one included."""
    return -(-len(part) // batch_size)


def batch_rows(
    part: EncodedPart, *, batch_size: int, seed: int, epoch: int, start: int = 0, grouped: bool = True
) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each batch of one epoch by their numbers, from position `start` on.

    Args:
        part: the rows.
        batch_size: rows of a batch; one batch may be smaller.
        seed: of the order.
        epoch: from 0.
        start: mini-batches that are left out, as those before a checkpoint.
        grouped: batches are of rows of like length; False: of any.
    """
    if grouped:
        order_N = epoch_order(part.lengths_N, batch_size=batch_size, seed=seed, epoch=epoch)
    else:
        order_N = np.argsort(_draws(seed, epoch, count=len(part)), kind="stable")
    for first in range(start * batch_size, len(part), batch_size):
        yield order_N[first : first + batch_size]


def ordered_batches(
    part: EncodedPart,
    *,
    batch_size: int,
    tokens: int = 1 << 16,
    rank: int = 0,
    world: int = 1,
    grouped: bool = True,
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield every row once, longest first, with the numbers of the batch's rows: for validation and test.

    Args:
        part: the rows.
        batch_size: rows of a batch at most.
        tokens: of a batch at most, padding included; a batch has one row at least.
        rank: number of this process; it gets the batches ``rank::world``.
        world: how many processes share the batches.
        grouped: False: in the order of the rows, `batch_size` at a time, where padding is read as in
            training.
    """
    if not grouped:
        for first in range(rank * batch_size, len(part), world * batch_size):
            rows_B = np.arange(first, min(first + batch_size, len(part)))
            yield rows_B, gather(part, rows_B)
        return
    order_N = np.argsort(-part.lengths_N, kind="stable")
    bounds = _bounds(part.lengths_N[order_N], batch_size=batch_size, tokens=tokens)
    for first, end in list(zip(bounds, bounds[1:], strict=False))[rank::world]:
        rows_B = order_N[first:end]
        yield rows_B, gather(part, rows_B)


def _bounds(falling_N: NDArray[np.int64], *, batch_size: int, tokens: int) -> list[int]:
    bounds = [0]
    while bounds[-1] < falling_N.size:
        longest = int(falling_N[bounds[-1]])
        rows = max(1, min(batch_size, tokens // longest))
        bounds.append(min(bounds[-1] + rows, falling_N.size))
    return bounds


def epoch_order(lengths_N: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of an epoch's rows; batch p is its slice ``[p * batch_size, (p + 1) * batch_size)``.

    Each length gives as many batches of that length alone as it can; the rows left over make batches of
    neighbouring lengths. Which rows come together, and in what order the batches come, is drawn anew for
    each (seed, epoch).

    Args:
        lengths_N: tokens of each row.
        batch_size: rows of a batch.
        seed: of the order.
        epoch: from 0.
    """
    rows = lengths_N.size
    whole, rest = divmod(rows, batch_size)
    draws = _draws(seed, epoch, count=rows + whole + 1)
    by_length_N = np.lexsort((draws[:rows], -lengths_N))
    is_alone_N = _fills_batches(lengths_N[by_length_N], batch_size)
    alone, mixed = by_length_N[is_alone_N], by_length_N[~is_alone_N]
    # the small batch is drawn from the mixed rows, which come to a multiple of the batch size and `rest`
    cut = int(draws[-1]) % (mixed.size // batch_size + 1) * batch_size
    small, mixed = mixed[cut : cut + rest], np.delete(mixed, slice(cut, cut + rest))
    full = np.concatenate([alone, mixed]).reshape(whole, batch_size)
    return np.concatenate([full[np.argsort(draws[rows:-1], kind="stable")].ravel(), small])


def _draws(seed: int, epoch: int, *, count: int) -> NDArray[np.uint64]:
    """Draw raw Philox words: NumPy keeps these the same in all versions, unlike shuffles."""
    key = np.array([seed % 2**64, epoch], np.uint64)
    return np.atleast_1d(np.random.Philox(key=key).random_raw(count))


def _fills_batches(falling_N: NDArray[np.int64], batch_size: int) -> NDArray[np.bool_]:
    """Return which rows, in order of length, go into batches of one length; the last few of each do not."""
    starts = np.flatnonzero(np.diff(falling_N, prepend=-1))
    counts = np.diff(starts, append=falling_N.size)
    rank_N = np.arange(falling_N.size) - np.repeat(starts, counts)
    return np.asarray(rank_N < np.repeat(counts // batch_size * batch_size, counts))


def gather(part: EncodedPart, rows_B: NDArray[np.int64]) -> Batch:
    """Gather rows into one padded batch, in the order given."""
    starts_B, lengths_B = part.offsets_N1[rows_B], part.lengths_N[rows_B]
    longest, shortest = int(lengths_B.max()), int(lengths_B.min())
    places_BT = starts_B[:, None] + np.arange(longest)
    if longest == shortest:
        tokens_BT = part.ids[places_BT]
    else:
        tokens_BT = part.ids.take(places_BT, mode="clip")
        tokens_BT[np.arange(longest) >= lengths_B[:, None]] = PADDING
    return Batch(
        torch.from_numpy(tokens_BT.astype(np.int64)),
        torch.from_numpy(lengths_B),
        torch.from_numpy(part.targets_N[rows_B]),
    )
