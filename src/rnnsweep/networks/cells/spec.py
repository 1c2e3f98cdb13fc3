"""What a recurrent cell is: its equations, its weights and how many there are, the names of its gates.

Nothing here imports PyTorch: a configuration names a cell, and a count of weights needs its formula alone.

Shapes: B texts, E numbers a step in, H units, G gates times H.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from rnnsweep.networks.fast.layers import Loops

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # PyTorch's names
NO_WEIGHTS: Mapping[str, Any] = {}


class CellWeights(NamedTuple):
    """The weights of one cell, gates under one another in the order of `CellSpec.gates`."""

    W: "Tensor"  # weight_ih (G, E), times the input
    H: "Tensor"  # weight_hh (G, H), times the state
    b: "Tensor"  # bias_ih (G,), added to the input's part
    b_state: "Tensor"  # bias_hh (G,), added to the state's part
    more: "Mapping[str, Tensor]" = NO_WEIGHTS  # those of `CellSpec.shapes` under other names


@dataclass(frozen=True)
class Step:
    """What one step leaves: the state, the memory where the cell has one, and the gates by name."""

    state_BH: "Tensor"
    memory_BH: "Tensor | None" = None
    gates: "dict[str, Tensor]" = field(default_factory=dict)  # name -> (B, H)


Equations: TypeAlias = Callable[[CellWeights, "Tensor", Step], Step]  # weights, input_BE, the step before
Shapes: TypeAlias = Callable[[int, int], dict[str, tuple[int, ...]]]  # E, H -> name -> shape


@dataclass(frozen=True)
class OnnxForm:
    """The operator of ONNX that computes the cell."""

    operator: str
    order: tuple[int, ...]  # the cell's gates in the order of the operator
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CellSpec:
    """One recurrent cell. What is None is missing, and refused by name where it is needed.

    Args:
        equations: one step of a batch, in PyTorch's operations; it starts from a state and a memory of zeros.
        gates: names of the blocks of H rows in its weights, in their order.
        parameters: weights of one direction of one layer, from E, H and the biases of a gate (1 or 2).
        shapes: of its weights, from E and H; None: weight_ih, weight_hh, bias_ih and bias_hh with a block of
            H rows for each gate.
        module: PyTorch's own module that computes it, as "LSTM"; its mode, as "RNN_TANH".
        loops: returns its compiled time loops for the CPU.
        onnx: its operator of ONNX.
    """

    equations: Equations | None  # None: no recurrence
    gates: tuple[str, ...]
    parameters: Callable[[int, int, int], int]
    shapes: Shapes | None = None
    module: str | None = None
    mode: str | None = None
    loops: "Callable[[], Loops] | None" = None
    onnx: OnnxForm | None = None

    def weights(self, inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of one direction of one layer by name."""
        if self.shapes is not None:
            return self.shapes(inputs, units)
        rows = len(self.gates) * units
        return dict(zip(WEIGHTS, ((rows, inputs), (rows, units), (rows,), (rows,)), strict=True))


def gated(gates: int) -> Callable[[int, int, int], int]:
    """Return the formula of a cell whose gates each read the whole input and the whole state."""
    return lambda inputs, units, biases: gates * units * (inputs + units + biases)
