"""How many weights a network has, from its settings alone."""

from rnnsweep.networks.config import ModelConfig

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def parameter_count(config: ModelConfig, *, vocabulary: int, classes: int) -> int:
    """Count the weights of the network that `build` makes from the same arguments, without making it.

    A recurrent layer of hidden size H that reads I numbers a step has, in each direction and for each of
    its gates (rnn 1, gru 3, lstm 4), H * I input weights, H * H recurrent ones and two biases of H.
    """
    embedding = vocabulary * config.embedding_size
    width = output_width(config)
    return embedding + _recurrent_count(config) + classes * (width + 1)


def output_width(config: ModelConfig) -> int:
    """Count the numbers that stand for a text after pooling."""
    if config.cell == "bag":
        return config.embedding_size
    return config.hidden_size * (2 if config.bidirectional else 1)


def _recurrent_count(config: ModelConfig) -> int:
    if config.cell == "bag":
        return 0
    hidden, directions = config.hidden_size, 2 if config.bidirectional else 1
    each = GATES[config.cell] * hidden * directions
    first = each * (config.embedding_size + hidden + 2)
    following = each * (directions * hidden + hidden + 2)
    return first + (config.num_layers - 1) * following
