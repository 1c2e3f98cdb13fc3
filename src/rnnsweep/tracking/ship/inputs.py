"""Parts of a corpus as MLflow's dataset inputs."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGEST = 36  # characters that MLflow keeps of a digest; the whole one is in the profile


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
