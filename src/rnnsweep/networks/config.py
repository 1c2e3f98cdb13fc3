"""The settings of a network."""

from dataclasses import dataclass

from rnnsweep.errors import refuse_unknown, refuse_unless
from rnnsweep.networks.cells import check_cell

POOLINGS = ("last", "max", "mean", "mean_max")
INITIALISATIONS = ("keras", "pytorch", "shifted")
CHOICES = {
    "input": ("embedding", "one_hot"),
    "pooling": POOLINGS,
    "join": ("backward_only", "both"),
    "biases": ("one", "two"),
    "initialisation": INITIALISATIONS,
}


@dataclass
class ModelConfig:
    """One recurrent network; a file of ``conf/model/`` gives these values and its name to an architecture."""

    cell: str = "lstm"  # rnn | lstm | gru | bag (no recurrence: the pooled embeddings) | cells/own.py:CELL
    input: str = "embedding"  # embedding | one_hot (each token a unit vector: for characters)
    embedding_size: int = 64
    embedding_rows: int | None = None  # rows of the embedding at least; null: as the vocabulary has
    freeze_embedding: bool = False  # true: the embedding stays as it starts, as from data.vectors
    hidden_size: int = 64  # units of one direction of one layer
    num_layers: int = 1
    bidirectional: bool = False
    pooling: str = "mean"  # last | mean | max | mean_max (both) over the real time steps, never over padding
    join: str = "both"  # last state of two directions: both | backward_only (h[-1], a known mistake)
    masked: bool = True  # false: padding is read like words (a known mistake, to show what it costs)
    embedding_dropout: float = 0.3  # of each number of each token's vector
    layer_dropout: float = 0.0  # between recurrent layers
    dropout: float = 0.5  # before the output layer
    forget_bias: float | None = 1.0  # LSTM: the forget gate's two biases together, at first; null: drawn
    biases: str = "two"  # of each gate: two, as PyTorch and cuDNN have them | one, as Keras has it
    # keras: small embedding, Glorot, orthogonal; with the large embedding of pytorch, words that are rare in
    # training stay as loud as they were drawn; shifted:
    # pytorch with the embedding drawn around -.5
    initialisation: str = "keras"

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        check_cell(self.cell)
        for name, choices in CHOICES.items():
            refuse_unknown(f"model.{name}", getattr(self, name), choices)
        for name in ("embedding_size", "embedding_rows", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if value is None:
                continue
            refuse_unless(value >= 1, f"model.{name}", value, "1 or more")
        for name in ("embedding_dropout", "layer_dropout", "dropout"):
            value = getattr(self, name)
            refuse_unless(0 <= value < 1, f"model.{name}", value, "at least 0 and below 1")
        self._refuse_what_does_not_go_together()

    def _refuse_what_does_not_go_together(self) -> None:
        needs_cell = self.input == "embedding" or self.cell != "bag"
        refuse_unless(needs_cell, "model.input", self.input, "embedding, where model.cell=bag")
        may_drop_one = self.join == "both" or (self.bidirectional and self.pooling == "last")
        right = "both, unless model.bidirectional=true and model.pooling=last"
        refuse_unless(may_drop_one, "model.join", self.join, right)
