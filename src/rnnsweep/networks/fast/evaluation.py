"""Texts that are judged and not learned from: each distinct token is read once.

Shapes: T time steps, B texts, b texts of a slice, U distinct tokens, H outputs a step (both directions).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.fast.recurrent import in_slices, run_distinct
from rnnsweep.networks.layers import Layers


@torch.no_grad()
def run_tokens(
    layers: Layers,
    embed: Callable[[Tensor], Tensor],
    tokens_TB: Tensor,
    lengths_B: Tensor,
    *,
    shows: Shows = "every",
) -> Tensor:
    """Compute `run_compiled` of ``embed(tokens_TB)``, each distinct token read once; no gradients.

    Args:
        layers: their weights on the CPU.
        embed: returns the vectors of token ids.
        tokens_TB: token ids.
        lengths_B: tokens of each text.
        shows: as for `run_compiled`.

    Returns:
        outputs_TBH, or pooled_BH
    """

    def once(part_Tb: Tensor, own_b: Tensor) -> Tensor:
        ids_U, places_Tb = torch.unique(part_Tb, return_inverse=True)
        return run_distinct(layers, embed(ids_U), places_Tb, own_b, padding=None, shows=shows)

    return in_slices(layers, tokens_TB, lengths_B, once)
