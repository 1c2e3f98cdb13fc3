"""What goes to the store in one call: points, parameters and tags of one run, or its dataset inputs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnsweep.tracking.spool.spool import Record

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric
    from mlflow.tracking import MlflowClient

MOST = 1000  # items of a call: MLflow's limit
DIGEST = 36  # characters that MLflow keeps of a digest; the whole one is in the profile
FEW = 90  # parameters or tags of a call; its limit is 100
Refuse = Callable[[Record, str], None]


@dataclass
class PointBatch:
    """Lines of a run that were read and not sent yet. A call costs as much as a hundred points."""

    points: "list[Metric]" = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add_points(self, record: Record) -> None:
        """Add the points of one line of metrics."""
        from mlflow.entities import Metric

        step, time = int(record["step"]), int(record["time"])
        values = record["values"].items()
        self.points += [Metric(str(name), _finite(value), time, step) for name, value in values]

    def contradicts(self, params: Mapping[str, str]) -> bool:
        """Return whether one of the parameters is here with another value."""
        return any(self.params.get(name, value) != value for name, value in params.items())

    def send(self, client: "MlflowClient", run_id: str, refuse: Refuse) -> None:
        """Send everything, in as few calls as the store allows.

        Args:
            client: of the store.
            run_id: the run's in the store.
            refuse: takes an item that the store will never take, as a line of a spool, and the reason.

        Raises:
            Exception: whatever the store raises; a part may have been sent, and may be sent again.
        """
        for call in self._calls():
            try:
                client.log_batch(run_id, **call, synchronous=True)
            except Exception as error:
                if not is_for_ever(error):
                    raise
                if not run_id or is_deleted(client, run_id):  # no run: the spool lacks its first line
                    for what, items in call.items():
                        for item in items:
                            refuse({"op": what, **dict(item)}, str(error))
                else:
                    _send_one_by_one(client, run_id, call, refuse)

    def _calls(self) -> Iterator[dict[str, Sequence[Any]]]:
        from mlflow.entities import Param, RunTag

        points = self.points
        params = [Param(name, value) for name, value in self.params.items()]
        tags = [RunTag(name, value) for name, value in self.tags.items()]
        while len(points) > MOST - 2 * FEW:
            yield {"metrics": points[:MOST]}
            points = points[MOST:]
        while points or params or tags:
            yield {"params": params[:FEW], "metrics": points, "tags": tags[:FEW]}
            points, params, tags = [], params[FEW:], tags[FEW:]


def _finite(value: Any) -> float:
    """MLflow stores infinity as 1.8e308, which ruins every axis it is drawn on: make it not-a-number."""
    number = float(value)
    return number if abs(number) < 1e308 else float("nan")


def _send_one_by_one(
    client: "MlflowClient", run_id: str, call: Mapping[str, Sequence[Any]], refuse: Refuse
) -> None:
    """Find the items that the store refuses; send the others."""
    for what, items in call.items():
        for item in items:
            try:
                client.log_batch(run_id, **{what: [item]}, synchronous=True)
            except Exception as error:
                if not is_for_ever(error):
                    raise
                refuse({"op": what, **dict(item)}, str(error))


def is_for_ever(error: Exception) -> bool:
    """Return whether the store says that it will never take what it was sent."""
    return getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE"


def is_deleted(client: "MlflowClient", run_id: str) -> bool:
    """Return whether a person deleted the run."""
    return bool(client.get_run(run_id).info.lifecycle_stage == "deleted")


def dataset_inputs(parts: Sequence[Mapping[str, Any]]) -> "list[DatasetInput]":
    """Return each part as an input; its context (train, validation, test) shows as a chip in the page."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return [
        DatasetInput(
            Dataset(
                name=part["name"],
                digest=part["digest"][:DIGEST],
                source_type="local",
                source=json.dumps({"uri": part["source"]}),
                profile=json.dumps({"rows": part["rows"], "sha256": part["digest"]}),
            ),
            [InputTag("mlflow.data.context", part["context"])],
        )
        for part in parts
    ]
