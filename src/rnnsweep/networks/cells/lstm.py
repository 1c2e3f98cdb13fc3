"""Long short-term memory (Hochreiter and Schmidhuber 1997) with the forget gate of Gers et al. 2000."""

from typing import TYPE_CHECKING

from rnnsweep.networks.cells.spec import CellSpec, CellWeights, OnnxForm, Step, gated

if TYPE_CHECKING:
    from torch import Tensor

    from rnnsweep.networks.fast.layers import Loops


def lstm(weights: CellWeights, input_BE: "Tensor", before: Step) -> Step:
    """C' = f C + i tanh(g), S' = o tanh(C'): what to forget, what to take in, what to show."""
    assert before.memory_BH is not None
    of_input_BG = input_BE @ weights.W.T + weights.b
    of_state_BG = before.state_BH @ weights.H.T + weights.b_state
    i, f, g, o = (of_input_BG + of_state_BG).chunk(4, dim=1)
    gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid(), "candidate": g.tanh()}
    memory_BH = gates["forget"] * before.memory_BH + gates["input"] * gates["candidate"]
    return Step(gates["output"] * memory_BH.tanh(), memory_BH, gates)


def _loops() -> "Loops":
    from rnnsweep.networks.fast.layers import LSTM

    return LSTM


CELL = CellSpec(
    equations=lstm,
    gates=("input", "forget", "candidate", "output"),
    parameters=gated(4),
    module="LSTM",
    mode="LSTM",
    loops=_loops,
    onnx=OnnxForm("LSTM", (0, 3, 1, 2)),
)
