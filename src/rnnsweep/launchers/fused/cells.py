"""The recurrent cells for several members at once: one loop over time, one batched product a step.

PyTorch runs a small cell's step in microseconds and spends as long on calling it; here one call steps all
members. Forward keeps what backward needs; backward is written out, so that its loop has as few calls as the
forward one. Equations as in `rnnsweep.networks.equations`.

Members are in order of falling number of steps: a member whose texts have ended takes no further steps.

Shapes: K members, T time steps, B texts of a member, E numbers a step in, H units, G gates times H.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import Tensor

Run: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Sequence[int]], Tensor]


class _Stretch:
    """Some steps in a row in which the same members take part: the first `count`."""

    def __init__(self, first: int, end: int, count: int) -> None:
        self.first, self.end, self.count = first, end, count

    def steps(self, values_KTBx: Tensor, columns: slice = slice(None)) -> tuple[Tensor, ...]:
        """Return a view for each step, of some of the last dimension's columns."""
        return values_KTBx[: self.count, self.first : self.end, :, columns].unbind(1)


def _stretches(steps_K: Sequence[int]) -> list[_Stretch]:
    """Cut time where a member ends; `steps_K` falls."""
    assert list(steps_K) == sorted(steps_K, reverse=True), "members stand by falling number of steps"
    bounds = [0, *sorted(set(steps_K))]
    return [_Stretch(first, end, sum(n >= end for n in steps_K)) for first, end in pairwise(bounds)]


def projected(inputs_KTBE: Tensor, weight_KGE: Tensor, bias_KG: Tensor) -> Tensor:
    """Return the inputs' part of all gates at all steps at once, as gates_KTBG."""
    members, steps, texts, width = inputs_KTBE.shape
    flat_KNE = inputs_KTBE.reshape(members, steps * texts, width)
    gates_KNG = torch.baddbmm(bias_KG.unsqueeze(1), flat_KNE, weight_KGE.transpose(1, 2))
    return gates_KNG.view(members, steps, texts, -1)


def _weight_gradients(
    inputs_KTBE: Tensor, outputs_KTBH: Tensor, gates_KTBG: Tensor, state_gates_KTBG: Tensor
) -> tuple[Tensor, Tensor]:
    """Add up over steps and texts: of the input weights and of the recurrent ones."""
    flat_KNG = gates_KTBG.flatten(1, 2)
    of_input_KGE = torch.bmm(flat_KNG.transpose(1, 2), inputs_KTBE.flatten(1, 2))
    later_KNG = state_gates_KTBG[:, 1:].flatten(1, 2)
    before_KNH = outputs_KTBH[:, :-1].flatten(1, 2)
    return of_input_KGE, torch.bmm(later_KNG.transpose(1, 2), before_KNH)


def _grown(carried_nBH: Tensor | None, like_KBH: Tensor) -> Tensor:
    """Return what is carried back over time, with zeros for the members that come in here."""
    if carried_nBH is None:
        return torch.zeros_like(like_KBH)
    missing = like_KBH.shape[0] - carried_nBH.shape[0]
    if not missing:
        return carried_nBH
    return torch.cat((carried_nBH, carried_nBH.new_zeros(missing, *carried_nBH.shape[1:])))


