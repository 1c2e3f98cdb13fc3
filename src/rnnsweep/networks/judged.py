"""Texts that are judged and not learned from: each distinct token is read once.

Shapes: T time steps, B texts, b texts of a slice, U distinct tokens, H outputs a step (both directions).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnsweep.networks.recurrent import run_distinct, texts_at_once


@torch.no_grad()
def run_tokens(
    layers: nn.RNNBase, embed: Callable[[Tensor], Tensor], tokens_TB: Tensor, lengths_B: Tensor
) -> Tensor:
    """Do what `run_compiled` does with ``embed(tokens_TB)``, each distinct token read once; no gradients.

    Returns:
        outputs_TBH
    """
    size = texts_at_once(layers, steps=len(tokens_TB))
    every = []
    for part_Tb, own_b in zip(torch.split(tokens_TB, size, dim=1), torch.split(lengths_B, size), strict=True):
        ids_U, places_Tb = torch.unique(part_Tb, return_inverse=True)
        every.append(run_distinct(layers, embed(ids_U), places_Tb, own_b, padding=None))
    return every[0] if len(every) == 1 else torch.cat(every, dim=1)
