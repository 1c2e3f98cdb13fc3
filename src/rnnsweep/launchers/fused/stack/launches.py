"""The cells with Triton's kernels in place of the loops of `launchers.fused.cells`: the same function.

Shapes: K members, T time steps, B texts of a member, E numbers a step in, H units, G gates times H.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnsweep.launchers.fused.cells import gradients, projected
from rnnsweep.launchers.fused.stack import kernels

ROWS = 16  # texts of a program: the fewest that a tile of Triton's products has
_OPTIONS = {"num_stages": 1}  # copies of the weights in flight: more do not fit into shared memory
_COUNTERS = 256  # of a program that draws


def _sizes(states_KTBH: Tensor) -> tuple[tuple[int, int], dict[str, int]]:
    """Return the grid and the sizes that every kernel of a cell takes."""
    members, steps, texts, units = states_KTBH.shape
    filled = max(16, 1 << (units - 1).bit_length())
    return (members, -(-texts // ROWS)), {
        "T": steps,
        "B": texts,
        "H": units,
        "R": ROWS,
        "P": filled,
        **_OPTIONS,
    }


class _Cell(torch.autograd.Function):
    """What the cells have in common; a subclass launches its kernels."""

    @classmethod
    def _saved(cls, ctx: Any, grad_output_KTBH: Tensor) -> tuple[Any, ...]:
        _, _, weight_KGH, *made, ends_K = ctx.saved_tensors
        return weight_KGH.contiguous(), made, ends_K, grad_output_KTBH.contiguous()


class _RNN(_Cell):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, across: Tensor, *more: Tensor) -> Tensor:
        bias, state_bias, ends_K = more
        states = projected(inputs, weight, bias + state_bias).contiguous()
        grid, sizes = _sizes(states)
        kernels.rnn_forward[grid](states, across.contiguous(), ends_K, **sizes)
        ctx.save_for_backward(inputs, weight, across, states, ends_K)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        weight_KGH, (states,), ends_K, grad_output = _RNN._saved(ctx, grad_output_KTBH)
        out = torch.zeros_like(states)
        grid, sizes = _sizes(states)
        kernels.rnn_backward[grid](states, grad_output, weight_KGH, ends_K, out, **sizes)
        return gradients(ctx, out, out)


class _GRU(_Cell):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, across: Tensor, *more: Tensor) -> Tensor:
        bias, state_bias, ends_K = more
        gates = projected(inputs, weight, bias).contiguous()
        states, candidates = (gates.new_zeros(*gates.shape[:3], across.shape[2]) for _ in range(2))
        grid, sizes = _sizes(states)
        arguments = (gates, across.contiguous(), state_bias.contiguous(), ends_K)
        kernels.gru_forward[grid](*arguments, candidates, states, **sizes)
        ctx.save_for_backward(inputs, weight, across, states, gates, candidates, ends_K)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        weight_KGH, (states, gates, candidates), ends_K, grad_output = _GRU._saved(ctx, grad_output_KTBH)
        out, state_out = torch.zeros_like(gates), torch.zeros_like(gates)
        grid, sizes = _sizes(states)
        arguments = (gates, candidates, states, grad_output, weight_KGH, ends_K)
        kernels.gru_backward[grid](*arguments, out, state_out, **sizes)
        return gradients(ctx, out, state_out)


class _LSTM(_Cell):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, across: Tensor, *more: Tensor) -> Tensor:
        bias, state_bias, ends_K = more
        gates = projected(inputs, weight, bias + state_bias).contiguous()
        shape = (*gates.shape[:3], across.shape[2])
        states, memory, tanh_memory = (gates.new_zeros(shape) for _ in range(3))
        grid, sizes = _sizes(states)
        kernels.lstm_forward[grid](gates, across.contiguous(), ends_K, memory, tanh_memory, states, **sizes)
        ctx.save_for_backward(inputs, weight, across, states, gates, memory, tanh_memory, ends_K)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        weight_KGH, (states, gates, memory, tanh_memory), ends_K, grad_output = _LSTM._saved(
            ctx, grad_output_KTBH
        )
        out = torch.zeros_like(gates)
        grid, sizes = _sizes(states)
        kernels.lstm_backward[grid](gates, memory, tanh_memory, grad_output, weight_KGH, ends_K, out, **sizes)
        return gradients(ctx, out, out)


_RUN: dict[str, Any] = {"rnn": _RNN.apply, "gru": _GRU.apply, "lstm": _LSTM.apply}


def run_direction(
    cell: str,
    inputs_KTBE: Tensor,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    steps_K: Sequence[int],
    ends_K: Tensor,
) -> Tensor:
    """Compute `launchers.fused.cells.run_direction` in single precision and with at most 128 units.

    Args:
        cell: rnn, gru or lstm.
        inputs_KTBE: what comes at or after a member's number of steps is not read.
        weights: weight_ih_KGE, weight_hh_KGH, bias_ih_KG, bias_hh_KG in PyTorch's order of gates.
        steps_K: not read.
        ends_K: each member's steps, on the device.

    Returns:
        outputs_KTBH
    """
    outputs_KTBH: Tensor = _RUN[cell](inputs_KTBE, *weights, ends_K)
    return outputs_KTBH


def draw_factors(
    keys_K2: Tensor, steps_K: Tensor, rates_K: Tensor, *, site: int, count: int, dtype: torch.dtype
) -> Tensor:
    """Return dropout's factors_KN, drawn in one launch: the same as `members.draw_factors`.

    Args:
        keys_K2: halves of each member's seed.
        steps_K: number of each member's step.
        rates_K: of dropout.
        site: place in the network.
        count: N, numbers of a member.
        dtype: of the factors.
    """
    out_KN = torch.empty(len(keys_K2), count, dtype=torch.float32, device=keys_K2.device)
    least_K = (rates_K * 2.0**32).to(torch.int64)
    scales_K = (1 / (1 - rates_K)).to(torch.float32)
    grid = (len(keys_K2), -(-count // (4 * _COUNTERS)))
    kernels.draw[grid](keys_K2, steps_K, least_K, scales_K, out_KN, site, count, W=_COUNTERS)
    return out_KN.to(dtype)
