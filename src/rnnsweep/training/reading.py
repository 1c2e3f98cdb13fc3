"""What a network reads of a batch that the optimiser looks up the embedding's rows of.

Shapes: B rows of a batch, K outputs for each.
"""

from typing import Any

from torch import Tensor

from rnnsweep.networks.network import Embedded
from rnnsweep.optim.optimizer import Optimizer


def read_embedded(network: Any, read: Embedded, lengths_B: Tensor) -> Tensor:
    """Return outputs_BK of texts that `embedded` has looked up, by the quickest backend."""
    if read.places_TB is None:
        return network.read(read.vectors, lengths_B)  # type: ignore[no-any-return]
    return network.read_distinct(read.vectors, read.places_TB, lengths_B, padding=read.padding)  # type: ignore[no-any-return]


def embedded(network: Any, optimizer: Optimizer, texts: slice = slice(None)) -> Embedded:
    """Return what a network reads of some texts: each distinct token once where that is quicker."""
    read = Embedded(*optimizer.rows(texts))
    assert read.places_TB is not None
    if network.reads_distinct(read.vectors, tokens=read.places_TB.numel()):
        return read
    return Embedded(optimizer.vectors(texts, rate=embedding_rate(network)))


def embedding_rate(network: Any) -> float:
    """Return the rate of dropout of the embedded tokens, 0 where the network does not train."""
    return float(network.embedding_dropout.p) if network.training else 0.0
