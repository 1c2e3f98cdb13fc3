"""Recurrent layers by the equations of their cells (`networks.cells`), to check and to look inside.

A cell is one function of one step: weights, input, state -> next state. `looped` applies it along a text
with one set of weights; `unrolled` lays the same text out as a chain that has a set of weights for each step,
so that the gradient of each step can be seen by itself. Both equal `torch.nn.RNN`, `GRU` and `LSTM`.

Shapes: T time steps, B texts, E numbers a step in, H units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnnsweep.networks.cells import find_cell
from rnnsweep.networks.cells.gru import gru
from rnnsweep.networks.cells.lstm import lstm
from rnnsweep.networks.cells.rnn import relu_rnn, rnn
from rnnsweep.networks.cells.spec import WEIGHTS, CellWeights, Equations, Step


@dataclass(frozen=True)
class Trace:
    """What all steps left, in the order in which they were taken."""

    states_TBH: Tensor
    memory_TBH: Tensor | None
    gates: dict[str, Tensor]  # name -> (T, B, H)


CELLS: dict[str, Equations] = {
    "RNN_TANH": rnn,
    "RNN_RELU": relu_rnn,
    "GRU": gru,
    "LSTM": lstm,
}  # PyTorch's modes


def equations_of(layers: Any) -> Equations:
    """Return the equations of the cell of recurrent layers, PyTorch's or `networks.layers.EquationLayers`."""
    mode: str = layers.mode
    equations = CELLS.get(mode) or find_cell(mode).equations
    assert equations is not None
    return equations


def looped(cell: Equations, weights: CellWeights, inputs_TBE: Tensor, start: Step | None = None) -> Trace:
    """Return what each step of a text leaves, all with one set of weights.

    Args:
        cell: one step.
        weights: of the cell.
        inputs_TBE: of each step.
        start: state before the first step; None: zeros.
    """
    return unrolled(cell, [weights] * inputs_TBE.shape[0], inputs_TBE, start)


def unrolled(
    cell: Equations, weights_T: Sequence[CellWeights], inputs_TBE: Tensor, start: Step | None = None
) -> Trace:
    """Return what each step of a text leaves, with a set of weights for each step.

    The gradient of the one shared set is the sum of the gradients of the copies.

    Args:
        cell: one step.
        weights_T: a set for each step.
        inputs_TBE: of each step.
        start: state before the first step; None: zeros.
    """
    assert len(weights_T) == inputs_TBE.shape[0], f"{len(weights_T)} sets, {inputs_TBE.shape[0]} steps"
    step = start or zeros(inputs_TBE, units=weights_T[0].H.shape[1])
    steps = [
        step := cell(weights, input_BE, step) for weights, input_BE in zip(weights_T, inputs_TBE, strict=True)
    ]
    return _joined(steps)


def zeros(inputs_TBE: Tensor, *, units: int) -> Step:
    """Return the step before the first: a state and a memory of zeros."""
    zeros_BH = inputs_TBE.new_zeros(inputs_TBE.shape[1], units)
    return Step(zeros_BH, zeros_BH)


def _joined(steps: Sequence[Step]) -> Trace:
    memory = [step.memory_BH for step in steps if step.memory_BH is not None]
    return Trace(
        states_TBH=torch.stack([step.state_BH for step in steps]),
        memory_TBH=torch.stack(memory) if memory else None,
        gates={name: torch.stack([step.gates[name] for step in steps]) for name in steps[0].gates},
    )


def weights_of(layers: Any, *, layer: int = 0, backward: bool = False) -> CellWeights:
    """Read the weights of one layer and direction of recurrent layers: their own, not copies."""
    suffix = f"l{layer}" + ("_reverse" if backward else "")
    common: tuple[Any, ...] = tuple(getattr(layers, f"{name}_{suffix}", None) for name in WEIGHTS)
    more = {name: getattr(layers, f"{name}_{suffix}") for name in getattr(layers, "more", ())}
    return CellWeights(*common)._replace(more=more)


def traces(layers: Any, inputs_TBE: Tensor) -> list[tuple[int, str, Trace]]:
    """Run all layers of a PyTorch module by the equations, on texts of one length, without dropout.

    Returns:
        (layer, "forward" or "backward", trace); a backward trace is turned round: its step t read token t.
    """
    by_layer: list[tuple[int, str, Trace]] = []
    hidden_TBH = inputs_TBE
    for layer in range(layers.num_layers):
        ran = [("forward", _one(layers, hidden_TBH, layer, backward=False))]
        if layers.bidirectional:
            ran.append(("backward", _one(layers, hidden_TBH, layer, backward=True)))
        hidden_TBH = torch.cat([trace.states_TBH for _, trace in ran], dim=2)
        by_layer += [(layer, direction, trace) for direction, trace in ran]
    return by_layer


def _one(layers: Any, inputs_TBE: Tensor, layer: int, *, backward: bool) -> Trace:
    weights, cell = weights_of(layers, layer=layer, backward=backward), equations_of(layers)
    start = zeros(inputs_TBE, units=layers.hidden_size)
    if not backward:
        return looped(cell, weights, inputs_TBE, start)
    trace = looped(cell, weights, inputs_TBE.flip(0), start)
    memory_TBH = None if trace.memory_TBH is None else trace.memory_TBH.flip(0)
    return Trace(trace.states_TBH.flip(0), memory_TBH, {name: g.flip(0) for name, g in trace.gates.items()})
