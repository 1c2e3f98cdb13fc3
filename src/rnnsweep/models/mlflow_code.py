"""What MLflow runs when it loads a model of rnnsweep: the installed rnnsweep, and nothing of the folder."""

from mlflow.models import set_model

from rnnsweep.models.flavor import Classifier

set_model(Classifier())
