"""The settings of a network."""

from dataclasses import dataclass

from rnnsweep.errors import refuse_unless
from rnnsweep.networks.cells import check_cell, find_cell
from rnnsweep.settings import ANY_NUMBER, ONE_OR_MORE, SHARE, check_settings, setting

POOLINGS = ("last", "max", "mean", "mean_max")
INITIALISATIONS = ("keras", "pytorch", "shifted")


@dataclass
class ModelConfig:
    """One recurrent network; a file of ``conf/model/`` gives these values and its name to an architecture."""

    cell: str = setting(
        "lstm",
        "what a layer computes at each step: rnn, lstm, gru; bag, which has no recurrence; or an own cell",
        suggestions=("bag", "gru", "lstm", "rnn"),
        example="cells/own.py:CELL",
    )
    input: str = setting(
        "embedding",
        "embedding, or one_hot: each token a unit vector, for characters",
        choices=("embedding", "one_hot"),
        example="one_hot",
    )
    embedding_size: int = setting(64, "numbers of each token's vector", within=ONE_OR_MORE, example=100)
    embedding_rows: int | None = setting(
        None,
        "rows of the embedding at least",
        within=ONE_OR_MORE,
        null="takes as many as the vocabulary has",
        example=20000,
    )
    freeze_embedding: bool = setting(
        False, "keep the embedding as it starts, for example from data.vectors", example="true"
    )
    hidden_size: int = setting(64, "units of one direction of one layer", within=ONE_OR_MORE, example=128)
    num_layers: int = setting(1, "recurrent layers", within=ONE_OR_MORE, example=2)
    bidirectional: bool = setting(False, "read each text in both directions", example="true")
    pooling: str = setting(
        "mean",
        "how the outputs of the steps become one vector for the output layer; padding is left out",
        choices=POOLINGS,
        example="max",
    )
    join: str = setting(
        "both",
        "last states of two directions; backward_only takes h[-1] (a known mistake, to measure its cost)",
        choices=("backward_only", "both"),
        example="backward_only",
    )
    masked: bool = setting(
        True,
        "leave padding out; if false, it is read like words (a known mistake, to measure its cost)",
        example="false",
    )
    embedding_dropout: float = setting(
        0.3, "dropout of each number of each token's vector", within=SHARE, example=0.1
    )
    layer_dropout: float = setting(0.0, "dropout between recurrent layers", within=SHARE, example=0.2)
    dropout: float = setting(0.5, "dropout before the output layer", within=SHARE, example=0.3)
    forget_bias: float | None = setting(
        1.0,
        "start of an LSTM's forget gate: its two biases together",
        within=ANY_NUMBER,
        null="draws it at random",
        example=0.0,
    )
    biases: str = setting(
        "two",
        "biases of each gate: two, as in PyTorch and cuDNN, or one, as in Keras",
        choices=("one", "two"),
        example="one",
    )
    initialisation: str = setting(
        "keras",
        "start of the weights: keras has a small embedding, Glorot and orthogonal matrices; pytorch has"
        " PyTorch's own; shifted is pytorch with an embedding around -0.5",
        choices=INITIALISATIONS,
        example="pytorch",
    )

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        check_cell(self.cell)
        check_settings("model", self)
        self._refuse_what_does_not_go_together()

    def _refuse_what_does_not_go_together(self) -> None:
        needs_cell = self.input == "embedding" or self.cell != "bag"
        refuse_unless(needs_cell, "model.input", self.input, "embedding, where model.cell=bag")
        may_drop_one = self.join == "both" or (self.bidirectional and self.pooling == "last")
        right = "both, unless model.bidirectional=true and model.pooling=last"
        refuse_unless(may_drop_one, "model.join", self.join, right)


_OF_LAYERS = ("hidden_size", "num_layers", "bidirectional", "join", "layer_dropout", "forget_bias", "biases")
_OF_EMBEDDING = ("embedding_size", "embedding_rows", "freeze_embedding")


def idle_settings(model: ModelConfig) -> dict[str, str]:
    """Return the settings that change nothing in a network, each with the setting that makes it so."""
    idle: dict[str, str] = {}
    if model.cell == "bag":
        idle |= dict.fromkeys(_OF_LAYERS, "cell")
    elif model.num_layers == 1:
        idle["layer_dropout"] = "num_layers"
    if "forget" not in find_cell(model.cell).gates:
        idle["forget_bias"] = "cell"
    if model.input == "one_hot":
        idle |= dict.fromkeys(_OF_EMBEDDING, "input")
    return idle
