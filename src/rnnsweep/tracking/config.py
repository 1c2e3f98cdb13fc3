"""The settings of tracking."""

from dataclasses import dataclass

from rnnsweep.safety.redaction import refuse_secret
from rnnsweep.settings import Range, check_settings, setting


@dataclass
class TrackingConfig:
    """Where runs are recorded."""

    uri: str | None = setting(
        None,
        "MLflow's tracking URI, or local (mlruns/mlflow.db of this project)",
        null="takes MLFLOW_TRACKING_URI, else local",
        suggestions=("local",),
        example="http://mlflow.example:5000",
    )
    experiment: str = setting(
        "single runs", "MLflow experiment of `rnnsweep train`; a sweep has its own", example="'my runs'"
    )
    run_name: str | None = setting(
        None,
        "name of the run in MLflow",
        null="makes one from the architecture and its settings",
        example="baseline",
    )
    diff: bool = setting(True, "keep the uncommitted changes of the code with the run", example="false")
    machine_every: float = setting(
        10.0,
        "seconds between two samples of processor, memory and GPU; 0: none",
        within=Range("0 or more seconds", lambda value: value >= 0),
        example=60,
    )
    enabled: bool = setting(True, "record the run at all", example="false")

    def __post_init__(self) -> None:
        """Check the ranges, and that the address holds no password."""
        refuse_secret("tracking.uri", self.uri)
        check_settings("tracking", self)
