"""Tell the caller of each validation, and of a stop; apart, because importing Lightning takes seconds."""

import time
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from rnnsweep.api.results import OnStop, OnValidation, Validation
from rnnsweep.tasks import Score
from rnnsweep.training.callbacks.stopping import reason_of


class ValidationWatch(Callback):
    """Reads what the training logs, on its first process."""

    def __init__(self, tell: OnValidation | None, score: Score, *, on_stop: OnStop | None = None) -> None:
        self.tell, self.score, self.on_stop = tell, score, on_stop
        self.began = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell of a stop at once."""
        self._tell_of_stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of a stop that came after the last step, as in a validation."""
        self._tell_of_stop(trainer)

    def _tell_of_stop(self, trainer: Trainer) -> None:
        if self.on_stop and trainer.should_stop and trainer.is_global_zero:
            if reason_of(trainer) == "interrupted":
                self.on_stop()
            self.on_stop = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of a validation that belongs to the training."""
        if self.tell is None:
            return
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        values = _of("validation", logged)
        if trainer.sanity_checking or not trainer.is_global_zero or self.score.name not in values:
            return
        self.tell(
            Validation(
                epoch=logged.get("epoch", float(trainer.current_epoch + 1)),
                step=trainer.global_step,
                score=self.score,
                values=values,
                running=_of("train", logged),
                seconds=time.monotonic() - self.began,
            )
        )


def _of(part: str, logged: dict[str, float]) -> dict[str, float]:
    """Return what was logged of a part, by the names of scores."""
    return {
        name.removeprefix(f"{part}/"): value for name, value in logged.items() if name.startswith(f"{part}/")
    }
