"""Weights for each step of a cell, and the order in which packing lays texts out."""

from collections.abc import Sequence

from torch import Tensor

from rnnsweep.networks.cells.spec import CellWeights


def copies(weights: CellWeights, *, steps: int) -> list[CellWeights]:
    """Copy a set of weights once a step; each copy collects the gradient of its own step."""

    def copy(one: Tensor) -> Tensor:
        return one.detach().clone().requires_grad_()

    return [
        CellWeights(
            copy(weights.W),
            copy(weights.H),
            copy(weights.b),
            copy(weights.b_state),
            {name: copy(one) for name, one in weights.more.items()},
        )
        for _ in range(steps)
    ]


def packed_order(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Return (text, step) in the order in which packing lays sequences out: step by step, longest text first.

    [1, 2, 3, 4, 5], [6, 7, 8] and [9] become 1 6 9, 2 7, 3 8, 4, 5: padding is never read.
    """
    longest_first = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    return [(text, step) for step in range(max(lengths)) for text in longest_first if step < lengths[text]]
