"""The weights that a fresh network starts from."""

import torch
from torch import nn

from rnnsweep.networks.cells import find_cell
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.layers import Layers


@torch.no_grad()
def set_initial_weights(embedding: nn.Embedding, layers: Layers | None, config: ModelConfig) -> None:
    """Draw what PyTorch's own draws do not give; a bias that the network lacks becomes a constant 0."""
    if config.input == "embedding" and config.initialisation != "pytorch":
        _embedding(embedding, config.initialisation)
    if layers is None:
        return
    if config.initialisation == "keras":
        _keras(layers)
    gates = find_cell(config.cell).gates
    if "forget" in gates and config.forget_bias is not None:
        _open_forget_gates(layers, config.forget_bias, gate=gates.index("forget"))
    if config.biases == "one":
        _one_bias(layers)


def _embedding(embedding: nn.Embedding, kind: str) -> None:
    if kind == "keras":
        nn.init.uniform_(embedding.weight, -0.05, 0.05)
    else:
        embedding.weight -= 0.5  # randn - 0.5, as a well-known lesson has it
    if embedding.padding_idx is not None:
        embedding.weight[embedding.padding_idx] = 0.0


def _keras(layers: Layers) -> None:
    """Glorot's uniform input weights, orthogonal recurrent weights, zero biases: what Keras draws.

    Weights under other names stay as they were drawn.
    """
    for name, weight in layers.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(weight)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(weight)
        elif name.startswith("bias"):
            nn.init.zeros_(weight)


def _open_forget_gates(layers: Layers, bias: float, *, gate: int) -> None:
    """Set the forget gate's bias: above 0, a fresh LSTM remembers (Jozefowicz, Zaremba, Sutskever 2015)."""
    forget = slice(gate * layers.hidden_size, (gate + 1) * layers.hidden_size)
    for name, weight in layers.named_parameters():
        if name.startswith("bias_ih"):
            weight[forget] = bias
        elif name.startswith("bias_hh"):
            weight[forget] = 0.0


def _one_bias(layers: Layers) -> None:
    """Keep one bias a gate, as Keras has it: PyTorch's second becomes a constant zero, not a weight.

    Two biases that are always added up learn the same function at twice the rate.
    """
    for name in [name for name, _ in layers.named_parameters() if name.startswith("bias_hh")]:
        zeros = torch.zeros_like(getattr(layers, name))
        delattr(layers, name)
        layers.register_buffer(name, zeros)
    if isinstance(layers, nn.RNNBase):
        layers._flat_weights = [getattr(layers, name) for name in layers._flat_weights_names]
