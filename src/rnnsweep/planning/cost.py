"""What one training costs on this machine, from short ones that are done as a trial does them.

Time that a training waits for a core, as other programs have all of them, does not count.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from rnnsweep.config import RunConfig, compose
from rnnsweep.data import EncodedCorpus, EncodedPart, batch_count, prepare
from rnnsweep.errors import UserError
from rnnsweep.hardware import gpus, unhindered
from rnnsweep.networks import Network, build
from rnnsweep.training import stop, train
from rnnsweep.training.loader import Chunk, judged_batches
from rnnsweep.training.module import TrainingModule
from rnnsweep.trial.causes import explain
from rnnsweep.trial.memory import resident_peak

LEAST_RATE = 1e-9  # the largest rate of a space may diverge at once
STEPS = 3  # with the longest texts: the optimiser's state is there after the first
LEARN_S = 1.0  # of learning that is timed, after a first chunk that allocates memory
SHARE_OF_A_LOOK = 4  # every fourth batch of a part is judged, and stands for the others


@dataclass(frozen=True)
class Cost:
    """What one point of the space costs on this machine.

    `seconds_per_epoch` has training steps, validations and checkpoints; `seconds_to_start` all else that a
    training costs once; `seconds_to_test` one look at the test part, as a replicate has. `seconds_to_learn`
    is the part of an epoch that grows with the training `rows`. `memory` is what the process held at most, in
    bytes, with all libraries.
    """

    parameters: int
    seconds_per_epoch: float
    seconds_to_start: float = 0.0
    seconds_to_test: float = 0.0
    memory: int = 0
    seconds_to_learn: float = 0.0
    rows: int = 0


class CostWatch(pl.Callback):
    """Times the chunks of a training after the first, and stops it as Ctrl-C would: with a checkpoint."""

    def __init__(self, learn_s: float) -> None:
        self.learn_s = learn_s
        self.seconds, self.steps = 0.0, 0  # of the chunks after the first
        self.learning = self.looking = 0.0  # of all chunks and all validations
        self.stopped = 0.0
        self._began = 0.0
        self._before: int | None = None  # steps before the first chunk that counts

    def on_train_batch_start(self, *given: Any) -> None:
        """Start the clock of a chunk."""
        self._began = unhindered()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *given: Any) -> None:
        """Stop the clock, and the training where it was timed for long enough."""
        assert isinstance(pl_module, TrainingModule)
        now, step = unhindered(), pl_module.position.step
        self.learning += now - self._began
        if self._before is None:
            self._before = step
        else:
            self.seconds, self.steps = self.seconds + now - self._began, step - self._before
        if self.seconds >= self.learn_s:
            stop(trainer, "interrupted")
        self.stopped = unhindered()

    def on_validation_start(self, *given: Any) -> None:
        """Start the clock of a validation: that of few rows, whose epochs are over in no time."""
        self._began = unhindered()

    def on_validation_end(self, *given: Any) -> None:
        """Stop the clock."""
        self.looking += unhindered() - self._began


class FirstSteps(pl.Callback):
    """Takes the first steps on the longest texts, validates and ends: what follows needs no more memory."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *given: Any) -> None:
        """Replace the rows of a chunk by the longest, as many as a mini-batch has."""
        chunk: Chunk = given[0]
        longest_B = np.argsort(-chunk.part.lengths_N, kind="stable")[: chunk.batch_size]
        chunk.take([longest_B] * STEPS, validate=True)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the training."""
        stop(trainer, "interrupted")


@dataclass(frozen=True)
class MemoryUse:
    """The memory of a GPU after first steps, in bytes.

    Attributes:
        free: of the whole GPU, with the process that took the steps still there.
        held: by PyTorch in this process.
        peak: what it held at most.
    """

    free: int
    held: int
    peak: int


def open_gpu(device: str) -> str:
    """Let this process see one GPU alone, by CUDA's name of it, and use it; return what GPU it is.

    Raises:
        UserError: CUDA does not let it.
    """
    os.environ[gpus.VISIBLE] = device
    try:
        free_memory()
        return gpus.kind()
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"gpu:{device}: cannot be used: {explain(error).reason}") from None


def free_memory() -> int:
    """Return the free bytes of the GPU of this process."""
    return gpus.memory_now()[0]


def take_first_steps(device: str, overrides: Sequence[str], conf: Path | None = None) -> MemoryUse | None:
    """Train on one GPU for a few steps, in this process, which must be a fresh one.

    Returns:
        the memory that it took; None where there is too little.

    Raises:
        UserError: the corpus cannot be read, or the run cannot be trained here.
    """
    os.environ[gpus.VISIBLE] = device
    run = compose(overrides, conf=conf)
    optimizer = replace(run.optimizer, lr=LEAST_RATE)
    run = replace(run, trainer=replace(run.trainer, devices=1), optimizer=optimizer)
    try:
        with TemporaryDirectory() as folder:
            train(run, callbacks=[FirstSteps()], folder=Path(folder))
    except Exception as error:
        if explain(error).cause != "out of memory":
            raise
        return None
    return MemoryUse(*gpus.memory_now())


def nothing() -> None:
    """Do nothing: what it takes in a fresh process is what that process takes."""


def measure(overrides: Sequence[str], conf: Path | None = None) -> Cost:
    """Train for about a second, in this process, and say what a whole training will take.

    A process's first training is slower than its next ones; so each measurement should have a fresh process,
    as each trial has.

    Raises:
        UserError: the corpus cannot be read, or the run cannot be trained here.
    """
    began = unhindered()
    run = compose(overrides, conf=conf)
    run = replace(run, trainer=replace(run.trainer, devices=1))
    watch = CostWatch(LEARN_S)
    with TemporaryDirectory() as folder:
        scores = train(run, callbacks=[watch], folder=Path(folder))
        ended = unhindered()
    corpus = prepare(run.data)
    checkpoint = ended - watch.stopped
    step = watch.seconds / watch.steps if watch.steps else watch.learning / max(scores.steps, 1)
    look = _look_seconds(run, corpus, corpus.validation)
    learning = step * batch_count(corpus.train, batch_size=run.data.batch_size)
    return Cost(
        parameters=scores.parameters,
        seconds_per_epoch=learning + (look + checkpoint) / run.trainer.validate_every,
        seconds_to_start=max(0.0, ended - began - watch.looking - step * scores.steps),
        seconds_to_test=look * corpus.sizes["test"] / corpus.sizes["validation"],
        memory=resident_peak(),
        seconds_to_learn=learning,
        rows=corpus.sizes["train"],
    )


def _look_seconds(run: RunConfig, corpus: EncodedCorpus, part: EncodedPart) -> float:
    """Return the seconds of a look at a part, from some of its batches and the tokens of all of them."""
    network = build(
        run.model, vocabulary=len(corpus.vocabulary), classes=run.spec.outputs(len(corpus.labels))
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(run.trainer.threads or threads)
    try:
        return _judge_some(network.eval(), run, part)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def _judge_some(network: Network, run: RunConfig, part: EncodedPart) -> float:
    seconds, read, tokens = 0.0, 0, 0
    for number, (_, texts) in enumerate(judged_batches(part, run.data)):
        tokens += texts.tokens_BT.numel()
        if number % SHARE_OF_A_LOOK == 0:
            began = unhindered()
            network(texts.tokens_BT, texts.lengths_B)
            seconds, read = seconds + unhindered() - began, read + texts.tokens_BT.numel()
    return seconds * tokens / read
