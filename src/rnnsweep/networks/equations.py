"""The recurrent cells written as their equations, to read, to check and to look inside.

A cell is one function of one step: weights, input, state -> next state. `looped` applies it along a text
with one set of weights; `unrolled` lays the same text out as a chain that has a set of weights for each step,
so that the gradient of each step can be seen by itself. Both equal `torch.nn.RNN`, `GRU` and `LSTM`.

Equations: Elman 1990; Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; Cho et al.
2014 with the reset gate after the product, as in cuDNN and PyTorch.

Shapes: T time steps, B texts, E numbers a step in, H units, G gates of a cell (rnn 1, gru 3, lstm 4),
O outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

Activation: TypeAlias = Callable[[Tensor], Tensor]


class Weights(NamedTuple):
    """The weights of one cell, gates under one another in PyTorch's order; the same at every step."""

    W: Tensor  # (G * H, E), times the input
    H: Tensor  # (G * H, H), times the state
    b: Tensor  # (G * H,), added to the input's part
    b_state: Tensor  # (G * H,), added to the state's part


@dataclass(frozen=True)
class Step:
    """What one step leaves: the state, an LSTM's memory, and the gates by name."""

    state_BH: Tensor
    memory_BH: Tensor | None = None
    gates: dict[str, Tensor] = field(default_factory=dict)  # name -> (B, H)


@dataclass(frozen=True)
class Trace:
    """What all steps left, in the order in which they were taken."""

    states_TBH: Tensor
    memory_TBH: Tensor | None
    gates: dict[str, Tensor]  # name -> (T, B, H)


Cell: TypeAlias = Callable[[Weights, Tensor, Step], Step]


def rnn(weights: Weights, input_BE: Tensor, before: Step, *, sigma: Activation = torch.tanh) -> Step:
    """S' = sigma(W x + H S + b)."""
    W, H, b, b_state = weights
    return Step(sigma(input_BE @ W.T + before.state_BH @ H.T + b + b_state))


def lstm(weights: Weights, input_BE: Tensor, before: Step) -> Step:
    """C' = f C + i tanh(g), S' = o tanh(C'): what to forget, what to take in, what to show."""
    assert before.memory_BH is not None
    x_BG, s_BG = _two_parts(weights, input_BE, before)
    i, f, g, o = (x_BG + s_BG).chunk(4, dim=1)
    gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid(), "candidate": g.tanh()}
    memory_BH = gates["forget"] * before.memory_BH + gates["input"] * gates["candidate"]
    return Step(gates["output"] * memory_BH.tanh(), memory_BH, gates)


def gru(weights: Weights, input_BE: Tensor, before: Step) -> Step:
    """S' = z S + (1 - z) n with n = tanh(W x + b + r (H S + b')): r resets, z keeps."""
    x_BG, s_BG = _two_parts(weights, input_BE, before)
    (r, z, n), (r_s, z_s, n_s) = x_BG.chunk(3, dim=1), s_BG.chunk(3, dim=1)
    reset_BH, update_BH = (r + r_s).sigmoid(), (z + z_s).sigmoid()
    candidate_BH = (n + reset_BH * n_s).tanh()
    state_BH = update_BH * before.state_BH + (1 - update_BH) * candidate_BH
    return Step(state_BH, None, {"reset": reset_BH, "update": update_BH, "candidate": candidate_BH})


def _two_parts(weights: Weights, input_BE: Tensor, before: Step) -> tuple[Tensor, Tensor]:
    return input_BE @ weights.W.T + weights.b, before.state_BH @ weights.H.T + weights.b_state


def relu_rnn(weights: Weights, input_BE: Tensor, before: Step) -> Step:
    """S' = max(0, W x + H S + b), `torch.nn.RNN` with nonlinearity "relu"."""
    return rnn(weights, input_BE, before, sigma=torch.relu)


CELLS: dict[str, Cell] = {"RNN_TANH": rnn, "RNN_RELU": relu_rnn, "GRU": gru, "LSTM": lstm}  # PyTorch's modes


def looped(cell: Cell, weights: Weights, inputs_TBE: Tensor, start: Step | None = None) -> Trace:
    """Read a text step by step with one set of weights, from a state of zeros or from `start`."""
    return unrolled(cell, [weights] * inputs_TBE.shape[0], inputs_TBE, start)


