"""Recurrent layers of any cell: PyTorch's own modules where it has them, else the cell's equations.

Shapes: T time steps, B texts, E numbers a step in, H units, K outputs a step (both directions side by side).
"""

import math

import torch
from torch import Tensor, nn

from rnnsweep.errors import UserError
from rnnsweep.networks.cells import CellSpec, find_cell
from rnnsweep.networks.cells.spec import WEIGHTS
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.equations import looped, weights_of, zeros


class EquationLayers(nn.Module):
    """Recurrent layers that step through time by a cell's equations, with the interface of `nn.RNNBase`.

    Args:
        cell: its name, as PyTorch's modules have a mode.
        input_size: E of the first layer.
        hidden_size: H.
        num_layers: one above the other.
        bidirectional: whether each layer reads backwards too.
        dropout: between two layers.

    Raises:
        UserError: the cell has other weights than its formula counts.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.mode, self.spec = cell, find_cell(cell)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.dropout = bidirectional, dropout
        self.more = tuple(name for name in self.spec.weights(input_size, hidden_size) if name not in WEIGHTS)
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * (2 if bidirectional else 1)
            shapes = self.spec.weights(width, hidden_size)
            _check_formula(cell, self.spec, shapes, width, hidden_size)
            for end in ("", "_reverse") if bidirectional else ("",):
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{end}", nn.Parameter(torch.empty(shape)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as PyTorch draws those of its own modules."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, inputs_TBE: Tensor) -> tuple[Tensor, None]:
        """Run all layers over texts of one length.

        Returns:
            outputs_TBK, and None where PyTorch's modules return the last states.
        """
        hidden_TBK = inputs_TBE
        for layer in range(self.num_layers):
            if layer and self.dropout:
                hidden_TBK = nn.functional.dropout(hidden_TBK, self.dropout, self.training)
            sides = [self.run_direction(hidden_TBK, layer, backward=False)]
            if self.bidirectional:
                sides.append(self.run_direction(hidden_TBK.flip(0), layer, backward=True).flip(0))
            hidden_TBK = torch.cat(sides, dim=2)
        return hidden_TBK, None

    def run_direction(self, inputs_TBE: Tensor, layer: int, *, backward: bool) -> Tensor:
        """Step through texts in the order in which they are given, with the weights of one direction.

        Returns:
            states_TBH
        """
        assert self.spec.equations is not None
        weights = weights_of(self, layer=layer, backward=backward)
        start = zeros(inputs_TBE, units=self.hidden_size)
        return looped(self.spec.equations, weights, inputs_TBE, start).states_TBH


Layers = nn.RNNBase | EquationLayers


def make_layers(config: ModelConfig, width: int) -> Layers | None:
    """Make the recurrent layers of a network that reads `width` numbers a step; None where it has none.

    Raises:
        UserError: the cell cannot be imported, or is not what it says.
    """
    spec = find_cell(config.cell)
    if spec.equations is None:
        return None
    settings = {
        "num_layers": config.num_layers,
        "bidirectional": config.bidirectional,
        "dropout": config.layer_dropout if config.num_layers > 1 else 0.0,
    }
    if spec.module is None:
        return EquationLayers(config.cell, width, config.hidden_size, **settings)  # type: ignore[arg-type]
    return getattr(nn, spec.module)(width, config.hidden_size, **settings)  # type: ignore[no-any-return]


def _check_formula(
    cell: str, spec: CellSpec, shapes: dict[str, tuple[int, ...]], inputs: int, units: int
) -> None:
    counted, formula = sum(math.prod(shape) for shape in shapes.values()), spec.parameters(inputs, units, 2)
    if counted != formula:
        raise UserError(
            f"model.cell={cell!r}: its formula counts {formula} weights of {inputs} inputs and {units} units;"
            f" its shapes have {counted}"
        )
