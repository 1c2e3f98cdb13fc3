"""Stopping a training from outside: by a callback, by Ctrl-C, by SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl

from rnnsweep.training.module import TrainingModule

REASONS = ("early", "interrupted", "pruned")


class StopNow(BaseException):
    """A second Ctrl-C: end without waiting. (Lightning would turn KeyboardInterrupt into an exit.)"""


def stop(trainer: pl.Trainer, reason: str) -> None:
    """Ask a training to end at the next chunk of about a thousand texts; the first reason given stays.

    A callback calls it from any hook. "interrupted" writes a checkpoint at that point, from which
    ``train(..., resume=True)`` continues as if nothing had happened. A bare ``trainer.should_stop = True``
    counts as "interrupted".
    """
    assert reason in REASONS, reason
    trainer.should_stop = True
    module = trainer.lightning_module
    assert isinstance(module, TrainingModule)
    module.stopped = module.stopped or reason


def reason_of(trainer: pl.Trainer) -> str | None:
    """Return why the training was asked to stop."""
    module = trainer.lightning_module
    assert isinstance(module, TrainingModule)
    return module.stopped


class Signals(pl.Callback):
    """Ctrl-C and SIGTERM interrupt the training cleanly, unless the process has own handlers for them."""

    def __init__(self) -> None:
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put handlers in place; Lightning has just put one of its own in place of SIGTERM's."""
        if threading.current_thread() is not threading.main_thread():
            return

        def interrupt(number: int, frame: Any) -> None:
            if trainer.should_stop:
                raise StopNow
            stop(trainer, "interrupted")

        for number, before in self._before.items():
            own = before not in (signal.SIG_DFL, signal.default_int_handler)
            signal.signal(number, before if own else interrupt)

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Put the handlers from before back, and give a second Ctrl-C its usual name."""
        try:
            yield
        except StopNow:
            raise KeyboardInterrupt from None
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, before in self._before.items():
                    signal.signal(number, before)