def unrolled(
    cell: Cell, weights_T: Sequence[Weights], inputs_TBE: Tensor, start: Step | None = None
) -> Trace:
    """Read a text with a set of weights for each step: backpropagation through time, laid open.

    The gradient of the one shared set is the sum of the gradients of the copies (see `copies`).
    """
    assert len(weights_T) == inputs_TBE.shape[0], f"{len(weights_T)} sets, {inputs_TBE.shape[0]} steps"
    step = start or _zeros(weights_T[0], inputs_TBE)
    steps = [
        step := cell(weights, input_BE, step) for weights, input_BE in zip(weights_T, inputs_TBE, strict=True)
    ]
    return _joined(steps)


def copies(weights: Weights, *, steps: int) -> list[Weights]:
    """Copy a set of weights once a step; each copy collects the gradient of its own step."""
    return [Weights(*(w.detach().clone().requires_grad_() for w in weights)) for _ in range(steps)]


def _zeros(weights: Weights, inputs_TBE: Tensor) -> Step:
    zeros_BH = inputs_TBE.new_zeros(inputs_TBE.shape[1], weights.H.shape[1])
    return Step(zeros_BH, zeros_BH)


def _joined(steps: Sequence[Step]) -> Trace:
    memory = [step.memory_BH for step in steps if step.memory_BH is not None]
    return Trace(
        states_TBH=torch.stack([step.state_BH for step in steps]),
        memory_TBH=torch.stack(memory) if memory else None,
        gates={name: torch.stack([step.gates[name] for step in steps]) for name in steps[0].gates},
    )


def outputs(states_TBH: Tensor, W_OH: Tensor, b_O: Tensor, *, f: Activation = torch.tanh) -> Tensor:
    """Give an output at every step, Y_i = f(W_O S_i + b_O), as tagging and text generation need it.

    Returns:
        outputs_TBO
    """
    return f(linear(states_TBH, W_OH, b_O))


def weights_of(layers: nn.RNNBase, *, layer: int = 0, backward: bool = False) -> Weights:
    """Read the weights of one layer and direction of a PyTorch module: its own, not copies."""
    suffix = f"l{layer}" + ("_reverse" if backward else "")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return Weights(*(getattr(layers, f"{name}_{suffix}") for name in names))


def traces(layers: nn.RNNBase, inputs_TBE: Tensor) -> list[tuple[int, str, Trace]]:
    """Run all layers of a PyTorch module by the equations, on texts of one length, without dropout.

    Returns:
        (layer, "forward" or "backward", trace); a backward trace is turned round: its step t read token t.
    """
    found: list[tuple[int, str, Trace]] = []
    hidden_TBH = inputs_TBE
    for layer in range(layers.num_layers):
        ran = [("forward", _one(layers, hidden_TBH, layer, backward=False))]
        if layers.bidirectional:
            ran.append(("backward", _one(layers, hidden_TBH, layer, backward=True)))
        hidden_TBH = torch.cat([trace.states_TBH for _, trace in ran], dim=2)
        found += [(layer, direction, trace) for direction, trace in ran]
    return found


def _one(layers: nn.RNNBase, inputs_TBE: Tensor, layer: int, *, backward: bool) -> Trace:
    weights, cell = weights_of(layers, layer=layer, backward=backward), CELLS[layers.mode]
    if not backward:
        return looped(cell, weights, inputs_TBE)
    trace = looped(cell, weights, inputs_TBE.flip(0))
    memory_TBH = None if trace.memory_TBH is None else trace.memory_TBH.flip(0)
    return Trace(trace.states_TBH.flip(0), memory_TBH, {name: g.flip(0) for name, g in trace.gates.items()})


def packed_order(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Give (text, step) in the order in which packing lays sequences out: step by step, longest text first.

    [1, 2, 3, 4, 5], [6, 7, 8] and [9] become 1 6 9, 2 7, 3 8, 4, 5: padding is never read.
    """
    longest_first = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    return [(text, step) for step in range(max(lengths)) for text in longest_first if step < lengths[text]]
