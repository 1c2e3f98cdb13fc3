"""The distinct token ids of a batch, and the batch in terms of them.

Shapes: T time steps, B texts, U distinct ids.
"""

import numpy as np
import torch
from torch import Tensor


class Distinct:
    """Finds distinct ids through a table of the vocabulary's size: much quicker than by sorting."""

    def __init__(self, vocabulary: int) -> None:
        self._place_V = np.zeros(vocabulary, dtype=np.int64)
        self._ids_U = np.zeros(0, dtype=np.int64)

    def find(self, tokens_TB: Tensor) -> tuple[Tensor, Tensor]:
        """Give the distinct ids in a fixed order and each token's place among them.

        Returns:
            ids_U, places_TB with ids_U[places_TB] == tokens_TB
        """
        tokens_N = tokens_TB.reshape(-1).numpy()
        numbers_N = np.arange(len(tokens_N))
        self._place_V[tokens_N] = numbers_N  # of equal ids, the last write stays
        ids_U = tokens_N[self._place_V[tokens_N] == numbers_N]
        self._place_V[ids_U] = numbers_N[: len(ids_U)]
        places_TB = torch.from_numpy(self._place_V[tokens_N]).view(tokens_TB.shape)
        self._ids_U = ids_U
        return torch.from_numpy(ids_U), places_TB

    def place(self, token: int | None) -> int | None:
        """Give the place of one id among those found last, or None where it is not among them."""
        if token is None:
            return None
        place = int(self._place_V[token])
        return place if place < len(self._ids_U) and self._ids_U[place] == token else None