class _RNN(torch.autograd.Function):
    """S' = tanh(W x + H S + b)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs_KTBE: Tensor,
        weight_KGE: Tensor,
        recurrent_KGH: Tensor,
        bias_KG: Tensor,
        state_bias_KG: Tensor,
        steps_K: Sequence[int],
    ) -> Tensor:
        states_KTBH = projected(inputs_KTBE, weight_KGE, bias_KG + state_bias_KG)
        stretches, across_KHG = _stretches(steps_K), recurrent_KGH.transpose(1, 2)
        state_KBH: Tensor | None = None
        for stretch in stretches:
            for step_KBH in stretch.steps(states_KTBH):
                if state_KBH is not None:
                    step_KBH.baddbmm_(state_KBH[: stretch.count], across_KHG[: stretch.count])
                state_KBH = step_KBH.tanh_()
        ctx.save_for_backward(inputs_KTBE, weight_KGE, recurrent_KGH, states_KTBH)
        ctx.stretches = stretches
        return states_KTBH

    @staticmethod
    def backward(ctx: Any, grad_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        inputs_KTBE, weight_KGE, recurrent_KGH, states_KTBH = ctx.saved_tensors
        slope_KTBH = 1 - states_KTBH.square()
        gates_KTBH = torch.zeros_like(states_KTBH)
        carried: Tensor | None = None
        for stretch in reversed(ctx.stretches):
            weight = recurrent_KGH[: stretch.count]
            views = zip(*map(stretch.steps, (grad_KTBH, slope_KTBH, gates_KTBH)), strict=True)
            for grad, slope, gates in reversed(list(views)):
                total = grad if carried is None else torch.add(grad, _grown(carried, grad))
                torch.mul(total, slope, out=gates)
                carried = torch.bmm(gates, weight)
        return gradients(ctx, gates_KTBH, gates_KTBH)


class _GRU(torch.autograd.Function):
    """S' = z S + (1 - z) n with n = tanh(W x + b + r (H S + b'))."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs_KTBE: Tensor,
        weight_KGE: Tensor,
        recurrent_KGH: Tensor,
        bias_KG: Tensor,
        state_bias_KG: Tensor,
        steps_K: Sequence[int],
    ) -> Tensor:
        gates_KTBG = projected(inputs_KTBE, weight_KGE, bias_KG)
        members, steps, texts, width = gates_KTBG.shape
        units = width // 3
        states_KTBH = gates_KTBG.new_zeros(members, steps, texts, units)
        hidden_KTBH = gates_KTBG.new_zeros(members, steps, texts, units)  # H S + b' of the candidate
        stretches, across_KHG = _stretches(steps_K), recurrent_KGH.transpose(1, 2)
        state_KBH = states_KTBH.new_zeros(members, texts, units)
        for stretch in stretches:
            weight, bias = across_KHG[: stretch.count], state_bias_KG[: stretch.count].unsqueeze(1)
            views = zip(
                stretch.steps(gates_KTBG, slice(0, 2 * units)),
                stretch.steps(gates_KTBG, slice(0, units)),
                stretch.steps(gates_KTBG, slice(units, 2 * units)),
                stretch.steps(gates_KTBG, slice(2 * units, None)),
                stretch.steps(hidden_KTBH),
                stretch.steps(states_KTBH),
                strict=True,
            )
            for both, reset, update, candidate, state_part, state in views:
                part_KBG = torch.baddbmm(bias, state_KBH[: stretch.count], weight)
                both.add_(part_KBG[..., : 2 * units]).sigmoid_()
                state_part.copy_(part_KBG[..., 2 * units :])
                candidate.addcmul_(reset, state_part).tanh_()
                state_KBH = torch.lerp(candidate, state_KBH[: stretch.count], update, out=state)
        ctx.save_for_backward(inputs_KTBE, weight_KGE, recurrent_KGH, states_KTBH, gates_KTBG, hidden_KTBH)
        ctx.stretches = stretches
        return states_KTBH

    @staticmethod
    def backward(ctx: Any, grad_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        _, _, recurrent_KGH, states_KTBH, gates_KTBG, hidden_KTBH = ctx.saved_tensors
        reset, update, candidate = gates_KTBG.chunk(3, dim=3)
        before = torch.zeros_like(states_KTBH)
        before[:, 1:] = states_KTBH[:, :-1]
        # what a change of the state does to each gate's sum, of all steps at once
        inner = (1 - update) * (1 - candidate.square())
        to_reset = inner * hidden_KTBH * reset * (1 - reset)
        to_update = (before - candidate) * update * (1 - update)
        slopes_KTBG = torch.cat((to_reset, to_update, inner * reset), dim=3)
        state_gates_KTBG = torch.zeros_like(slopes_KTBG)
        units, update_KTBH = states_KTBH.shape[3], update.contiguous()
        totals_KTBH = torch.zeros_like(states_KTBH)
        carried: Tensor | None = None
        for stretch in reversed(ctx.stretches):
            weight = recurrent_KGH[: stretch.count]
            views = zip(
                *map(stretch.steps, (grad_KTBH, update_KTBH, totals_KTBH, slopes_KTBG, state_gates_KTBG)),
                strict=True,
            )
            for grad, update_KBH, total, slope, gates in reversed(list(views)):
                torch.add(grad, _grown(carried, grad), out=total)
                three = (*total.shape[:2], 3, units)
                torch.mul(slope.view(three), total.unsqueeze(2), out=gates.view(three))
                carried = torch.baddbmm(total * update_KBH, gates, weight)
        gates_out_KTBG = state_gates_KTBG.clone()
        torch.mul(totals_KTBH, inner, out=gates_out_KTBG[..., 2 * units :])
        return gradients(ctx, gates_out_KTBG, state_gates_KTBG)


class _LSTM(torch.autograd.Function):
    """C' = f C + i tanh(g), S' = o tanh(C')."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs_KTBE: Tensor,
        weight_KGE: Tensor,
        recurrent_KGH: Tensor,
        bias_KG: Tensor,
        state_bias_KG: Tensor,
        steps_K: Sequence[int],
    ) -> Tensor:
        gates_KTBG = projected(inputs_KTBE, weight_KGE, bias_KG + state_bias_KG)
        members, steps, texts, width = gates_KTBG.shape
        units = width // 4
        shape = (members, steps, texts, units)
        states_KTBH, memory_KTBH, tanh_memory_KTBH = (gates_KTBG.new_zeros(shape) for _ in range(3))
        stretches, across_KHG = _stretches(steps_K), recurrent_KGH.transpose(1, 2)
        state: Tensor | None = None
        memory = states_KTBH.new_zeros(members, texts, units)
        bounds = ((0, 4), (0, 2), (0, 1), (1, 2), (2, 3), (3, 4))
        for stretch in stretches:
            weight = across_KHG[: stretch.count]
            columns = (stretch.steps(gates_KTBG, slice(a * units, b * units)) for a, b in bounds)
            rest = map(stretch.steps, (memory_KTBH, tanh_memory_KTBH, states_KTBH))
            for every, two, i, f, g, o, c, tanh_memory, out in zip(*columns, *rest, strict=True):
                if state is not None:
                    every.baddbmm_(state[: stretch.count], weight)
                two.sigmoid_()
                g.tanh_()
                o.sigmoid_()
                memory = torch.mul(f, memory[: stretch.count], out=c).addcmul_(i, g)
                state = torch.mul(o, torch.tanh(memory, out=tanh_memory), out=out)
        ctx.save_for_backward(
            inputs_KTBE, weight_KGE, recurrent_KGH, states_KTBH, gates_KTBG, memory_KTBH, tanh_memory_KTBH
        )
        ctx.stretches = stretches
        return states_KTBH

    @staticmethod
    def backward(ctx: Any, grad_KTBH: Tensor) -> tuple[Tensor | None, ...]:
        _, _, recurrent_KGH, states_KTBH, gates_KTBG, memory_KTBH, tanh_memory_KTBH = ctx.saved_tensors
        i, f, g, o = gates_KTBG.chunk(4, dim=3)
        before = torch.zeros_like(memory_KTBH)
        before[:, 1:] = memory_KTBH[:, :-1]
        # what a change of the memory, and of the state, does to each gate's sum, of all steps at once
        of_memory_KTBG = torch.cat((g * i * (1 - i), before * f * (1 - f), i * (1 - g.square())), dim=3)
        of_state_KTBH = tanh_memory_KTBH * o * (1 - o)
        memory_slope_KTBH = o * (1 - tanh_memory_KTBH.square())
        units, forget_KTBH = states_KTBH.shape[3], f.contiguous()
        gates_out_KTBG = torch.zeros_like(gates_KTBG)
        carried: Tensor | None = None
        memory: Tensor | None = None
        for stretch in reversed(ctx.stretches):
            weight = recurrent_KGH[: stretch.count]
            alike = (
                grad_KTBH,
                forget_KTBH,
                of_memory_KTBG,
                of_state_KTBH,
                memory_slope_KTBH,
                gates_out_KTBG,
            )
            columns = map(stretch.steps, alike)
            three = stretch.steps(gates_out_KTBG, slice(0, 3 * units))
            last = stretch.steps(gates_out_KTBG, slice(3 * units, None))
            steps = zip(*columns, three, last, strict=True)
            for grad, forget, slopes, slope, memory_slope, out, inner, o_grad in reversed(list(steps)):
                total = grad if carried is None else torch.add(grad, _grown(carried, grad))
                memory = torch.addcmul(_grown(memory, grad), total, memory_slope)
                split = (*total.shape[:2], 3, units)
                torch.mul(slopes.view(split), memory.unsqueeze(2), out=inner.unflatten(2, (3, units)))
                torch.mul(total, slope, out=o_grad)
                memory = memory.mul_(forget)
                carried = torch.bmm(out, weight)
        return gradients(ctx, gates_out_KTBG, gates_out_KTBG)


def gradients(ctx: Any, gates_KTBG: Tensor, state_gates_KTBG: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of inputs, the two weights and the two biases, from those of the gates' sums."""
    inputs_KTBE, weight_KGE, _, outputs_KTBH = ctx.saved_tensors[:4]
    of_inputs: Tensor | None = None
    if ctx.needs_input_grad[0]:
        flat_KNE = torch.bmm(gates_KTBG.flatten(1, 2), weight_KGE)
        of_inputs = flat_KNE.view(inputs_KTBE.shape)
    weights = _weight_gradients(inputs_KTBE, outputs_KTBH, gates_KTBG, state_gates_KTBG)
    bias_KG = gates_KTBG.sum((1, 2))
    # a copy where they are equal: whoever scales gradients in place must not scale one twice
    state_bias_KG = bias_KG.clone() if state_gates_KTBG is gates_KTBG else state_gates_KTBG.sum((1, 2))
    return of_inputs, *weights, bias_KG, state_bias_KG, None


_RUN: dict[str, Any] = {"rnn": _RNN.apply, "gru": _GRU.apply, "lstm": _LSTM.apply}


def run_direction(
    cell: str,
    inputs_KTBE: Tensor,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    steps_K: Sequence[int],
    ends_K: Tensor | None = None,
) -> Tensor:
    """Run one direction of one layer of all members, each with its own weights.

    Args:
        cell: rnn, gru or lstm.
        inputs_KTBE: what comes at or after a member's number of steps is not read.
        weights: weight_ih_KGE, weight_hh_KGH, bias_ih_KG, bias_hh_KG in PyTorch's order of gates.
        steps_K: each member's steps, falling; the first is T.
        ends_K: the same on the device, for cells that read it there; not read here.

    Returns:
        outputs_KTBH; beyond a member's steps they mean nothing, and their gradient must be zero.
    """
    outputs_KTBH: Tensor = _RUN[cell](inputs_KTBE, *weights, steps_K)
    return outputs_KTBH
