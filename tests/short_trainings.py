"""Trainings of a second: a corpus of made-up rows, settings for it, and what the tests do to them."""

from dataclasses import replace

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from rnnsweep.training import checkpoint, stop

LABELS = ("north", "south", "west")
ROWS = 720


def write_rows(path):
    """Texts whose label shows in some of their words; 2,000 words in all, so that rows are lazy."""
    draw = np.random.default_rng(5)
    lines = ["text,label"]
    for row in range(ROWS):
        label = row % 3
        words = [f"w{word}" for word in draw.integers(0, 2000, draw.integers(4, 12))]
        hints = [f"{LABELS[label]}{draw.integers(0, 40)}" for _ in range(2)]
        lines.append(f"{' '.join(words + hints)},{LABELS[label]}")
    path.write_text("\n".join(lines) + "\n")


SETTINGS = (
    "data=files",
    "data.batch_size=16",
    "model=bilstm",
    "model.hidden_size=8",
    "model.embedding_size=160",
    "model.dropout=0.2",
    "model.embedding_dropout=0",
    "optimizer.lr=0.01",
    "trainer.max_epochs=2",
    "trainer.validate_every=0.5",
)


class Record(Logger):
    """Keeps what it is told."""

    name, version = "record", "0"

    def __init__(self):
        super().__init__()
        self.points = []

    def log_metrics(self, metrics, step=None):
        self.points.append((step, metrics))

    def log_hyperparams(self, *args, **kwargs):
        pass


class StopAfter(pl.Callback):
    """Asks for a stop at the n-th chunk, or at the n-th validation."""

    def __init__(self, reason, *, chunks=0, validations=0):
        self.reason, self.chunks, self.validations = reason, chunks, validations

    def on_train_batch_end(self, trainer, *args):
        self.chunks -= 1
        if self.chunks == 0:
            stop(trainer, self.reason)

    def on_validation_end(self, trainer, pl_module):
        self.validations -= 1
        if self.validations == 0:
            stop(trainer, self.reason)


def same(one, other):
    """Compare scores without the clock and the folder."""
    timeless = {"seconds": 0.0, "samples_per_second": 0.0, "checkpoint": None}
    return replace(one, **timeless) == replace(other, **timeless)


def weights(folder, name="last.ckpt"):
    return checkpoint.read(folder / name)["weights"]


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
