"""Recurrent layers forward and backward without autograd.

Autograd's objects, and the calls through which they reach the layers, cost a batch of a small network as much
as half of its arithmetic. The arithmetic is that of `recurrent`, in the same order.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.fast.recurrent import backward_layer, forward_layer, make_plan, plan_each, weights_of
from rnnsweep.networks.layers import Layers


class ByHand:
    """One forward pass of recurrent layers, and its backward pass; call both where autograd is off.

    Args:
        layers: their weights on the CPU, in single or double precision.
        inputs: inputs_TBE, or inputs_UE that `places_TB` places.
        lengths_B: tokens of each text, 1 or more.
        places_TB: the input of each token; None: its own.
        padding: the input that gets no gradient; None: each gets one.
        shows: as for `run_compiled`.
    """

    def __init__(
        self,
        layers: Layers,
        inputs: Tensor,
        lengths_B: Tensor,
        *,
        places_TB: Tensor | None = None,
        padding: int | None = None,
        shows: Shows = "every",
    ) -> None:
        steps = len(inputs if places_TB is None else places_TB)
        plan = make_plan(layers, lengths_B, steps=steps, shows=shows, places_TB=places_TB, padding=padding)
        self._done: list[tuple[_Context, list[Tensor], Tensor | None]] = []
        self.shown, factors = inputs, None
        for layer, own in enumerate(plan_each(layers, plan)):
            if layer and layers.dropout and layers.training:
                self.shown, factors = dropped(self.shown, layers.dropout)
            weights = weights_of(layers, layer)
            needed = layer > 0 or inputs.requires_grad, *(weight.requires_grad for weight in weights)
            context = _Context((False, *needed))
            self.shown = forward_layer(context, own, self.shown, *weights)
            self._done.append((context, weights, factors))

    def backward(self, grad_shown: Tensor) -> Tensor | None:
        """Add the weights' gradients to theirs; return that of the inputs, None where they need none."""
        gradient = grad_shown
        for context, weights, factors in reversed(self._done):
            _, of_inputs, *of_weights = backward_layer(context, gradient)
            for weight, of_weight in zip(weights, of_weights, strict=True):
                gather_gradient(weight, of_weight)
            if of_inputs is None:
                return None
            gradient = of_inputs if factors is None else of_inputs * factors
        return gradient


def dropped(values_x: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Return values after dropout, drawn and rounded as by torch.nn.functional.dropout, and their factors."""
    factors_x = torch.empty_like(values_x).bernoulli_(1 - rate)
    if rate < 1:
        factors_x.div_(1 - rate)
    return values_x * factors_x, factors_x


def gather_gradient(weight: Tensor, gradient: Tensor | None) -> None:
    """Add a gradient to that of a leaf, as autograd does."""
    if gradient is not None and weight.requires_grad:
        weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)


class _Given(torch.autograd.Function):
    """A number whose gradient in some values is given."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return values.new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        return ctx.gradient, None


def with_gradient(values: Tensor, gradient: Tensor) -> Tensor:
    """Return a number to start autograd from, with this gradient in values.

    `torch.autograd.backward` imports SymPy where it is given gradients: a third of a second in each process.
    """
    with torch.enable_grad():
        return _Given.apply(values, gradient)  # type: ignore[no-untyped-call, no-any-return]


class _Context:
    """What a layer's forward pass leaves for its backward pass, in the place of autograd's object."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep tensors."""
        self.saved_tensors = tensors
