"""A trained network with all it needs to read raw text.

Shapes: B texts of a batch, T time steps, K outputs for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import torch

from rnnsweep.data import EncodedPart, ordered_batches
from rnnsweep.data.encoded import encode
from rnnsweep.data.tokens import LIST, Tokeniser, join_tokens, word_ids
from rnnsweep.networks import Network

BATCH = 64  # texts read at once
_SHOWN = 6  # labels of a model's repr
SHOWN = 10  # labels of an answer at length


@dataclass(frozen=True)
class Prediction:
    """The answer for one text. Where `known` is 0 the text told the network nothing."""

    label: str
    probability: float  # of the label
    probabilities: Mapping[str, float]  # of every label, in the order of the corpus
    tokens: int  # of the text that were read; the rest was cut
    known: int  # of them that the vocabulary has

    @property
    def short(self) -> str:
        """The answer in a line."""
        return f"{self.label}  {self.probability:.3f}"

    @property
    def lines(self) -> list[str]:
        """The answer at length: every label with its probability, the likeliest first."""
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        wide = max(len(label) for label, _ in ranked)
        shown = [
            f"{label:<{wide}}  {chance:.3f}  {'█' * round(30 * chance)}" for label, chance in ranked[:SHOWN]
        ]
        more = len(ranked) - SHOWN
        return (
            [*shown, f"and {more} more {'label' if more == 1 else 'labels'}: --json"] if more > 0 else shown
        )

    def columns(self) -> dict[str, Any]:
        """Return the answer for a table, after it the probability of each label, then what was read."""
        chances = {f"probability of {label}": chance for label, chance in self.probabilities.items()}
        read = {"tokens": self.tokens, "known": self.known}
        return {"prediction": self.label, "probability": self.probability, **chances, **read}


@dataclass(frozen=True)
class NumberPrediction:
    """The number for one text. Where `known` is 0 the text told the network nothing."""

    value: float
    tokens: int  # of the text that were read; the rest was cut
    known: int  # of them that the vocabulary has

    @property
    def short(self) -> str:
        """The answer in a line."""
        return f"{self.value:.6g}"

    @property
    def lines(self) -> list[str]:
        """The answer at length."""
        return [self.short]

    def columns(self) -> dict[str, Any]:
        """Return the answer for a table, then what was read."""
        return {"prediction": self.value, "tokens": self.tokens, "known": self.known}


Answer: TypeAlias = Prediction | NumberPrediction


@dataclass(frozen=True)
class Scale:
    """What turns a standardised output into the unit of the target."""

    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class TextModel:
    """Reads raw texts. Safe for several threads at once."""

    network: Network
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    cutting: Tokeniser
    facts: Mapping[str, Any] = field(default_factory=dict)  # where it comes from: architecture, run, scores
    scale: Scale | None = None  # of a model whose answers are numbers; it has no labels

    def __repr__(self) -> str:
        """What it answers and where it is from: what a Python prompt shows."""
        answers = f"labels {', '.join(self.labels[:_SHOWN])}" if self.labels else "a number"
        more = f" and {len(self.labels) - _SHOWN} more" if len(self.labels) > _SHOWN else ""
        made = self.facts.get("architecture", self.network.config.cell)
        return f"TextModel({made}: {answers}{more}; {len(self.vocabulary):,} words)"

    def predict(self, texts: str | Sequence[str | Sequence[str]]) -> list[Answer]:
        """Answer each text, in their order: a label and the probability of each, or a number.

        Each text gets the answer that it gets alone, whatever the others are. A model that was trained on
        lists of tokens takes such lists in place of texts, too.

        Raises:
            TypeError: something among the texts is no text.
        """
        given = [texts] if isinstance(texts, str) else texts
        asked = [self._as_text(text, number) for number, text in enumerate(given, 1)]
        part = encode([_writable(text) for text in asked], self._ids, self.cutting)
        answers: list[Answer | None] = [None] * len(asked)
        for rows_B, outputs_BK in self._read(part):
            for row, outputs_K in zip(rows_B.tolist(), outputs_BK, strict=True):
                answers[row] = self._answer(part, row, asked[row], outputs_K)
        return [answer for answer in answers if answer is not None]

    def _as_text(self, text: str | Sequence[str], number: int) -> str:
        if isinstance(text, str):
            return text
        if not _are_tokens(text) or self.cutting.tokens != LIST:
            hint = "; join its tokens by blanks" if _are_tokens(text) else ""
            raise TypeError(f"text {number} is a {type(text).__name__}, not a text{hint}")
        return join_tokens(text)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return word_ids(self.vocabulary)

    def _read(self, part: EncodedPart) -> Iterator[tuple[Any, torch.Tensor]]:
        # a network that reads padding (model.masked=false) would answer by a text's neighbours
        size = BATCH if self.network.config.masked else 1
        if not len(part):
            return
        for rows_B, batch in ordered_batches(part, batch_size=size):
            with torch.inference_mode():
                outputs_BK = self.network(batch.tokens_BT, batch.lengths_B).double()
            yield rows_B, outputs_BK if self.scale else outputs_BK.softmax(1)

    def _answer(self, part: EncodedPart, row: int, text: str, outputs_K: torch.Tensor) -> Answer:
        ids = part.ids[part.offsets_N1[row] : part.offsets_N1[row + 1]]
        known = int((ids != self.cutting.unknown).sum())
        empty = len(ids) == 1 and known == 0 and not self.cutting.pieces(text)
        read = 0 if empty else len(ids)
        if self.scale:
            return NumberPrediction(float(outputs_K[0]) * self.scale.scale + self.scale.mean, read, known)
        chances = dict(zip(self.labels, outputs_K.tolist(), strict=True))
        label = self.labels[int(outputs_K.argmax())]
        return Prediction(label, chances[label], chances, read, known)


def _are_tokens(text: object) -> bool:
    """Return whether a text is given as the list of its tokens."""
    return isinstance(text, list | tuple) and all(isinstance(token, str) for token in text)


def _writable(text: str) -> str:
    """Replace halves of characters (``\\ud800``), which JSON may spell and no encoding can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
