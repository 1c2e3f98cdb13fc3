"""Lightning's view of a run's record; apart, because importing Lightning takes seconds."""

from argparse import Namespace
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from rnnsweep.tracking.spool.record import RunRecord


class SpoolLogger(Logger):
    """Append what Lightning logs to the run's spool; never waits, never fails, never calls MLflow."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__()
        self.record = record

    @property
    def name(self) -> str:
        """The word that Lightning may use for folders."""
        return "rnnsweep"

    @property
    def version(self) -> str:
        """The key of the run."""
        return self.record.key

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one line; `step` is the optimiser step."""
        self.record.metrics(metrics, step=step or 0)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Leave them: the settings of a run are its configuration, recorded when it opened."""

    @rank_zero_only
    def save(self) -> None:
        """Write what a full disk refused."""
        self.record.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is held; the end state is for who knows why the training ended."""
        self.record.flush()
