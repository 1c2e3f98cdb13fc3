"""A model of a dozen words, with the weights that it was born with."""

import torch

from rnnsweep.data.tokens import Tokeniser
from rnnsweep.models import TextModel
from rnnsweep.networks import build
from rnnsweep.networks.config import ModelConfig

WORDS = ("<padding>", "<unknown>", "the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran", "far", "oil")
LABELS = ("animals", "business", "other")


def small_model(seed=3, *, cutting=None, words=WORDS, **config):
    """Make a model; `config` as in ModelConfig."""
    torch.manual_seed(seed)
    settings = ModelConfig(**{"embedding_size": 6, "hidden_size": 5, **config})
    network = build(settings, vocabulary=len(words), classes=len(LABELS)).eval().requires_grad_(False)
    for value in network.parameters():
        value.normal_(0, 0.8)
    facts = {"architecture": "small", "corpus": {"name": "made up"}}
    return TextModel(network, tuple(words), LABELS, cutting or Tokeniser(), facts)
