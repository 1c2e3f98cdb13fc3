"""The settings of a network."""

from dataclasses import dataclass

from rnnsweep.errors import refuse_unknown, refuse_unless

CELLS = ("bag", "gru", "lstm", "rnn")
POOLINGS = ("last", "max", "mean")


@dataclass
class ModelConfig:
    """One recurrent network; a file of ``conf/model/`` gives these values and its name to an architecture."""

    cell: str = "lstm"  # rnn | lstm | gru | bag (no recurrence: the pooled embeddings)
    embedding_size: int = 64
    hidden_size: int = 64  # units of one direction of one layer
    num_layers: int = 1
    bidirectional: bool = False
    pooling: str = "mean"  # last | mean | max over the real time steps, never over padding
    embedding_dropout: float = 0.0
    layer_dropout: float = 0.0  # between recurrent layers
    dropout: float = 0.3  # before the output layer
    forget_bias: float = 1.0  # LSTM: sum of the forget gate's two biases at initialisation

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unknown("model.cell", self.cell, CELLS)
        refuse_unknown("model.pooling", self.pooling, POOLINGS)
        for name in ("embedding_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            refuse_unless(value >= 1, f"model.{name}", value, "1 or more")
        for name in ("embedding_dropout", "layer_dropout", "dropout"):
            value = getattr(self, name)
            refuse_unless(0 <= value < 1, f"model.{name}", value, "at least 0 and below 1")
