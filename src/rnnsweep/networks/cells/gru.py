"""The gated recurrent unit (Cho et al. 2014), its reset gate after the product, as in cuDNN and PyTorch."""

from typing import TYPE_CHECKING

from rnnsweep.networks.cells.spec import CellSpec, CellWeights, OnnxForm, Step, gated

if TYPE_CHECKING:
    from torch import Tensor

    from rnnsweep.networks.fast.layers import Loops


def gru(weights: CellWeights, input_BE: "Tensor", before: Step) -> Step:
    """S' = z S + (1 - z) n with n = tanh(W x + b + r (H S + b')): r resets, z keeps."""
    of_input_BG = input_BE @ weights.W.T + weights.b
    of_state_BG = before.state_BH @ weights.H.T + weights.b_state
    (r, z, n), (r_s, z_s, n_s) = of_input_BG.chunk(3, dim=1), of_state_BG.chunk(3, dim=1)
    reset_BH, update_BH = (r + r_s).sigmoid(), (z + z_s).sigmoid()
    candidate_BH = (n + reset_BH * n_s).tanh()
    state_BH = update_BH * before.state_BH + (1 - update_BH) * candidate_BH
    return Step(state_BH, None, {"reset": reset_BH, "update": update_BH, "candidate": candidate_BH})


def _loops() -> "Loops":
    from rnnsweep.networks.fast.layers import GRU

    return GRU


CELL = CellSpec(
    equations=gru,
    gates=("reset", "update", "candidate"),
    parameters=gated(3),
    module="GRU",
    mode="GRU",
    loops=_loops,
    onnx=OnnxForm("GRU", (1, 0, 2), {"linear_before_reset": 1}),
)
