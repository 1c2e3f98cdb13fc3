"""The settings of tracking."""

from dataclasses import dataclass


@dataclass
class TrackingConfig:
    """Where runs are recorded."""

    uri: str | None = None  # MLflow tracking URI, or local; null: MLFLOW_TRACKING_URI, else mlruns/mlflow.db
    experiment: str = "single runs"  # MLflow experiment of `train`; a sweep has its own
    run_name: str | None = None  # null: a name that reads, from architecture and settings
    enabled: bool = True
