"""Training throughput: ours beside the loop that a reader of a text-classification lesson writes.

The lesson's loop: a Dataset of token lists, a DataLoader whose collate pads Python lists row by row, the
padded recurrent layer, torch.optim.Adam over all weights. Ours: the same cell, sizes, vocabulary, batch and
precision through `rnnsweep.training.train`. A third loop, bare, does our arithmetic without Lightning: what
the Trainer costs. Loops take turns; figures are medians of the turns, one thread each, in processor time
(no loop waits for anything), so that other programs of the machine disturb little.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from benchmarks._batches import batches
from rnnsweep.config import RunConfig, compose
from rnnsweep.data import EncodedCorpus, prepare
from rnnsweep.networks import build
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.optimizer import Optimizer
from rnnsweep.training import stop, train
from rnnsweep.training.loader import TEXTS_OF_A_CHUNK
from rnnsweep.training.quiet import quiet
from rnnsweep.training.reading import embedded, read_embedded

TURNS = 5
SECONDS = 1.0  # of each loop in each turn
SHARED = Path(os.environ.get("RNNSWEEP_SHARED", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Case:
    """One network and batch size."""

    cell: str
    batch: int
    embedding: int = 64
    hidden: int = 32
    bidirectional: bool = False

    @property
    def name(self) -> str:
        two = "bidirectional " if self.bidirectional else ""
        return f"train, {two}{self.cell} {self.embedding}/{self.hidden}, batch {self.batch}"


CASES = tuple(Case("lstm", batch) for batch in (16, 64, 256))
TEMPLATED = CASES[:1]


# ---- the lesson's loop


class Rows(torch.utils.data.Dataset):
    """Token lists and labels, as a lesson keeps them."""

    def __init__(self, corpus: EncodedCorpus) -> None:
        part = corpus.train
        ends = part.offsets_N1
        self.rows = [part.ids[ends[n] : ends[n + 1]].tolist() for n in range(min(len(part), 20_000))]
        self.targets = part.targets_N[: len(self.rows)].tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> tuple[list[int], int]:
        return self.rows[row], self.targets[row]


def collate(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad each row by itself and stack them."""
    longest = max(len(tokens) for tokens, _ in items)
    padded = [F.pad(torch.tensor(tokens), (0, longest - len(tokens))) for tokens, _ in items]
    return torch.stack(padded), torch.tensor([target for _, target in items])


