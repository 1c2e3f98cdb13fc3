"""The plain recurrent cell (Elman 1990)."""

from typing import TYPE_CHECKING

from rnnsweep.networks.cells.spec import CellSpec, CellWeights, OnnxForm, Step, gated

if TYPE_CHECKING:
    from torch import Tensor

    from rnnsweep.networks.fast.layers import Loops


def rnn(weights: CellWeights, input_BE: "Tensor", before: Step) -> Step:
    """S' = tanh(W x + H S + b)."""
    return Step(_sums(weights, input_BE, before).tanh())


def relu_rnn(weights: CellWeights, input_BE: "Tensor", before: Step) -> Step:
    """S' = max(0, W x + H S + b), `torch.nn.RNN` with nonlinearity "relu"."""
    return Step(_sums(weights, input_BE, before).relu())


def _sums(weights: CellWeights, input_BE: "Tensor", before: Step) -> "Tensor":
    return input_BE @ weights.W.T + before.state_BH @ weights.H.T + weights.b + weights.b_state


def _loops() -> "Loops":
    from rnnsweep.networks.fast.layers import RNN

    return RNN


CELL = CellSpec(
    equations=rnn,
    gates=("state",),
    parameters=gated(1),
    module="RNN",
    mode="RNN_TANH",
    loops=_loops,
    onnx=OnnxForm("RNN", (0,)),
)
