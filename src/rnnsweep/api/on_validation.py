"""Tell the caller of each validation; apart, because importing Lightning takes seconds."""

import time

from pytorch_lightning import Callback, LightningModule, Trainer

from rnnsweep.api.results import OnValidation, Validation


class Watch(Callback):
    """Reads what the training logs, on its first process."""

    def __init__(self, tell: OnValidation) -> None:
        self.tell = tell
        self.began = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of a validation that belongs to the training."""
        seen = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if trainer.sanity_checking or not trainer.is_global_zero or "validation/accuracy" not in seen:
            return
        self.tell(
            Validation(
                epoch=seen.get("epoch", float(trainer.current_epoch + 1)),
                step=trainer.global_step,
                accuracy=seen["validation/accuracy"],
                loss=seen.get("validation/loss", float("nan")),
                train_loss=seen.get("train/loss"),
                seconds=time.monotonic() - self.began,
                train_accuracy=seen.get("train/accuracy"),
            )
        )
