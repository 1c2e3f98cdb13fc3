"""The settings of tracking."""

from dataclasses import dataclass

from rnnsweep.errors import refuse_unless
from rnnsweep.safety.redaction import refuse_secret


@dataclass
class TrackingConfig:
    """Where runs are recorded."""

    uri: str | None = None  # MLflow tracking URI, or local; null: MLFLOW_TRACKING_URI, else mlruns/mlflow.db
    experiment: str = "single runs"  # MLflow experiment of `train`; a sweep has its own
    run_name: str | None = None  # null: a name that reads, from architecture and settings
    diff: bool = True  # keep the uncommitted changes of the code as an artifact of the run
    machine_every: float = 10.0  # seconds between two samples of processor, memory and graphics; 0: none
    enabled: bool = True

    def __post_init__(self) -> None:
        """Check the ranges, and that the address holds no password."""
        refuse_secret("tracking.uri", self.uri)
        every = self.machine_every
        refuse_unless(every >= 0, "tracking.machine_every", every, "0 or more seconds")
