"""The callback through which a training talks to its controller."""

import errno
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from rnnsweep.tasks import Score
from rnnsweep.training.module import TrainingModule
from rnnsweep.trial.causes import TimeLimit
from rnnsweep.trial.messages import Channel, Report

PRUNE = "stop"  # the answer to a report that ends the trial


class Reporter(pl.Callback):
    """Reports each validation, and stops the training where the controller says so.

    Args:
        channel: the line to the controller.
        score: which of the validation's values is reported.
        validate_every: epochs between two validations, which are the rungs.
        max_epochs: of the training; its last validation is reported, and ends it anyhow.
        seconds: after which the training ends with TimeLimit; None for no limit.
        held: gives the lines of the record that a full disk still refuses.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        score: Score,
        validate_every: float,
        max_epochs: int,
        seconds: float | None,
        held: Callable[[], int] = lambda: 0,
    ) -> None:
        self._channel, self._score = channel, score
        self._validate_every, self._max_epochs = validate_every, max_epochs
        self._seconds = seconds
        self._held = held
        self._clock: Callable[[], float] = time.monotonic  # the training's own, once it starts
        self._began = self._clock()
        self._module: TrainingModule | None = None
        self.pruned_at: float | None = None  # epochs

    def work(self) -> dict[str, float]:
        """Return what the training has cost so far."""
        epochs = self._module.epochs_done if self._module is not None else 0.0
        return {"epochs": epochs, "seconds": self._clock() - self._began}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Get to know what is trained."""
        assert isinstance(pl_module, TrainingModule)
        self._module = pl_module
        prepared = self._clock() - self._began
        self._clock = pl_module.clock
        self._began = self._clock() - prepared

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the validation and act on the answer."""
        assert isinstance(pl_module, TrainingModule)
        assert pl_module.validation is not None
        if self._held():  # the checkpoint that follows must not be ahead of the record
            raise OSError(errno.ENOSPC, "no room for the record of the run")
        epochs = pl_module.epochs_done
        rung = max(1, round(epochs / self._validate_every))
        value = pl_module.validation[self._score.name]
        report = Report(rung, pl_module.position.step, epochs, value, self._score.direction)
        if trainer.is_global_zero and self._channel.report(report) == PRUNE and epochs < self._max_epochs:
            self.pruned_at = epochs
            _stop(trainer, "pruned")
        self._check(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Hear an interruption within a second."""
        self._check(trainer)

    def _check(self, trainer: pl.Trainer) -> None:
        if self._channel.interrupted():
            _stop(trainer, "interrupted")
        if self._seconds is not None and self._clock() - self._began > self._seconds:
            raise TimeLimit(f"it used up its {self._seconds:g} s")


def _stop(trainer: pl.Trainer, reason: str) -> None:
    from rnnsweep.training import stop

    stop(trainer, reason)
