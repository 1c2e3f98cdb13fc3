"""What happens in a network while it reads one text.

Shapes: T tokens, H units of one direction of one layer, C classes, E numbers of a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsweep.data import EncodedCorpus
from rnnsweep.data.tokens import SPECIAL
from rnnsweep.errors import UserError
from rnnsweep.networks import Network
from rnnsweep.networks.equations import Trace, traces

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class LayerView:
    """One direction of one layer; step t is what it did with token t, whichever way it reads."""

    layer: int  # from 1
    direction: str  # forward | backward
    states_TH: Numbers
    memory_TH: Numbers | None  # of an LSTM
    gates: dict[str, Numbers] = field(default_factory=dict)  # name -> (T, H)

    @property
    def name(self) -> str:
        """As ``layer 1 forward``."""
        return f"layer {self.layer} {self.direction}"


@dataclass(frozen=True)
class Inspection:
    """One text as a network reads it."""

    tokens: tuple[str, ...]
    known: tuple[bool, ...]  # whether the vocabulary has the token
    labels: tuple[str, ...]
    layers: tuple[LayerView, ...]
    probabilities_TC: Numbers  # of the text up to and with each token
    saliency_T: Numbers  # how much a small change of the token would move the answer; the largest is 1

    @property
    def answer(self) -> str:
        """The class that the whole text is given."""
        return self.labels[int(self.probabilities_TC[-1].argmax())]

    @property
    def confidence(self) -> float:
        """The probability of the answer."""
        return float(self.probabilities_TC[-1].max())


def read(network: Network, corpus: EncodedCorpus, text: str) -> Inspection:
    """Read a text with a trained network and keep what its layers do.

    Raises:
        UserError: the text has no token.
    """
    words = corpus.tokeniser.read(text)
    if not words:
        raise UserError(f"the text {text[:40]!r} has no token that the network could read")
    part = corpus.encode([text])
    tokens_1T = torch.from_numpy(np.asarray(part.ids, dtype=np.int64)).unsqueeze(0)
    network.eval()
    vocabulary = set(corpus.vocabulary[len(SPECIAL) :])
    return Inspection(
        tokens=tuple(words),
        known=tuple(word in vocabulary for word in words),
        labels=corpus.labels,
        layers=_layers(network, tokens_1T),
        probabilities_TC=_after_each(network, tokens_1T),
        saliency_T=_saliency(network, tokens_1T),
    )


@torch.no_grad()
def _layers(network: Network, tokens_1T: Tensor) -> tuple[LayerView, ...]:
    if network.layers is None:
        return ()
    layer_traces = traces(network.layers, network.embedding(tokens_1T.t()))
    return tuple(_view(layer, direction, trace) for layer, direction, trace in layer_traces)


def _view(layer: int, direction: str, trace: Trace) -> LayerView:
    memory_TBH = trace.memory_TBH
    return LayerView(
        layer=layer + 1,
        direction=direction,
        states_TH=trace.states_TBH[:, 0].numpy(),
        memory_TH=None if memory_TBH is None else memory_TBH[:, 0].numpy(),
        gates={name: gate_TBH[:, 0].numpy() for name, gate_TBH in trace.gates.items()},
    )


@torch.no_grad()
def _after_each(network: Network, tokens_1T: Tensor) -> Numbers:
    """Score every beginning of the text, each by itself: a direction that reads backward begins there too."""
    beginnings = [tokens_1T[:, : end + 1] for end in range(tokens_1T.shape[1])]
    logits = [network(one_1T, torch.tensor([one_1T.shape[1]])) for one_1T in beginnings]
    return torch.cat(logits).softmax(1).numpy()


def _saliency(network: Network, tokens_1T: Tensor) -> Numbers:
    """Return the norm of the gradient of the answer's log-probability with respect to each token's vector.

    Simonyan, Vedaldi and Zisserman 2014; for texts, Li et al. 2016.
    """
    with torch.enable_grad():
        embedded_T1E = network.embedding(tokens_1T.t()).detach().requires_grad_()
        logits_1C = network.read(embedded_T1E, torch.tensor([tokens_1T.shape[1]]))
        logits_1C.log_softmax(1).max().backward()  # type: ignore[no-untyped-call]
    assert embedded_T1E.grad is not None
    norms_T = embedded_T1E.grad[:, 0].norm(dim=1)
    return np.asarray((norms_T / norms_T.max().clamp(min=1e-30)).numpy())


def shown_token(token: str) -> str:
    """Write a token so that it can be seen: a blank as ``␣``."""
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def gate_names(layers: Sequence[LayerView]) -> tuple[str, ...]:
    """Return the gates that the layers have, without the candidate, which is none."""
    return tuple(name for name in (layers[0].gates if layers else ()) if name != "candidate")
