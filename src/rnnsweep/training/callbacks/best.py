"""The callback that keeps a training's best validation, its checkpoints and its clock."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from rnnsweep.tasks import LOSS, Score
from rnnsweep.training import checkpoint
from rnnsweep.training.callbacks.stopping import reason_of, stop
from rnnsweep.training.metrics import Metrics
from rnnsweep.training.module import TrainingModule


class Keeper(pl.Callback):
    """Is last in the list of callbacks: sees what the others decided.

    Args:
        folder: for the checkpoints; None writes none.
        score: the best validation is that with its best value; of equals, that with the lowest loss.
        monitor: another score, or None (the loss), whose improvement patience waits for.
        patience: validations without improvement before stopping.
        identity: the settings that a checkpoint's run must share with this one.
        others: the callbacks whose states belong into a checkpoint.
        clock: gives the seconds that the training costs, from any start.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        score: Score,
        monitor: Score | None,
        patience: int | None,
        identity: dict[str, str],
        others: Sequence[pl.Callback] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.folder, self.patience = folder, patience
        self.score, self.monitor = score, monitor
        self.identity, self.others = identity, others
        self.best: Metrics | None = None
        self.leading: tuple[float, ...] | None = None  # rank of the validation that patience counts from
        self.waited = 0  # validations since then
        self._seconds = self._validating = 0.0  # up to the last start of this process
        self._clock = clock
        self._started = self._validation_started = clock()
        self._random: list[dict[str, Any]] | None = None  # of each process
        self._saved_step: int | None = None  # of the last checkpoint

    @property
    def exhausted(self) -> bool:
        """Return whether patience is at its end."""
        return self.patience is not None and self.waited >= self.patience

    @property
    def seconds(self) -> float:
        """Seconds of the training so far, of earlier processes too."""
        return self._seconds + self._clock() - self._started

    @property
    def learning_seconds(self) -> float:
        """The same without validations."""
        return self.seconds - self._validating

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; put the random numbers to where a resumed training left them."""
        self._started = self._clock()
        if self._random is not None:
            checkpoint.restore_random_state(self._random, rank=trainer.global_rank)
        elif trainer.global_rank:
            torch.manual_seed(torch.initial_seed() + trainer.global_rank)  # each its own dropout

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Time the validation."""
        self._validation_started = self._clock()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Evaluate the validation, keep the best weights, stop where patience ends, write a checkpoint."""
        assert isinstance(pl_module, TrainingModule)
        assert pl_module.validation is not None
        self._validating += self._clock() - self._validation_started
        if self.is_best(pl_module.validation):
            self._write({"weights": pl_module.network.state_dict()}, checkpoint.BEST, trainer)
        if self.exhausted:
            stop(trainer, "early")
        self._agree_to_stop(trainer)
        self._write_last(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write a checkpoint at once where the training is being interrupted."""
        self._agree_to_stop(trainer)
        if trainer.should_stop and reason_of(trainer) == "interrupted":
            assert isinstance(pl_module, TrainingModule)
            self._write_last(trainer, pl_module)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock; a signal may have come after the last chunk was looked at."""
        assert isinstance(pl_module, TrainingModule)
        self._agree_to_stop(trainer)
        if reason_of(trainer) == "interrupted" and self._saved_step != pl_module.position.step:
            self._write_last(trainer, pl_module)
        self._seconds, self._started = self.seconds, self._clock()

    def is_best(self, metrics: Metrics) -> bool:
        """Return whether a validation is the best so far, and count it for patience."""
        better = self.best is None or _rank(metrics, self.score) > _rank(self.best, self.score)
        self.best = metrics if better else self.best
        watched = _rank(metrics, self.monitor)
        improved = self.leading is None or watched > self.leading
        self.leading, self.waited = (watched, 0) if improved else (self.leading, self.waited + 1)
        return better

    def kept(self) -> dict[str, Any]:
        """Return the state, to be saved."""
        return {
            "best": self.best,
            "leading": self.leading,
            "waited": self.waited,
            "seconds": self.seconds,
            "validating": self._validating,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        state = content["kept"]
        self.best = state["best"]
        # checkpoints that were written before there was a monitor waited for the best validation
        before = None if self.best is None else _rank(self.best, self.monitor)
        leading = state.get("leading", before)
        self.leading = None if leading is None else tuple(leading)
        self.waited = int(state["waited"])
        self._seconds, self._validating = float(state["seconds"]), float(state["validating"])
        self._random = content["random"]
        for callback in self.others:
            if callback.state_key in content["callbacks"]:
                callback.load_state_dict(content["callbacks"][callback.state_key])

    def _agree_to_stop(self, trainer: pl.Trainer) -> None:
        """Let all processes of a run stop together; a stop without a reason is an interruption."""
        if trainer.world_size > 1:
            trainer.should_stop = trainer.strategy.reduce_boolean_decision(trainer.should_stop, all=False)
        if trainer.should_stop:
            reason = reason_of(trainer) or "interrupted"
            stop(trainer, trainer.strategy.broadcast(reason))

    def _write_last(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        if self.folder is None:
            return
        random = checkpoint.random_states(trainer.world_size)
        self._saved_step = module.position.step
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:  # or a training that is killed now goes on after points that were lost
            logger.save()
        content = {
            "identity": self.identity,
            "training": module.training_state(),
            "weights": module.network.state_dict(),
            "kept": self.kept(),
            "random": random,
            "callbacks": {each.state_key: each.state_dict() for each in self.others},
        }
        self._write(content, checkpoint.LAST, trainer)

    def _write(self, content: dict[str, Any], name: str, trainer: pl.Trainer) -> None:
        if self.folder is not None and trainer.is_global_zero:
            checkpoint.write(content, self.folder / name)


def _rank(metrics: Metrics, score: Score | None) -> tuple[float, ...]:
    """Return what a larger tuple of is better: the score turned, then the loss negated; None is the loss."""
    loss = -metrics[LOSS]
    return (loss,) if score is None else (score.turned(metrics[score.name]), loss)
