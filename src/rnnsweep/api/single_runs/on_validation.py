"""Tell the caller of each validation; apart, because importing Lightning takes seconds."""

import time

from pytorch_lightning import Callback, LightningModule, Trainer

from rnnsweep.api.results import OnValidation, Validation
from rnnsweep.tasks import Score


class Watch(Callback):
    """Reads what the training logs, on its first process."""

    def __init__(self, tell: OnValidation, score: Score) -> None:
        self.tell, self.score = tell, score
        self.began = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of a validation that belongs to the training."""
        seen = {name: float(value) for name, value in trainer.callback_metrics.items()}
        values = _of("validation", seen)
        if trainer.sanity_checking or not trainer.is_global_zero or self.score.name not in values:
            return
        self.tell(
            Validation(
                epoch=seen.get("epoch", float(trainer.current_epoch + 1)),
                step=trainer.global_step,
                score=self.score,
                values=values,
                running=_of("train", seen),
                seconds=time.monotonic() - self.began,
            )
        )


def _of(part: str, seen: dict[str, float]) -> dict[str, float]:
    """Return what was logged of a part, by the names of scores."""
    return {
        name.removeprefix(f"{part}/"): value for name, value in seen.items() if name.startswith(f"{part}/")
    }
