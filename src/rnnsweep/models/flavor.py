"""The model as MLflow asks it: texts in, one mapping for each text out."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlflow.pyfunc.model import PythonModel

from rnnsweep.models.folder import INSIDE, read_model
from rnnsweep.models.text_model import TextModel


class Classifier(PythonModel):
    """A pyfunc model; its folder of artifacts is read by `read_model`, which runs nothing of it."""

    def __init__(self, model: TextModel | None = None) -> None:
        self._model = model

    def load_context(self, context: Any) -> None:
        """Read the model from MLflow's folder."""
        self._model = read_model(Path(context.artifacts[Path(INSIDE).name]))

    # MLflow makes the signature of the hints and warns of what it does not know, as of mappings of anything
    def predict(self, context: Any, model_input: list[str], params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """Return label, probability, probabilities, tokens and known of each text."""
        assert self._model is not None
        return [asdict(answer) for answer in self._model.predict(model_input)]
