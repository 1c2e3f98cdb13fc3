"""How many weights a network has, from its settings alone."""

from rnnsweep.networks.cells import find_cell
from rnnsweep.networks.config import ModelConfig


def parameter_count(config: ModelConfig, *, vocabulary: int, classes: int, level: str = "row") -> int:
    """Return how many weights the network has that `build` makes from the same arguments.

    The weights of one direction of one layer are counted by the formula of its cell (`networks.cells`).
    A frozen embedding counts, a one-hot code has no weights.

    Args:
        config: of body and head.
        vocabulary: token ids.
        classes: outputs of the head.
        level: an answer for each row, or for each step.
    """
    embedding = embedding_count(config, vocabulary=vocabulary)
    width = output_width(config, level=level)
    return embedding + _recurrent_count(config, vocabulary=vocabulary) + classes * (width + 1)


def embedding_count(config: ModelConfig, *, vocabulary: int) -> int:
    """Count the weights of the embedding alone, which are often most of a network's."""
    if config.input == "one_hot":
        return 0
    return embedding_rows(config, vocabulary=vocabulary) * config.embedding_size


def embedding_rows(config: ModelConfig, *, vocabulary: int) -> int:
    """Count the rows of the embedding: one for each word, or more where the settings say so."""
    return max(vocabulary, config.embedding_rows or 0)


def input_width(config: ModelConfig, *, vocabulary: int) -> int:
    """Count the numbers that stand for one token."""
    return vocabulary if config.input == "one_hot" else config.embedding_size


def output_width(config: ModelConfig, *, level: str = "row") -> int:
    """Count the numbers that the head reads: of a row after pooling, or of a step."""
    halves = 2 if config.pooling == "mean_max" and level == "row" else 1
    if config.cell == "bag":
        return halves * config.embedding_size
    both = config.bidirectional and config.join == "both"
    return halves * config.hidden_size * (2 if both else 1)


def _recurrent_count(config: ModelConfig, *, vocabulary: int) -> int:
    if config.cell == "bag":
        return 0
    hidden, directions = config.hidden_size, 2 if config.bidirectional else 1
    biases, parameters = 2 if config.biases == "two" else 1, find_cell(config.cell).parameters
    first = directions * parameters(input_width(config, vocabulary=vocabulary), hidden, biases)
    following = directions * parameters(directions * hidden, hidden, biases)
    return first + (config.num_layers - 1) * following
