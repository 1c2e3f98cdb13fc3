"""One recurrent network that classifies texts.

Shapes: B texts, T time steps, E embedding size, H outputs a step (both directions side by side), C classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.embedding import make_embedding
from rnnsweep.networks.initial import set_initial_weights
from rnnsweep.networks.lengths import choose, run
from rnnsweep.networks.pooling import pool
from rnnsweep.networks.size import input_width, output_width

_LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Network(nn.Module):
    """Embedding, recurrent layers, pooling over the real steps, output layer.

    Computes the same logits whatever the padding: those of packed sequences (unless ``model.masked=false``).
    The recurrent layers are PyTorch's own modules, so that the state_dict loads into any of their kind.
    """

    def __init__(self, config: ModelConfig, *, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = make_embedding(config, vocabulary=vocabulary)
        width = input_width(config, vocabulary=vocabulary)
        self.layers = None if config.cell == "bag" else _recurrent_layers(config, width)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(output_width(config), classes)

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Give logits_BC of texts of token ids; what stands at or after a text's length is padding."""
        return self.read(self.embedding(tokens_BT.t()), lengths_B)

    def read(self, embedded_TBE: Tensor, lengths_B: Tensor) -> Tensor:
        """Give logits_BC of texts whose tokens have been looked up already.

        Training reads the few rows of the embedding that a batch needs and starts here.
        """
        if not self.config.masked:
            lengths_B = torch.full_like(lengths_B, embedded_TBE.shape[0])
        ragged = bool((lengths_B != embedded_TBE.shape[0]).any())
        hidden_TBH = self.embedding_dropout(embedded_TBE)
        if self.layers is not None:
            way = choose(hidden_TBH, ragged=ragged)
            hidden_TBH = run(self.layers, hidden_TBH, lengths_B, way=way)
        pooled_BH = pool(
            hidden_TBH,
            lengths_B.to(hidden_TBH.device),  # up to here they were read on the CPU
            pooling=self.config.pooling,
            bidirectional=self.config.bidirectional and self.layers is not None,
            ragged=ragged,
        )
        if self.config.join == "backward_only":
            pooled_BH = pooled_BH[:, pooled_BH.shape[1] // 2 :]
        return self.output(self.dropout(pooled_BH))  # type: ignore[no-any-return]


def build(config: ModelConfig, *, vocabulary: int, classes: int) -> Network:
    """Make a network with fresh weights, drawn from PyTorch's global random numbers."""
    network = Network(config, vocabulary=vocabulary, classes=classes)
    set_initial_weights(network.embedding, network.layers, config)
    if config.initialisation == "keras":
        nn.init.xavier_uniform_(network.output.weight)
        nn.init.zeros_(network.output.bias)
    return network


def _recurrent_layers(config: ModelConfig, width: int) -> nn.RNNBase:
    return _LAYERS[config.cell](
        width,
        config.hidden_size,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional,
        dropout=config.layer_dropout if config.num_layers > 1 else 0.0,
    )
