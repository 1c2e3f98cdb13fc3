"""From token ids to numbers: an embedding that is learned, frozen, or a one-hot code.

Shapes: V tokens, E numbers a token.
"""

import torch
from torch import Tensor, nn

from rnnsweep.errors import UserError
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.size import embedding_rows

LARGEST_CODE = 4096  # tokens; their identity matrix takes 64 MiB
PADDING = 0  # the token id that fills a short text up; where it is masked its embedding is zero and stays so


class OneHot(nn.Embedding):
    """Token n as the n-th unit vector: a row of the identity, which is no weight and never moves."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__(vocabulary, vocabulary, padding_idx=PADDING, _weight=torch.eye(vocabulary))
        identity_VV = self.weight.detach()
        identity_VV[PADDING] = 0.0
        del self.weight
        self.register_buffer("weight", identity_VV, persistent=False)


def make_embedding(config: ModelConfig, *, vocabulary: int) -> nn.Embedding:
    """Make the first layer; padding is a zero vector that is not learned, unless the network reads it."""
    if config.input == "one_hot":
        _refuse_large_code(vocabulary)
        return OneHot(vocabulary)
    rows = embedding_rows(config, vocabulary=vocabulary)
    embedding = nn.Embedding(rows, config.embedding_size, padding_idx=PADDING if config.masked else None)
    embedding.weight.requires_grad_(not config.freeze_embedding)
    return embedding


def _refuse_large_code(vocabulary: int) -> None:
    if vocabulary > LARGEST_CODE:
        table, batch = 4e-9 * vocabulary**2, 4e-9 * vocabulary * 100 * 64
        raise UserError(
            f"model.input='one_hot': {vocabulary:,} tokens make codes of {vocabulary:,} numbers, "
            f"{table:,.1f} GB for all of them and {batch:,.1f} GB for a batch of 64 texts of 100 tokens "
            f"(limit: {LARGEST_CODE:,} tokens); use model.input=embedding, or data.tokens=characters"
        )


@torch.no_grad()
def set_vectors(embedding: nn.Embedding, vectors_VE: Tensor, found_V: Tensor) -> None:
    """Start the words that were found from their vectors; the others keep their draw, in the same scale.

    Without that, a few words drawn five times as large as the rest would drown them.
    """
    words = len(found_V)
    known_NE = vectors_VE[found_V]
    own_VE = embedding.weight[:words]
    drawn_VE = own_VE * (known_NE.std() / own_VE.std()) + known_NE.mean()
    drawn_VE[found_V] = known_NE
    embedding.weight[:words] = drawn_VE
    if embedding.padding_idx is not None:
        embedding.weight[embedding.padding_idx] = 0.0
