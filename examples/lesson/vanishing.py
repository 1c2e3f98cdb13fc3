"""How far back a loss at the last word reaches: the norm of its gradient at each state, by distance in time.

Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.

Shapes: T time steps, B texts, H units, E numbers of a token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from rnnsweep.networks import Network
from rnnsweep.networks.cells import Step
from rnnsweep.networks.equations import equations_of, weights_of

Distances = NDArray[np.float64]


@dataclass(frozen=True)
class Reach:
    """One network's gradients, the median over texts; entry d is d steps before the last, entry 0 is 1."""

    name: str
    fresh_T: Distances  # at initialisation
    trained_T: Distances


def gradient_by_distance(network: Network, tokens_TB: Tensor, targets_B: Tensor) -> Distances:
    """Return ||d loss / d state|| by distance from the last step, relative to that at the last step.

    The state is what a cell hands on: an LSTM's memory, else the output. All texts have T tokens; the network
    must have one layer and one direction and judge by its last state.

    Returns:
        the geometric mean over the texts, by distance 0 .. T - 1.
    """
    config = network.config
    assert network.layers is not None
    assert (config.num_layers, config.bidirectional, config.pooling) == (1, False, "last")
    steps = _walk(network, network.embedding(tokens_TB))
    logits_BC = network.output(steps[-1].state_BH)
    loss = cross_entropy(logits_BC, targets_B, reduction="sum")
    carried = [step.state_BH if step.memory_BH is None else step.memory_BH for step in steps]
    gradients = torch.autograd.grad(loss, carried)
    norms_TB = torch.stack([gradient_BH.norm(dim=1) for gradient_BH in reversed(gradients)]).double()
    relative_TB = norms_TB / norms_TB[0].clamp(min=1e-300)
    return np.asarray(relative_TB.clamp(min=1e-30).log().mean(dim=1).exp().numpy())


def _walk(network: Network, embedded_TBE: Tensor) -> list[Step]:
    """Read the texts by the cell's equation, keeping every step's own tensors."""
    layers = network.layers
    assert layers is not None
    weights, cell = weights_of(layers), equations_of(layers)
    zeros_BH = embedded_TBE.new_zeros(embedded_TBE.shape[1], layers.hidden_size)
    step = Step(zeros_BH, zeros_BH)
    return [step := cell(weights, input_BE, step) for input_BE in embedded_TBE]


def draw_reach(reaches: Sequence[Reach], colours: Mapping[str, str], *, title: str) -> bytes:
    """Draw gradients by distance, before and after training, on a common logarithmic scale; as PNG."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    pair = figure.subplots(1, 2, sharey=True)
    for axis, when in zip(pair, ("at initialisation", "after training"), strict=True):
        for reach in reaches:
            values_T = reach.fresh_T if when == "at initialisation" else reach.trained_T
            axis.semilogy(values_T, label=reach.name, color=colours[reach.name])
        axis.set_title(when, fontsize=10)
        axis.set_xlabel("distance in time (tokens before the last)")
        axis.grid(alpha=0.3)
    pair[0].set_ylabel("norm of d loss / d state,\n1 at the last token")
    pair[0].set_ylim(1e-8, 10)
    pair[1].legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