class Lesson(nn.Module):
    """Embedding, padded recurrent layer, last output, linear."""

    def __init__(self, case: Case, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, case.embedding, padding_idx=0)
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[case.cell]
        self.layer = kind(case.embedding, case.hidden, batch_first=True, bidirectional=case.bidirectional)
        self.output = nn.Linear(case.hidden * (1 + case.bidirectional), classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.output(self.layer(self.embedding(tokens))[0][:, -1])


def lesson(case: Case, corpus: EncodedCorpus) -> Iterator[int]:
    """Train as the lesson does; give the texts of each step."""
    rows = Rows(corpus)
    model = Lesson(case, len(corpus.vocabulary), len(corpus.labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    while True:
        loader = torch.utils.data.DataLoader(rows, batch_size=case.batch, shuffle=True, collate_fn=collate)
        for tokens, targets in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(tokens), targets)
            loss.backward()
            optimizer.step()
            yield len(targets)


class Template(pl.LightningModule):
    """The lesson's network as popular Lightning templates write it: metrics and logs at every step."""

    def __init__(self, case: Case, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.network = Lesson(case, vocabulary, classes)
        self.accuracy = MulticlassAccuracy(classes, average="micro")
        self.loss = MeanMetric()

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
        tokens, targets = batch
        logits = self.network(tokens)
        loss = F.cross_entropy(logits, targets)
        self.loss(loss)
        self.accuracy(logits, targets)
        self.log("train/loss", self.loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/acc", self.accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Stopwatch(pl.Callback):
    """Texts a second of a Lightning training, after as many steps to warm up as `speed_of` takes."""

    def __init__(self, batch: int) -> None:
        self.batch, self.steps, self.start, self.speed = batch, 0, 0.0, 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, *args: object) -> None:
        self.steps += 1
        now = time.process_time()
        if self.steps * self.batch <= TEXTS_OF_A_CHUNK:
            self.start, self.first = now, self.steps
        elif now - self.start > SECONDS:
            self.speed = (self.steps - self.first) * self.batch / (now - self.start)
            trainer.should_stop = True


def speed_of_template(case: Case, corpus: EncodedCorpus) -> float:
    """Texts a second of the template."""
    watch = Stopwatch(case.batch)
    rows = torch.utils.data.DataLoader(Rows(corpus), batch_size=case.batch, shuffle=True, collate_fn=collate)
    trainer = pl.Trainer(
        max_epochs=1000,
        logger=False,
        callbacks=[watch],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    with quiet():
        trainer.fit(Template(case, len(corpus.vocabulary), len(corpus.labels)), rows)
    return watch.speed


# ---- ours, and the same arithmetic without Lightning


def settings(case: Case) -> RunConfig:
    """Compose our run of a case."""
    if (SHARED / "ag_news" / "train.csv").is_file():
        data = ["data=ag_news", f"data.dir={SHARED / 'ag_news'}"]
    else:
        data = ["data=files", f"data.train={made_up_rows()}", "data.vocabulary=95000"]
    return compose(
        [
            *data,
            f"data.batch_size={case.batch}",
            f"model={case.cell}",
            f"model.bidirectional={str(case.bidirectional).lower()}",
            f"model.embedding_size={case.embedding}",
            f"model.hidden_size={case.hidden}",
            "model.pooling=last",
            "model.dropout=0",
            "model.embedding_dropout=0",
            "trainer.max_epochs=1000",
        ]
    )


def made_up_rows() -> Path:
    """Write 20,000 texts with the lengths and word frequencies of AG's News."""
    path = Path(tempfile.gettempdir()) / "rnnsweep-throughput.csv"
    if path.is_file():
        return path
    draw = np.random.default_rng(0)
    lines = ["text,label"]
    for row in range(20_000):
        words = (95_000 * draw.random(int(np.clip(draw.normal(43, 10), 8, 100))) ** 6).astype(int)
        lines.append(f"{' '.join(f'w{word}' for word in words)},{'abcd'[row % 4]}")
    path.write_text("\n".join(lines) + "\n")
    return path


def bare(case: Case, run: RunConfig, corpus: EncodedCorpus) -> Iterator[int]:
    """Do the arithmetic of `train` in a plain loop; give the texts of each step."""
    network = build(run.model, vocabulary=len(corpus.vocabulary), classes=len(corpus.labels))
    others = [weight for weight in network.parameters() if weight is not network.embedding.weight]
    optimizer = Optimizer(OptimizerConfig(), network.embedding, others)
    for epoch in range(1000):
        for batch in batches(corpus.train, batch_size=case.batch, seed=0, epoch=epoch):
            optimizer.look(batch.tokens_BT.t())
            loss = F.cross_entropy(
                read_embedded(network, embedded(network, optimizer), batch.lengths_B), batch.targets_B
            )
            loss.backward()
            optimizer.clip()
            optimizer.step(lr=1e-3)
            yield len(batch.targets_B)


class Clock(pl.Callback):
    """Counts the texts of the first seconds after the first chunk, and stops."""

    def __init__(self) -> None:
        self.start = 0.0
        self.speed = 0.0
        self._first = 0

    def on_train_batch_end(self, trainer, module, *args) -> None:
        now, step = time.process_time(), module.position.step
        if not self.start:
            self.start, self._first = now, step
        elif now - self.start > SECONDS:
            self.speed = (step - self._first) / (now - self.start)
            stop(trainer, "pruned")


def speed_of(steps: Iterator[int]) -> float:
    """Texts a second of a loop, after as many texts to warm up as `Clock` leaves out."""
    warm = 0
    while warm < TEXTS_OF_A_CHUNK:
        warm += next(steps)
    start, texts = time.process_time(), 0
    for count in steps:
        texts += count
        if time.process_time() - start > SECONDS:
            break
    return texts / (time.process_time() - start)


def speed_of_ours(case: Case, run: RunConfig) -> float:
    """Texts a second of `train`."""
    clock = Clock()
    while not clock.speed:  # a training that something else interrupted is no measurement
        scores = train(run, callbacks=[clock])
        if scores.stopped == "interrupted" and not clock.speed:
            raise KeyboardInterrupt
        clock.start = clock.start if clock.speed else 0.0
    return clock.speed * case.batch


# ---- rows


def measure(case: Case, turns: int = TURNS) -> list[dict]:
    """Let the three loops take turns; ours and the bare one start afresh in each (cold tables cost both)."""
    run = settings(case)
    run = replace(run, optimizer=OptimizerConfig())
    corpus = prepare(run.data)
    theirs_steps = lesson(case, corpus)
    loops = [
        lambda: speed_of_ours(case, run),
        lambda: speed_of(bare(case, run, corpus)),
        lambda: speed_of(theirs_steps),
    ]
    if case in TEMPLATED:
        loops.append(lambda: speed_of_template(case, corpus))
    ours, plain, theirs, *template = zip(*([loop() for loop in loops] for _ in range(turns)), strict=True)
    rows = [
        row(case.name, ours, theirs, "the lesson's loop (lists, collate, padded, dense Adam)"),
        row(f"{case.name}: Lightning's cost", ours, plain, "our arithmetic in a bare PyTorch loop"),
    ]
    name = f"{case.name}: beside a Lightning template"
    return rows + [row(name, ours, one, "Lightning with metrics and logs at every step") for one in template]


def row(name: str, ours: tuple[float, ...], other: tuple[float, ...], other_name: str) -> dict:
    """Make one row of the page."""
    ratios = [a / b for a, b in zip(ours, other, strict=True)]
    return {
        "case": name,
        "ours": statistics.median(ours),
        "other": statistics.median(other),
        "other_name": other_name,
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "unit": "texts/s",
    }


def run(cases: tuple[Case, ...] = CASES, turns: int = TURNS) -> list[dict]:
    """Measure all cases on one thread; `throughput_cells` and `throughput_large` have the others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for case in cases for row in measure(case, turns)]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for each in run():
        print(f"{each['case']}: {each['ours']:,.0f} against {each['other']:,.0f}, x{each['ratio']:.2f}")
