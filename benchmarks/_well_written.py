"""What a careful PyTorch user writes: pools by length, packed sequences, fused or sparse optimisers.

Rows of a pool of 50 batches stand by length, so that a batch has hardly any padding; ids lie in one array and
a batch is gathered by one index; sequences are packed (sorted already). The optimiser is what PyTorch offers:
`SparseAdam` for the embedding where Adam has no weight decay (it is another optimiser than Adam: rows stand
still between touches), else its fused dense kernel.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnsweep.config import RunConfig
from rnnsweep.data import EncodedCorpus
from rnnsweep.data.batching import gather

POOL = 50  # batches whose rows stand by length


def pooled(corpus: EncodedCorpus, batch: int, draw: np.random.Generator) -> Iterator[Any]:
    """Return the batches of an epoch."""
    order = draw.permutation(len(corpus.train))
    for start in range(0, len(order), POOL * batch):
        pool = order[start : start + POOL * batch]
        pool = pool[np.argsort(-corpus.train.lengths_N[pool], kind="stable")]
        for first in draw.permutation(np.arange(0, len(pool), batch)):
            yield gather(corpus.train, pool[first : first + batch])


class Net(nn.Module):
    """Embedding, dropout, packed recurrent layer, last state or mean, dropout, linear."""

    def __init__(self, run: RunConfig, vocabulary: int, classes: int, *, sparse: bool) -> None:
        super().__init__()
        config = run.model
        self.embedding = nn.Embedding(vocabulary, config.embedding_size, padding_idx=0, sparse=sparse)
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[config.cell]
        two, layers = config.bidirectional, config.num_layers
        self.layer = kind(
            config.embedding_size, config.hidden_size, layers, batch_first=True, bidirectional=two
        )
        self.before, self.after = nn.Dropout(config.embedding_dropout), nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size * (1 + two), classes)
        self.pooling = config.pooling

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.before(self.embedding(tokens)), lengths, batch_first=True)
        outputs, state = self.layer(packed)
        if self.pooling == "last":
            state = state[0] if isinstance(state, tuple) else state
            last = state[-1] if not self.layer.bidirectional else torch.cat((state[-2], state[-1]), dim=1)
            return self.output(self.after(last))
        states, _ = pad_packed_sequence(outputs, batch_first=True)
        return self.output(self.after(states.sum(1) / lengths[:, None]))


def optimizers(run: RunConfig, model: Net, *, sparse: bool) -> list[torch.optim.Optimizer]:
    """Make PyTorch's own optimisers for the settings."""
    config, weights = run.optimizer, list(model.parameters())
    if config.name == "sgd":
        options = {"lr": config.lr, "momentum": config.momentum, "weight_decay": config.weight_decay}
        return [torch.optim.SGD(weights, fused=not sparse, **options)]
    kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
    if not sparse:
        return [kind(weights, lr=config.lr, weight_decay=config.weight_decay, fused=True)]
    others = [weight for weight in weights if weight is not model.embedding.weight]
    rows = torch.optim.SparseAdam([model.embedding.weight], lr=config.lr)
    return [kind(others, lr=config.lr, fused=True), rows]


def may_be_sparse(run: RunConfig) -> bool:
    """Return whether PyTorch has a sparse optimiser that a careful user would take for these settings."""
    config = run.optimizer
    plain = not config.weight_decay and config.lazy_embedding != "off"
    return plain and (config.name == "adam" or (config.name == "sgd" and not config.momentum))


def well_written(run: RunConfig, corpus: EncodedCorpus) -> Iterator[int]:
    """Train as a careful user does; give the texts of each step."""
    sparse = may_be_sparse(run)
    model = Net(run, len(corpus.vocabulary), len(corpus.labels), sparse=sparse)
    if run.trainer.precision == "64-true":
        model.double()
    low = run.trainer.precision == "bf16-mixed"
    every, draw = optimizers(run, model, sparse=sparse), np.random.default_rng(0)
    limit = run.optimizer.gradient_clip
    dense = [weight for weight in model.parameters() if not sparse or weight is not model.embedding.weight]
    while True:
        for batch in pooled(corpus, run.data.batch_size, draw):
            for one in every:
                one.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if low else nullcontext():
                loss = F.cross_entropy(model(batch.tokens_BT, batch.lengths_B), batch.targets_B)
            loss.backward()
            if limit is not None:  # PyTorch clips no sparse gradients
                nn.utils.clip_grad_norm_(dense, limit)
            for one in every:
                one.step()
            yield len(batch.targets_B)
