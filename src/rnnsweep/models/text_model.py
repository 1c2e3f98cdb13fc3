"""A trained network with all it needs to read raw text.

Shapes: B texts of a batch, T time steps, C labels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from rnnsweep.data import EncodedPart, ordered_batches
from rnnsweep.data import tokens as texts_to_ids
from rnnsweep.data.encoded import NO_TARGET
from rnnsweep.data.tokens import Tokeniser
from rnnsweep.networks import Network

BATCH = 64  # texts read at once


@dataclass(frozen=True)
class Prediction:
    """The answer for one text. Where `known` is 0 the text told the network nothing."""

    label: str
    probability: float  # of the label
    probabilities: Mapping[str, float]  # of every label, in the order of the corpus
    tokens: int  # of the text that were read; the rest was cut
    known: int  # of them that the vocabulary has


@dataclass(frozen=True)
class TextModel:
    """Reads raw texts. Safe for several threads at once."""

    network: Network
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    cutting: Tokeniser
    facts: Mapping[str, Any] = field(default_factory=dict)  # where it comes from: architecture, run, scores

    def predict(self, texts: str | Sequence[str]) -> list[Prediction]:
        """Give the label and the probabilities of each text, in their order.

        Each text gets the answer that it gets alone, whatever stands beside it.

        Raises:
            TypeError: something among the texts is no text.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"text {number + 1} is a {type(text).__name__}, not a text")
        part = self.encode([_writable(text) for text in texts])
        found: list[Prediction | None] = [None] * len(texts)
        for rows_B, probabilities_BC in self._read(part):
            for row, chances_C in zip(rows_B.tolist(), probabilities_BC, strict=True):
                found[row] = self._answer(part, row, texts[row], chances_C)
        return [answer for answer in found if answer is not None]

    def encode(self, texts: Sequence[str]) -> EncodedPart:
        """Turn texts into token ids; each has one at least."""
        ids, lengths_N = texts_to_ids.encode(texts, self._ids, self.cutting)
        return EncodedPart(ids, texts_to_ids.offsets(lengths_N), np.full(len(texts), NO_TARGET, np.int64))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return texts_to_ids.word_ids(self.vocabulary)

    def _read(self, part: EncodedPart) -> Iterator[tuple[Any, torch.Tensor]]:
        # a network that reads padding (model.masked=false) would answer by a text's neighbours
        size = BATCH if self.network.config.masked else 1
        if not len(part):
            return
        for rows_B, batch in ordered_batches(part, batch_size=size):
            with torch.inference_mode():
                logits_BC = self.network(batch.tokens_BT, batch.lengths_B)
            yield rows_B, logits_BC.double().softmax(1)

    def _answer(self, part: EncodedPart, row: int, text: str, chances_C: torch.Tensor) -> Prediction:
        ids = part.ids[part.offsets_N1[row] : part.offsets_N1[row + 1]]
        known = int((ids != self.cutting.unknown).sum())
        empty = len(ids) == 1 and known == 0 and not self.cutting.pieces(text)
        chances = dict(zip(self.labels, chances_C.tolist(), strict=True))
        label = self.labels[int(chances_C.argmax())]
        return Prediction(label, chances[label], chances, 0 if empty else len(ids), known)


def _writable(text: str) -> str:
    """Replace halves of characters (``\\ud800``), which JSON may spell and no encoding can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
