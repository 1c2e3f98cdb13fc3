"""Processor time to a test accuracy on AG's News, one thread: what speed is for.

0.8699 is what the lesson's packed LSTM has after one epoch of these rows; its time is that of an epoch at the
speed that its loop has here. Ours is the same network, trained until it has as much, the tests themselves not
counted. 0.92 is the linear baseline's level, beside the three minutes that it may take: from vectors counted
on the same texts (`experiment=beyond_linear`) and, where RNNSWEEP_GLOVE names glove.6B.100d.txt, from those
(`experiment=beyond_linear_glove`, with the units of the first).
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.throughput import SHARED, Case, Rows, settings, speed_of
from rnnsweep.config import RunConfig, compose
from rnnsweep.data import EncodedCorpus, ordered_batches, prepare
from rnnsweep.training import stop, train

LESSON, LINEAR, ALLOWED = 0.8699, 0.92, 180.0  # accuracies, seconds
CASE = Case("lstm", 16)


class Packed(nn.Module):
    """The lesson's network with packed sequences: embedding, LSTM, last state, linear."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, CASE.embedding, padding_idx=0)
        self.layer = nn.LSTM(CASE.embedding, CASE.hidden, batch_first=True)
        self.output = nn.Linear(CASE.hidden, classes)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        return self.output(self.layer(packed)[1][0][-1])


def collate(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, ...]:
    """Pad each row by itself and stack them, with their lengths."""
    lengths = [max(1, len(tokens)) for tokens, _ in items]
    padded = [
        F.pad(torch.tensor(tokens or [0]), (0, max(lengths) - max(1, len(tokens)))) for tokens, _ in items
    ]
    return torch.stack(padded), torch.tensor(lengths), torch.tensor([target for _, target in items])


def packed_lesson(corpus: EncodedCorpus) -> Iterator[int]:
    """Train as the lesson does, packed; give the texts of each step."""
    model = Packed(len(corpus.vocabulary), len(corpus.labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows = Rows(corpus)
    while True:
        for tokens, lengths, targets in torch.utils.data.DataLoader(
            rows, batch_size=CASE.batch, shuffle=True, collate_fn=collate
        ):
            optimizer.zero_grad()
            F.cross_entropy(model(tokens, lengths), targets).backward()
            optimizer.step()
            yield len(targets)


class Until(pl.Callback):
    """Stops a training that has a test accuracy; its own looks at the test rows are not counted."""

    def __init__(self, corpus: EncodedCorpus, target: float) -> None:
        self.corpus, self.target = corpus, target
        self.began, self.seconds, self.reached = time.process_time(), 0.0, 0.0

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        looked = time.process_time()
        self.seconds = looked - self.began
        self.reached = max(self.reached, self._accuracy(module))
        if self.reached >= self.target:
            stop(trainer, "pruned")
        self.began += time.process_time() - looked

    @torch.no_grad()
    def _accuracy(self, module: Any) -> float:
        right, part = 0, self.corpus.test()
        for _, texts in ordered_batches(part, batch_size=512):
            found = module.network(texts.tokens_BT, texts.lengths_B).argmax(1)
            right += int((found == texts.targets_B).sum())
        return right / len(part)


def row(run: RunConfig, *, name: str, target: float, other: float, other_name: str) -> dict:
    """Train until the target, or the end; a target that is not reached is no measurement."""
    until = Until(prepare(run.data), target)
    train(run, callbacks=[until])
    reached = until.reached >= target
    return {
        "case": f"time to {target} test accuracy, {name}",
        "ours": until.seconds if reached else None,
        "other": other,
        "other_name": other_name,
        "ratio": other / until.seconds if reached else None,
        "unit": "s of processor time",
        "note": f"test accuracy {until.reached:.4f} after {until.seconds:.0f} s, vocabulary and cache ready",
    }


def run(targets: tuple[float, float] = (LESSON, LINEAR), extra: tuple[str, ...] = ()) -> list[dict]:
    """Measure both; `extra` are further settings of both trainings."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    torch.set_num_threads(1)
    small = compose([*settings(CASE).overrides, "trainer.max_epochs=5", "trainer.validate_every=0.1", *extra])
    corpus = prepare(small.data)
    epoch = len(corpus.train) / speed_of(packed_lesson(corpus))
    lesson = "one epoch of the lesson's packed loop, at its speed here"
    rows = [row(small, name="lstm 64/32, batch 16", target=targets[0], other=epoch, other_name=lesson)]
    for words in beyond_linear():
        large = compose([*words, f"data.dir={SHARED / 'ag_news'}", "trainer.validate_every=0.25", *extra])
        rows.append(
            row(
                large,
                name=words[0].replace("=", " "),
                target=targets[1],
                other=ALLOWED,
                other_name="three minutes on one core",
            )
        )
    return rows


def beyond_linear() -> list[list[str]]:
    """Return the settings that pass the linear baseline; the one with GloVe's vectors where they are."""
    found = [["experiment=beyond_linear"]]
    if vectors := os.environ.get("RNNSWEEP_GLOVE"):
        found.append(["experiment=beyond_linear_glove", f"data.vectors={vectors}", "model.hidden_size=64"])
    return found
