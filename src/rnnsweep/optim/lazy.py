"""Exact lazy optimisers for an embedding: a row is brought up to date when a batch reads it.

A batch touches some hundred rows of an embedding of some ten thousand; PyTorch's dense optimisers walk all of
them three times a step. Here only the touched rows are read, moved and written back; what the steps in
between did to a row is made up for in closed form (`skipped`). The weights agree with those of
torch.optim.Adam, AdamW and SGD up to rounding. torch.optim.SparseAdam is no such thing: there, rows
stand still between touches.

Shapes: V rows of the table, U touched rows, D numbers a row.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from rnnsweep.optim import kernels
from rnnsweep.optim.adam import adam_numbers
from rnnsweep.optim.skipped import Skipped, SkippedSums, quadrature
from rnnsweep.runtime.compiled import AVAILABLE

# While Adam's bias corrections still change fast, the touched rows are brought up to date at doubling steps:
# the quadrature of `skipped` then never spans a change of more than a factor 1.5, and is exact to rounding.
_EARLY_LEVELS = frozenset(2**power for power in range(11))
_ORDERS = np.arange(4.0)  # of the moments that `skipped` adds up
_ROWS_AT_ONCE = 8192  # when all rows are brought up to date: bounds the memory on the way


class LazyRows(ABC):
    """The rows of one table: read some, use them, step; catch up before anything else reads the table."""

    def __init__(self, table_VD: Tensor, *, states: int, ratios: list[float]) -> None:
        self.table_VD = table_VD.detach()
        self.states = [torch.zeros_like(self.table_VD) for _ in range(states)]
        self.steps = 0
        self._last_V = np.zeros(len(table_VD), dtype=np.int64)
        self._touched_V = np.zeros(len(table_VD), dtype=np.bool_)
        self._skipped = Skipped(ratios)
        self._rows_U: Tensor | None = None
        self._read: list[Tensor] = []  # what `_look` gave

    def read(self, rows_U: Tensor) -> Tensor:
        """Bring rows up to date and give them as a leaf that gathers a gradient; `rows_U` are distinct."""
        self._rows_U = rows_U
        self._read = self._look(rows_U)
        return self._read[0].requires_grad_()

    @torch.no_grad()
    def step(self, *, lr: float, scale: float = 1.0) -> None:
        """Move the rows read last by `scale` times their gradient, count the step for all the others."""
        assert self._rows_U is not None
        leaf_UD = self._read[0]
        gradient_UD, leaf_UD.grad = leaf_UD.grad, None
        assert gradient_UD is not None
        self.steps += 1
        self._count(lr)
        self._move(self._rows_U, [leaf_UD.detach(), *self._read[1:]], gradient_UD, lr=lr, scale=scale)
        self._rows_U = None
        if self.steps in _EARLY_LEVELS:
            self._bring_up(self._touched_V & (self._last_V < self._skipped.now))

    @torch.no_grad()
    def catch_up(self) -> None:
        """Bring all rows up to date: before validation, before saving and at the end.

        Rows that were read and not stepped are to be read again.
        """
        self._rows_U = None
        self._bring_up(self._last_V < self._skipped.now)
        self._last_V.fill(0)
        self._skipped.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, which belongs to the table as it is now; saving changes neither.

        (Bringing rows up to date earlier than a training without a save would do gives the same weights up
        to rounding only; so a training that resumes from a checkpoint equals one that was never stopped.)
        """
        return {
            "steps": self.steps,
            "states": self.states,
            "last": torch.from_numpy(self._last_V),
            "touched": torch.from_numpy(self._touched_V),
            "skipped": self._skipped.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the state over; the table must be the one saved with it."""
        self.steps = int(state["steps"])
        self._last_V[:] = state["last"].numpy()
        self._touched_V[:] = state["touched"].numpy()
        self._skipped.load_state_dict(state["skipped"])
        for own, saved in zip(self.states, state["states"], strict=True):
            own.copy_(saved)

    def _bring_up(self, behind_V: NDArray[np.bool_]) -> None:
        numbers_N = np.flatnonzero(behind_V)
        for start in range(0, len(numbers_N), _ROWS_AT_ONCE):
            rows_U = torch.from_numpy(numbers_N[start : start + _ROWS_AT_ONCE])
            self._level(rows_U)

    @torch.no_grad()
    def _level(self, rows_U: Tensor) -> None:
        """Bring rows that are behind up to date in the table."""
        self._write(rows_U, self._look(rows_U))

    @torch.no_grad()
    def _look(self, rows_U: Tensor) -> list[Tensor]:
        """Return weights of rows that are up to date, and what `_move` needs beside them."""
        values = [values_VD.index_select(0, rows_U) for values_VD in (self.table_VD, *self.states)]
        last_U = self._last_V[rows_U.numpy()]
        if last_U.size and int(last_U.min()) < self._skipped.now:
            self._make_up(values, self._skipped.since(last_U))
        return values

    def _write(self, rows_U: Tensor, values: list[Tensor]) -> None:
        for values_VD, values_UD in zip((self.table_VD, *self.states), values, strict=True):
            if AVAILABLE:
                kernels.write_rows(rows_U.numpy(), values_UD.numpy(), values_VD.numpy())
            else:
                values_VD.numpy()[rows_U.numpy()] = values_UD.numpy()  # twice as quick as index_copy_
        self._last_V[rows_U.numpy()] = self._skipped.now

    def _put(self, rows_U: Tensor, values: list[Tensor]) -> None:
        self._write(rows_U, values)
        self._touched_V[rows_U.numpy()] = True

    def _column(self, numbers_U: Any) -> Tensor:
        return torch.from_numpy(numbers_U).to(self.table_VD.dtype).unsqueeze(1)

    @abstractmethod
    def _move(
        self, rows_U: Tensor, values: list[Tensor], gradient_UD: Tensor, *, lr: float, scale: float
    ) -> None:
        """Apply the step that was counted last to what `_look` gave, and put it into the table."""

    @abstractmethod
    def _count(self, lr: float) -> None:
        """Push a step to the sums of skipped steps."""

    @abstractmethod
    def _make_up(self, values: list[Tensor], sums: SkippedSums) -> None:
        """Apply the skipped steps to rows in place."""


class LazyAdam(LazyRows):
    """torch.optim.Adam without weight decay, or torch.optim.AdamW (Loshchilov and Hutter 2019).

    Args:
        table_VD: the embedding's weights.
        betas: decay of the mean and of the square.
        eps: added to the root of the square.
        decay: decoupled weight decay; 0: none.
    """

    def __init__(
        self, table_VD: Tensor, *, betas: tuple[float, float], eps: float = 1e-8, decay: float = 0.0
    ) -> None:
        self.betas, self.eps, self.decay = betas, eps, decay
        super().__init__(table_VD, states=2, ratios=self.ratios(betas))
        self._table = tuple(values_VD.numpy() for values_VD in (self.table_VD, *self.states))

    @staticmethod
    def ratios(betas: tuple[float, float]) -> list[float]:
        """Return the factor by which each moment's terms shrink in a step; all must be below 1."""
        return [betas[0] / betas[1] ** ((order + 1) / 2) for order in range(4)]

    def _behind(self) -> tuple[Any, ...]:
        """Return what the compiled loops need to know of the steps that rows were not part of."""
        skipped = self._skipped
        return self._last_V, skipped.now, skipped.sums, self.betas, self.eps

    @torch.no_grad()
    def _look(self, rows_U: Tensor) -> list[Tensor]:
        if not AVAILABLE:
            return super()._look(rows_U)
        weights_UD = self.table_VD.new_empty(rows_U.shape[0], self.table_VD.shape[1])
        shrink_U2 = weights_UD.new_empty(rows_U.shape[0], 2)
        read = weights_UD.numpy(), shrink_U2.numpy()
        kernels.read_adam_rows(rows_U.numpy(), self._table, read, *self._behind())
        return [weights_UD, shrink_U2]

    def _level(self, rows_U: Tensor) -> None:
        if AVAILABLE:
            kernels.level_adam_rows(rows_U.numpy(), self._table, *self._behind())
        else:
            super()._level(rows_U)

    def _move(
        self, rows_U: Tensor, values: list[Tensor], gradient_UD: Tensor, *, lr: float, scale: float
    ) -> None:
        if AVAILABLE:
            numbers = adam_numbers(
                step=self.steps,
                lr=lr,
                betas=self.betas,
                eps=self.eps,
                keep=1 - lr * self.decay,
                scale=scale,
            )
            weights_UD, shrink_U2 = values
            places = (rows_U.numpy(), self._last_V, self._touched_V)
            read, gradient = (weights_UD.numpy(), shrink_U2.numpy()), gradient_UD.contiguous().numpy()
            kernels.step_adam_rows(places, self._table, read, gradient, numbers, self._skipped.now)
            return
        weights_UD, mean_UD, square_UD = values
        gradient_UD.mul_(scale)
        adam(
            [weights_UD],
            [gradient_UD],
            [mean_UD],
            [square_UD],
            [],
            [torch.tensor(float(self.steps - 1))],
            fused=True,
            decoupled_weight_decay=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=lr,
            weight_decay=self.decay,
            eps=self.eps,
            maximize=False,
        )
        self._put(rows_U, values)

    def _count(self, lr: float) -> None:
        beta1, beta2 = self.betas
        root = math.sqrt(1 - beta2**self.steps)
        gain = lr * root / (1 - beta1**self.steps)
        # as the dense kernel rounds it: over thousands of steps the difference would show
        number = np.float32 if self.table_VD.dtype == torch.float32 else np.float64
        factor = float(number(1 - lr * self.decay)) if self.decay else 1.0
        self._skipped.push(gain * root**_ORDERS, decay=factor)

    def _make_up(self, values: list[Tensor], sums: SkippedSums) -> None:
        weights_UD, mean_UD, square_UD = values
        weights_2U, nodes_2U = quadrature(sums.moments_KN)
        if self.decay:
            weights_UD.mul_(self._column(sums.decay_N))
        root_UD = square_UD.sqrt()
        for weight_U, node_U in zip(weights_2U, nodes_2U, strict=True):
            move_UD = mean_UD * self._column(weight_U)
            weights_UD.addcdiv_(move_UD, root_UD + self._column(self.eps * node_U), value=-1)
        mean_UD.mul_(self._column(self.betas[0] ** sums.gap_N))
        square_UD.mul_(self._column(self.betas[1] ** sums.gap_N))


class LazySGD(LazyRows):
    """torch.optim.SGD with momentum and without weight decay."""

    def __init__(self, table_VD: Tensor, *, momentum: float) -> None:
        self.momentum = momentum
        super().__init__(table_VD, states=1, ratios=[momentum])

    def _move(
        self, rows_U: Tensor, values: list[Tensor], gradient_UD: Tensor, *, lr: float, scale: float
    ) -> None:
        weights_UD, velocity_UD = values
        sgd(
            [weights_UD],
            [gradient_UD.mul_(scale)],
            [velocity_UD],
            fused=True,
            weight_decay=0.0,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        self._put(rows_U, values)

    def _count(self, lr: float) -> None:
        self._skipped.push(np.array([lr if self.momentum else 0.0]))

    def _make_up(self, values: list[Tensor], sums: SkippedSums) -> None:
        weights_UD, velocity_UD = values
        weights_UD.addcmul_(velocity_UD, self._column(sums.moments_KN[0]), value=-1)
        velocity_UD.mul_(self._column(self.momentum**sums.gap_N))
