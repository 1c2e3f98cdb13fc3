"""A step of torch.optim.Adam or AdamW over the dense weights in compiled loops, with its own state.

The state stays where PyTorch's optimiser keeps it: checkpoints do not tell which of the two did a step.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsweep.optim import kernels

SMALL = 2_000_000  # weights in all: above, PyTorch's kernels with several threads are as good


def adam_numbers(
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    keep: float = 1.0,
    decay: float = 0.0,
    scale: float = 1.0,
) -> NDArray[np.float64]:
    """Return the numbers that `kernels.adam` wants for one step.

    Args:
        step: number of the step, from 1.
        lr: learning rate.
        betas: decay of the mean and of the square.
        eps: added to the root of the square.
        keep: factor on the weights before the step, as decoupled weight decay.
        decay: weight decay in the gradient.
        scale: factor on the gradient, as of clipping.
    """
    beta1, beta2 = betas
    rate, root = lr / (1 - beta1**step), (1 - beta2**step) ** -0.5
    return np.array((scale, keep, decay, beta1, 1 - beta1, beta2, 1 - beta2, rate, root, eps))


class MovedAdam:
    """Steps all weights of a torch.optim.Adam or AdamW on the CPU that has one group."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        (self._group,) = optimizer.param_groups
        self._weights: list[Tensor] = [weight for weight in self._group["params"] if weight.requires_grad]
        self.adopt()

    def adopt(self) -> None:
        """Look up where weights and state stand, after they were made or loaded."""
        self._arrays: list[tuple[NDArray[Any], ...]] = []
        for weight in self._weights:
            state = self._optimizer.state[weight]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(weight) for _ in range(2))
            parts = (weight.detach().view(-1), state["exp_avg"].view(-1), state["exp_avg_sq"].view(-1))
            self._arrays.append(tuple(part.numpy() for part in (*parts, state["step"])))

    def step(self, *, lr: float, scale: float = 1.0) -> None:
        """Take one step with `scale` times the gradients, and forget them."""
        group = self._group
        if not self._weights:
            return
        decoupled = isinstance(self._optimizer, torch.optim.AdamW)
        decay = group["weight_decay"]
        done = int(self._arrays[0][-1]) + 1
        numbers = adam_numbers(
            step=done,
            lr=lr,
            betas=group["betas"],
            eps=group["eps"],
            keep=1 - lr * decay if decoupled else 1.0,
            decay=0.0 if decoupled else decay,
            scale=scale,
        )
        for weight, (own, mean, square, step) in zip(self._weights, self._arrays, strict=True):
            step[...] = done
            gradient = weight.grad
            if gradient is not None:
                kernels.adam(own, mean, square, gradient.numpy().reshape(-1), numbers)
                weight.grad = None


def may_move(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether the compiled step is right and worth it for an optimiser's weights."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    same = len({weight.dtype for weight in weights}) <= 1
    on_cpu = all(weight.device.type == "cpu" and weight.is_contiguous() for weight in weights)
    small = sum(weight.numel() for weight in weights) <= SMALL
    return isinstance(optimizer, torch.optim.Adam) and on_cpu and same and small
