"""One recurrent network: a body and a head.

Shapes: B rows, T time steps, U distinct tokens, E embedding size, H outputs a step (both directions side by
side), K outputs of the head.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnsweep.networks.backends import choose, run
from rnnsweep.networks.cells import find_cell
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.embedding import make_embedding
from rnnsweep.networks.fast.by_hand import ByHand, dropped, gather_gradient, with_gradient
from rnnsweep.networks.fast.evaluation import run_tokens
from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.fast.recurrent import run_distinct
from rnnsweep.networks.heads import READERS, ROW, refuse_misfit, shows
from rnnsweep.networks.initial import set_initial_weights
from rnnsweep.networks.layers import make_layers
from rnnsweep.networks.size import input_width, output_width

# Distinct tokens in a batch, as a share of its tokens, up to which reading each of them once is quicker: the
# products are dearer than gathering and adding up their results, the more so the wider the layer.
WORTH_IT = 0.9


class Embedded(NamedTuple):
    """What a network reads of some texts: embedded_TBE, or vectors_UE of distinct tokens and their places."""

    vectors: Tensor
    places_TB: Tensor | None = None
    padding: int | None = None  # the vector that gets no gradient


class Network(nn.Module):
    """A body (embedding, recurrent layers) and a head: an output layer for each row, or for each step.

    At level row the head reads what is pooled over the real steps; at level step it reads every step.

    Computes the same logits whatever the padding: those of packed sequences (unless ``model.masked=false``).
    The recurrent layers are PyTorch's own modules where it has the cell: the state_dict loads into its kind.

    Args:
        config: of body and head.
        vocabulary: token ids.
        classes: outputs of the head.
        level: an answer for each row, or for each step.
    """

    def __init__(self, config: ModelConfig, *, vocabulary: int, classes: int, level: str = ROW) -> None:
        super().__init__()
        refuse_misfit(config, level)
        self.config, self.level = config, level
        self.embedding = make_embedding(config, vocabulary=vocabulary)
        width = input_width(config, vocabulary=vocabulary)
        self.cell = find_cell(config.cell)
        self.layers = make_layers(config, width)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(output_width(config, level=level), classes)

    def forward(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Return outputs_BK (or outputs_BTK) of rows of token ids; what follows a row's end is padding."""
        learns = self.training or torch.is_grad_enabled()
        if self.layers is None or learns or choose(self.embedding.weight, cell=self.cell) != "compiled":
            return self.read(self.embedding_dropout(self.embedding(tokens_BT.t())), lengths_B)
        lengths_B = self._lengths_read(lengths_B, tokens_BT.shape[1])
        shown = run_tokens(self.layers, self.embedding, tokens_BT.t(), lengths_B, shows=self._shows)
        return self._head(shown, lengths_B)

    def read(self, embedded_TBE: Tensor, lengths_B: Tensor) -> Tensor:
        """Return outputs_BK (or outputs_BTK) of rows whose tokens have been looked up, and dropped, already.

        Training reads the few rows of the embedding that a batch needs, draws their dropout and starts here.
        """
        steps = embedded_TBE.shape[0]
        lengths_B = self._lengths_read(lengths_B, steps)
        if self.layers is None:
            return self._head(embedded_TBE, lengths_B)
        backend = choose(embedded_TBE, ragged=bool((lengths_B != steps).any()), cell=self.cell)
        shown = run(self.layers, embedded_TBE, lengths_B, backend=backend, shows=self._shows)
        return self._head(shown, lengths_B)

    def reads_distinct(self, vectors_UE: Tensor, *, tokens: int) -> bool:
        """Return whether `read_distinct` is right here, and quicker than `read`, for so many tokens.

        Dropout of the embedding makes every token's vector one of its own.
        """
        dropped = self.embedding_dropout.p > 0 and self.training
        fewer = len(vectors_UE) < WORTH_IT * tokens
        if self.layers is None or not fewer or dropped:
            return False
        return choose(vectors_UE, cell=self.cell) == "compiled"

    def read_distinct(
        self, vectors_UE: Tensor, places_TB: Tensor, lengths_B: Tensor, *, padding: int | None
    ) -> Tensor:
        """Return `read` of ``vectors_UE[places_TB]``.

        Args:
            vectors_UE: of the distinct tokens.
            places_TB: the vector of each token.
            lengths_B: tokens of each text.
            padding: the vector that gets no gradient; None: each gets one.
        """
        assert self.layers is not None
        lengths_B = self._lengths_read(lengths_B, places_TB.shape[0])
        shown = run_distinct(
            self.layers, vectors_UE, places_TB, lengths_B, padding=padding, shows=self._shows
        )
        return self._head(shown, lengths_B)

    def learns_by_hand(self, vectors: Tensor) -> bool:
        """Return whether `learn` is right here: with the compiled loops, and a head that is PyTorch's own."""
        own_head = type(self.output) is nn.Linear and type(self.dropout) is nn.Dropout
        return self.layers is not None and own_head and choose(vectors, cell=self.cell) == "compiled"

    def learn(
        self, read: Embedded, lengths_B: Tensor, judge: Callable[[Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Add the gradients of some texts to those of all weights: forward and backward without autograd.

        Args:
            read: what is read of them; its vectors may depend on others.
            lengths_B: tokens of each text.
            judge: returns the loss of outputs_BK, and the outputs' gradients.

        Returns:
            outputs_BK and their loss
        """
        layers, output, dropout = self.layers, self.output, self.dropout
        assert layers is not None
        vectors, places_TB, padding = read
        lengths_B = self._lengths_read(lengths_B, len(vectors if places_TB is None else places_TB))
        with torch.no_grad():
            body = ByHand(layers, vectors, lengths_B, places_TB=places_TB, padding=padding, shows=self._shows)
            pooled = shown = body.shown
            if shown.dim() > 2 or self.config.join == "backward_only":
                with torch.enable_grad():
                    pooled = READERS[self.level](shown.requires_grad_(), lengths_B, self.config)
            rate = dropout.p if dropout.training else 0.0
            kept, factors = dropped(pooled, rate) if rate else (pooled.detach(), None)
            weight, bias = output.weight, output.bias
            outputs = output(kept)
            loss, gradient = judge(outputs)
            gradient_BK, kept_BP = gradient.reshape(-1, gradient.shape[-1]), kept.reshape(-1, kept.shape[-1])
            gather_gradient(weight, gradient_BK.t().mm(kept_BP))
            gather_gradient(bias, gradient_BK.sum(0))
            of_pooled = gradient_BK.mm(weight).view(kept.shape)
            if factors is not None:
                of_pooled *= factors
            if pooled is not shown:
                (of_pooled,) = torch.autograd.grad(with_gradient(pooled, of_pooled), shown)
            of_vectors = body.backward(of_pooled)
            if vectors.is_leaf:
                gather_gradient(vectors, of_vectors)
            elif of_vectors is not None:
                torch.autograd.backward(with_gradient(vectors, of_vectors))
        return outputs, loss

    @property
    def _shows(self) -> Shows:
        """What the head needs of the recurrent layers."""
        return shows(self.config, self.level)

    def _lengths_read(self, lengths_B: Tensor, steps: int) -> Tensor:
        return lengths_B if self.config.masked else torch.full_like(lengths_B, steps)

    def _head(self, shown: Tensor, lengths_B: Tensor) -> Tensor:
        """Return outputs_BK, or outputs_BTK at level step, of what the body shows."""
        read = READERS[self.level](shown, lengths_B, self.config)
        return self.output(self.dropout(read))  # type: ignore[no-any-return]


def build(config: ModelConfig, *, vocabulary: int, classes: int, level: str = ROW) -> Network:
    """Return a network with fresh weights, drawn from PyTorch's global random numbers.

    Args:
        config: of body and head.
        vocabulary: token ids.
        classes: outputs of the head.
        level: an answer for each row, or for each step.
    """
    network = Network(config, vocabulary=vocabulary, classes=classes, level=level)
    set_initial_weights(network.embedding, network.layers, config)
    if config.initialisation == "keras":
        nn.init.xavier_uniform_(network.output.weight)
        nn.init.zeros_(network.output.bias)
    return network
