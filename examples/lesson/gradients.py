"""Draw how far back a loss reaches, for plain, gated and forgetting cells, before and after training."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rnnsweep.config import RunConfig, compose

if TYPE_CHECKING:
    import torch

    from examples.lesson.vanishing import Reach
    from rnnsweep.data import EncodedCorpus

TOKENS, TEXTS = 40, 128
CELLS = {
    "RNN": ("model=rnn",),
    "GRU": ("model=gru",),
    "LSTM, forget bias 0": ("model=lstm", "model.forget_bias=0"),
    "LSTM, forget bias 1": ("model=lstm", "model.forget_bias=1"),
}
COLOURS = dict(zip(CELLS, ("#7a7a7a", "#2a8a4a", "#c0428a", "#2f6fd0"), strict=True))
COMMON = (
    "data=ag_news",
    "data.limit=20000",
    "data.batch_size=16",
    "model.embedding_size=64",
    "model.hidden_size=32",
    "model.pooling=last",
    "model.dropout=0",
    "model.embedding_dropout=0",
    "model.initialisation=pytorch",
    "optimizer.schedule=none",
    "optimizer.lr=0.001",
    "trainer.max_epochs=2",
)


def draw_gradients(picture: Path, overrides: Sequence[str] = ()) -> "tuple[Reach, ...]":
    """Train four cells and draw the norm of d loss / d state by distance in time.

    Args:
        picture: a PNG file to write.
        overrides: hold for every cell, as ``["data.dir=ag_news"]``.

    Raises:
        UserError: the configuration or the data cannot be used, or no text is 40 tokens long.
    """
    from examples.lesson.vanishing import draw_reach

    common = [one for one in overrides if not one.startswith("data.vectors=")]
    runs = {name: compose([*COMMON, *own, *common]) for name, own in CELLS.items()}
    reaches = tuple(_reach(name, run) for name, run in runs.items())
    title = f"Gradients through time: {TEXTS} texts of {TOKENS} tokens, 32 units, geometric mean"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(draw_reach(reaches, COLOURS, title=title))
    return reaches


def _reach(name: str, run: RunConfig) -> "Reach":
    from examples.lesson.vanishing import Reach, gradient_by_distance
    from rnnsweep.data import prepare
    from rnnsweep.training import train
    from rnnsweep.training.initial import restore, start

    corpus = prepare(run.data)
    tokens_TB, targets_B = _texts(corpus)
    fresh_T = gradient_by_distance(start(run, corpus), tokens_TB, targets_B)
    with TemporaryDirectory() as folder:
        scores = train(run, folder=Path(folder))
        if scores.stopped == "interrupted":
            raise KeyboardInterrupt
        assert scores.checkpoint is not None
        trained = restore(run, corpus, scores.checkpoint)
    return Reach(name, fresh_T, gradient_by_distance(trained, tokens_TB, targets_B))


def _texts(corpus: "EncodedCorpus") -> "tuple[torch.Tensor, torch.Tensor]":
    """Take the first long texts of the validation part, cut to one length: distance means the same in all."""
    import numpy as np

    from rnnsweep.data import gather
    from rnnsweep.errors import UserError

    part = corpus.validation
    rows = np.flatnonzero(part.lengths_N >= TOKENS)[:TEXTS]
    if not rows.size:
        raise UserError(f"no text of the validation part has {TOKENS} tokens; gradients need long texts")
    batch = gather(part, rows)
    return batch.tokens_BT[:, :TOKENS].t(), batch.targets_B
