"""One recurrent network that classifies texts.

Shapes: B texts, T time steps, U distinct tokens, E embedding size, H outputs a step (both directions side by
side), C classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnsweep.networks.backends import choose, run
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.embedding import make_embedding
from rnnsweep.networks.fast.evaluation import run_tokens
from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.fast.recurrent import run_distinct
from rnnsweep.networks.initial import set_initial_weights
from rnnsweep.networks.pooling import pool
from rnnsweep.networks.size import input_width, output_width

# Distinct tokens in a batch, as a share of its tokens, up to which reading each of them once is quicker: the
# products are dearer than gathering and adding up their results, the more so the wider the layer.
WORTH_IT = 0.9
SHOWN: dict[str, Shows] = {"last": "last", "mean": "mean"}  # poolings that the layers do themselves
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
        learns = self.training or torch.is_grad_enabled()
        if self.layers is None or learns or choose(self.embedding.weight) != "compiled":
            return self.read(self.embedding(tokens_BT.t()), lengths_B)
        lengths_B = self._lengths_read(lengths_B, tokens_BT.shape[1])
        outputs_TBH = run_tokens(self.layers, self.embedding, tokens_BT.t(), lengths_B)
        return self._judge(outputs_TBH, lengths_B)

    def read(self, embedded_TBE: Tensor, lengths_B: Tensor) -> Tensor:
        """Give logits_BC of texts whose tokens have been looked up already.

        Training reads the few rows of the embedding that a batch needs and starts here.
        """
        steps = embedded_TBE.shape[0]
        lengths_B = self._lengths_read(lengths_B, steps)
        hidden_TBH = self.embedding_dropout(embedded_TBE)
        if self.layers is not None:
            way = choose(hidden_TBH, ragged=bool((lengths_B != steps).any()))
            shown = run(self.layers, hidden_TBH, lengths_B, way=way, shows=self._shows)
            return self._judge(shown, lengths_B)
        return self._judge(hidden_TBH, lengths_B)

    def reads_distinct(self, vectors_UE: Tensor, *, tokens: int) -> bool:
        """Say whether `read_distinct` is right here, and quicker than `read`, for so many tokens.

        Dropout of the embedding makes every token's vector one of its own.
        """
        dropped = self.embedding_dropout.p > 0 and self.training
        fewer = len(vectors_UE) < WORTH_IT * tokens
        return self.layers is not None and fewer and not dropped and choose(vectors_UE) == "compiled"

    def read_distinct(
        self, vectors_UE: Tensor, places_TB: Tensor, lengths_B: Tensor, *, padding: int | None
    ) -> Tensor:
        """Do what `read` does with ``vectors_UE[places_TB]``, whose vector `padding` gets no gradient."""
        assert self.layers is not None
        lengths_B = self._lengths_read(lengths_B, places_TB.shape[0])
        shown = run_distinct(
            self.layers, vectors_UE, places_TB, lengths_B, padding=padding, shows=self._shows
        )
        return self._judge(shown, lengths_B)

    @property
    def _shows(self) -> Shows:
        """What the pooling needs of the recurrent layers."""
        return SHOWN.get(self.config.pooling, "every")

    def _lengths_read(self, lengths_B: Tensor, steps: int) -> Tensor:
        return lengths_B if self.config.masked else torch.full_like(lengths_B, steps)

    def _judge(self, shown: Tensor, lengths_B: Tensor) -> Tensor:
        """Give logits_BC from outputs_TBH, or from pooled_BH."""
        pooled_BH = shown if shown.dim() == 2 else self._pool(shown, lengths_B)
        if self.config.join == "backward_only":
            pooled_BH = pooled_BH[:, pooled_BH.shape[1] // 2 :]
        return self.output(self.dropout(pooled_BH))  # type: ignore[no-any-return]

    def _pool(self, outputs_TBH: Tensor, lengths_B: Tensor) -> Tensor:
        return pool(
            outputs_TBH,
            lengths_B.to(outputs_TBH.device),  # up to here they were read on the CPU
            pooling=self.config.pooling,
            bidirectional=self.config.bidirectional and self.layers is not None,
            ragged=bool((lengths_B != outputs_TBH.shape[0]).any()),
        )


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
