"""Values of a spool's lines as MLflow's objects."""

from typing import TYPE_CHECKING, Any

from rnnsweep.tracking.spool.spool import Record

if TYPE_CHECKING:
    from mlflow.entities import Metric


def as_points(record: Record) -> list["Metric"]:
    """Return the points of one line of metrics."""
    from mlflow.entities import Metric

    step, time = int(record["step"]), int(record["time"])
    return [Metric(str(name), _finite(value), time, step) for name, value in record["values"].items()]


def _finite(value: Any) -> float:
    """MLflow stores infinity as 1.8e308, which ruins every axis it is drawn on: make it not-a-number."""
    number = float(value)
    return number if abs(number) < 1e308 else float("nan")
