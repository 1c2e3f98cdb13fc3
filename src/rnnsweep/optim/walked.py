"""The rows of a table that the dense optimiser walks as a whole, as weight decay in Adam's gradient asks for.

PyTorch's backward pass of an embedding makes a gradient of the whole table at every step: for 95,000 rows of
64 numbers 24 MB that the C library takes from the system and gives back each time. Here the gradient lies in
one array that stays; a batch reads its distinct rows, and only theirs are written and cleared. The norm of
all gradients is one of the rows that were read: clipping does not walk the table either.

Shapes: V rows of the table, U rows of a batch, D numbers a row.
"""

import torch
from torch import Tensor, nn


class WalkedRows:
    """Distinct rows of an embedding on the CPU, whose weights the dense optimiser moves."""

    def __init__(self, embedding: nn.Embedding) -> None:
        self._embedding = embedding
        self._gradient_VD: Tensor | None = None  # zeros between two steps
        self._rows_U, self._leaf_UD = torch.zeros(0, dtype=torch.int64), torch.zeros(0, 0)

    @torch.no_grad()
    def read(self, rows_U: Tensor) -> Tensor:
        """Return rows as a leaf that gathers a gradient; `rows_U` are distinct."""
        self._rows_U = rows_U
        self._leaf_UD = self._embedding.weight.index_select(0, rows_U)
        return self._leaf_UD.requires_grad_()

    @torch.no_grad()
    def hand_over(self) -> None:
        """Set the table's gradient to that of the rows read last, for the optimiser's step; once a step."""
        weight = self._embedding.weight
        if weight.grad is not None:
            return
        if self._gradient_VD is None:
            self._gradient_VD = torch.zeros_like(weight)
        if self._leaf_UD.grad is not None:
            self._gradient_VD.index_copy_(0, self._rows_U, self._leaf_UD.grad)
        weight.grad = self._gradient_VD

    @torch.no_grad()
    def clear(self) -> None:
        """Forget the gradient after the step."""
        assert self._gradient_VD is not None
        self._gradient_VD.index_fill_(0, self._rows_U, 0.0)
        self._embedding.weight.grad = self._leaf_UD.grad = None
