"""Dropout of a batch's embedded tokens, drawn by counter while the rows are looked up.

The mask is a function of the run's seed of dropout, the step and each number's place in the whole batch. So
it is the same in a resumed training, in several processes, in pieces of a batch, and with and without Numba.
A table of the distinct tokens' rows is read as it is: no array of all tokens is made before the masked one.

Philox4x32-10 gives four words for a counter, each word decides about two numbers: a rate is met to 2^-17.

Shapes: T time steps, B texts of the whole batch, N tokens of the texts that are read, U rows of the table,
E numbers a row.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnnsweep.optim.philox import BUMPS, MULTIPLIERS, ROUNDS, split_key
from rnnsweep.runtime.compiled import AVAILABLE, compiled, inlined

PER_COUNTER = 8  # numbers that one counter decides about
LEVELS = 1 << 16  # of half a word
_WORD, _MASK = "<u4", 0xFFFFFFFF
_SITE = 7  # the counter's last word: no other draw of a training has it

Array = NDArray[Any]


class DropoutDraw(NamedTuple):
    """What decides a mask beside a number's place in the batch."""

    seed: int  # of dropout
    step: int  # optimiser steps done before


class Rate(NamedTuple):
    """A rate as the generator can draw it."""

    least: int  # half words below are dropped
    scale: float  # of what is kept


def rate_drawn(rate: float) -> Rate:
    """Round a rate of dropout to what half a word can decide; the mean of what is kept stays exact."""
    least = min(round(rate * LEVELS), LEVELS - 1)
    return Rate(least, LEVELS / (LEVELS - least))


def numbers_of(shape: torch.Size, texts: slice) -> NDArray[np.int64]:
    """Number the tokens of some texts of a batch of shape (T, B): t * B + b, in the order of (T, b)."""
    steps, count = shape
    texts_b = np.arange(count)[texts]
    return (np.arange(steps)[:, None] * count + texts_b).reshape(-1)


def factors(
    numbers_N: NDArray[np.int64],
    width: int,
    draw: DropoutDraw,
    rate: float,
    *,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return factors_NE: 0 where a number is dropped, else what keeps the mean.

    Args:
        numbers_N: of the tokens within the batch.
        width: E, numbers of a token.
        draw: what decides the mask.
        rate: share that is dropped.
        dtype: of the factors.
    """
    least, scale = rate_drawn(rate)
    halves_NE = _halves(numbers_N, -(-width // PER_COUNTER), draw)[:, :width]
    kept_NE = torch.from_numpy(halves_NE >= least)
    return torch.where(kept_NE, torch.tensor(scale, dtype=dtype), 0.0)


def _halves(numbers_N: NDArray[np.int64], blocks: int, draw: DropoutDraw) -> NDArray[Any]:
    """Draw the half words of some tokens: `philox.words`, where a word's halves are read in place."""
    key0, key1 = split_key(draw.seed)
    a, b = np.arange(blocks, dtype=_WORD)[None], numbers_N.astype(_WORD)[:, None]
    c, d = np.array([[draw.step]], _WORD), np.array([[_SITE]], _WORD)
    for _ in range(ROUNDS):
        one, other = _parts(a, MULTIPLIERS[0]), _parts(c, MULTIPLIERS[1])
        a, b = other[1] ^ (b ^ np.uint32(key0)), other[0]
        c, d = one[1] ^ (d ^ np.uint32(key1)), one[0]
        key0, key1 = (key0 + BUMPS[0]) & _MASK, (key1 + BUMPS[1]) & _MASK
    four = np.stack((a, b, c, d), axis=2).astype(_WORD, copy=False)
    return four.view("<u2").reshape(len(numbers_N), blocks * PER_COUNTER)


def _parts(terms: NDArray[Any], factor: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the lower and the upper word of a product."""
    product = np.multiply(terms, np.uint64(factor), dtype=np.uint64).astype("<u8", copy=False)
    halves = product.view(_WORD)
    return halves[:, ::2], halves[:, 1::2]


@inlined
def _draw_row(number: int, draw: Any, halves_W: Array) -> None:
    """Write the half words of a token."""
    low, high, step = draw
    mask = np.uint64(0xFFFFFFFF)
    for block in range(len(halves_W) // PER_COUNTER):
        a, b = np.uint64(block), np.uint64(number)
        c, d = np.uint64(step), np.uint64(_SITE)
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


class _Dropped(torch.autograd.Function):
    """`look_up_dropped` and its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        table_UE: Tensor,
        places_Tb: Tensor,
        padding: int,
        numbers_N: NDArray[np.int64],
        draw: DropoutDraw,
        rate: Rate,
    ) -> Tensor:
        places_N = places_Tb.reshape(-1).numpy()
        rows_NE = table_UE.new_empty(len(places_N), table_UE.shape[1])
        kept_NE = np.empty(rows_NE.shape, np.bool_)
        into = rows_NE.numpy(), kept_NE
        counter = (*split_key(draw.seed), draw.step)
        look_up_dropped(table_UE.detach().numpy(), places_N, numbers_N, counter, tuple(rate), into)
        ctx.places, ctx.kept, ctx.shape = places_N, kept_NE, table_UE.shape
        ctx.rest = padding, rate.scale
        return rows_NE.view(*places_Tb.shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_TbE: Tensor) -> tuple[Tensor | None, ...]:
        into_UE = gradient_TbE.new_zeros(ctx.shape)
        rows_NE = gradient_TbE.contiguous().view(-1, ctx.shape[1])
        add_kept_rows(ctx.places, rows_NE.numpy(), ctx.kept, ctx.rest, into_UE.numpy())
        return into_UE, None, None, None, None, None


def looked_up_and_dropped(
    table_UE: Tensor, places_TB: Tensor, *, padding: int | None, texts: slice, draw: DropoutDraw, rate: float
) -> Tensor:
    """Look the tokens of some texts of a batch up on the CPU, with dropout.

    Args:
        table_UE: the rows.
        places_TB: the row of each token of the whole batch.
        padding: the row that gets no gradient.
        texts: which of the batch are read.
        draw: decides the mask.
        rate: the share of numbers that is dropped.

    Returns:
        embedded_TbE of those texts
    """
    numbers_N, places_Tb = numbers_of(places_TB.shape, texts), places_TB[:, texts]
    if AVAILABLE:
        left_out = -1 if padding is None else padding
        return _Dropped.apply(table_UE, places_Tb, left_out, numbers_N, draw, rate_drawn(rate))  # type: ignore[no-untyped-call, no-any-return]
    embedded_TbE = nn.functional.embedding(places_Tb, table_UE, padding)
    factors_NE = factors(numbers_N, table_UE.shape[1], draw, rate, dtype=table_UE.dtype)
    return embedded_TbE * factors_NE.view(embedded_TbE.shape)
