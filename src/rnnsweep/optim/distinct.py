"""The distinct token ids of a batch, and the batch in terms of them.

Shapes: T time steps, B texts, U distinct ids.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnsweep.optim.row_loops import add_rows, find_distinct
from rnnsweep.runtime.compiled import AVAILABLE


class Distinct:
    """Finds distinct ids through a table of the vocabulary's size: much quicker than by sorting."""

    def __init__(self, vocabulary: int) -> None:
        self._place_V = np.zeros(vocabulary, dtype=np.int64)
        self._ids_U = np.zeros(0, dtype=np.int64)

    def find(self, tokens_TB: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distinct ids in a fixed order and each token's place among them.

        Returns:
            ids_U, places_TB with ids_U[places_TB] == tokens_TB
        """
        tokens_N = tokens_TB.reshape(-1).numpy()
        if AVAILABLE:
            return self._find_compiled(tokens_N, tokens_TB.shape)
        numbers_N = np.arange(len(tokens_N))
        self._place_V[tokens_N] = numbers_N  # of equal ids, the last write stays
        ids_U = tokens_N[self._place_V[tokens_N] == numbers_N]
        self._place_V[ids_U] = numbers_N[: len(ids_U)]
        places_TB = torch.from_numpy(self._place_V[tokens_N]).view(tokens_TB.shape)
        self._ids_U = ids_U
        return torch.from_numpy(ids_U), places_TB

    def _find_compiled(self, tokens_N: NDArray[np.int64], shape: torch.Size) -> tuple[Tensor, Tensor]:
        ids_N, places_N = np.empty_like(tokens_N), np.empty_like(tokens_N)
        count = find_distinct(tokens_N, self._place_V, ids_N, places_N)
        self._ids_U = ids_N[:count]
        return torch.from_numpy(self._ids_U), torch.from_numpy(places_N).view(shape)

    def place(self, token: int | None) -> int | None:
        """Return the place of one id among those found last, or None where it is not among them."""
        if token is None:
            return None
        place = int(self._place_V[token])
        return place if place < len(self._ids_U) and self._ids_U[place] == token else None


class _LookedUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table_UD: Tensor, places_TB: Tensor, padding: int) -> Tensor:
        places_N = places_TB.reshape(-1)
        ctx.places, ctx.padding, ctx.shape = places_N, padding, table_UD.shape
        return table_UD.index_select(0, places_N).view(*places_TB.shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_TBD: Tensor) -> tuple[Tensor, None, None]:
        into_UD = gradient_TBD.new_zeros(ctx.shape)
        rows_ND = gradient_TBD.contiguous().view(-1, ctx.shape[1])
        add_rows(ctx.places.numpy(), rows_ND.numpy(), ctx.padding, into_UD.numpy())
        return into_UD, None, None


def looked_up(table_UD: Tensor, places_TB: Tensor, padding: int | None) -> Tensor:
    """Compute torch.nn.functional.embedding on the CPU, with a quicker backward pass."""
    return _LookedUp.apply(table_UD, places_TB, -1 if padding is None else padding)  # type: ignore[no-untyped-call, no-any-return]
