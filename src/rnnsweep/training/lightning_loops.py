"""Everything of Lightning's loops that is private to it: its counters, and when it validates.

A Lightning "batch" is a chunk of optimiser steps here, so Lightning cannot count steps itself.
"""

from typing import Any

import pytorch_lightning as pl


def set_step(trainer: pl.Trainer, step: int) -> None:
    """Set `trainer.global_step`, and the step under which other code's `self.log` is recorded."""
    loop = trainer.fit_loop.epoch_loop
    loop.manual_optimization.optim_step_progress.total.completed = step
    loop._batches_that_stepped = step


def set_epoch(trainer: pl.Trainer, epoch: int) -> None:
    """Set `trainer.current_epoch`: epochs done."""
    tracker: Any = trainer.fit_loop.epoch_progress.current
    tracker.ready = tracker.started = tracker.processed = tracker.completed = epoch


def validate_next(trainer: pl.Trainer, due: bool) -> None:
    """Let Lightning validate after this batch, or not before the end; a stop waits for no validation."""
    trainer.val_check_batch = 1 if due else float("inf")
    if trainer.should_stop:
        trainer.limit_val_batches = 0
