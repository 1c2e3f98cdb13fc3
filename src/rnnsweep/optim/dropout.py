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

from rnnsweep.optim.row_loops import (
    BUMPS,
    MULTIPLIERS,
    PER_COUNTER,
    ROUNDS,
    SITE,
    add_kept_rows,
    look_up_dropped,
)
from rnnsweep.runtime.compiled import AVAILABLE

LEVELS = 1 << 16  # of half a word
_WORD, _MASK = "<u4", 0xFFFFFFFF


class DropoutDraw(NamedTuple):
    """What decides a mask beside a number's place in the batch."""

    seed: int  # of dropout
    step: int  # optimiser steps done before


class Rate(NamedTuple):
    """A rate as the generator can draw it."""

    least: int  # half words below are dropped
    scale: float  # of what is kept


def split_key(seed: int) -> tuple[int, int]:
    """Cut a seed into the two halves of a key of Philox."""
    return seed & _MASK, (seed >> 32) & _MASK


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
    """Draw the half words of some tokens."""
    key0, key1 = split_key(draw.seed)
    a, b = np.arange(blocks, dtype=_WORD)[None], numbers_N.astype(_WORD)[:, None]
    c, d = np.array([[draw.step]], _WORD), np.array([[SITE]], _WORD)
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
