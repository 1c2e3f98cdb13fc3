"""MLflow as a client of the local store needs it; to be imported where there is time for it."""

from rnnsweep.tracking.store.store import silence_mlflow

silence_mlflow()

import alembic.script  # noqa: E402, F401
import mlflow.pyfunc  # noqa: E402, F401
import mlflow.store.db.utils  # noqa: E402, F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: E402, F401
