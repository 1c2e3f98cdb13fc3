"""Hyperparameter sweeps, experiment tracking and honest comparisons for recurrent networks.

The command line's commands as functions::

    import rnnsweep

    result = rnnsweep.train(["model=lstm", "optimizer.lr=0.01"])
    rnnsweep.sweep("sweeps/quickstart.yaml")
    rnnsweep.compare("quickstart").frame()
    rnnsweep.runs("quickstart")

Importing this package is quick: torch, Lightning, MLflow and Optuna are imported by the first call.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.api import BestResult as BestResult
    from rnnsweep.api import Check as Check
    from rnnsweep.api import Cleaning as Cleaning
    from rnnsweep.api import EvaluateResult as EvaluateResult
    from rnnsweep.api import Exported as Exported
    from rnnsweep.api import Interrupted as Interrupted
    from rnnsweep.api import ListedSweep as ListedSweep
    from rnnsweep.api import NewProject as NewProject
    from rnnsweep.api import SweepResult as SweepResult
    from rnnsweep.api import TrainResult as TrainResult
    from rnnsweep.api import Validation as Validation
    from rnnsweep.api import best as best
    from rnnsweep.api import clean as clean
    from rnnsweep.api import compare as compare
    from rnnsweep.api import compare_corpora as compare_corpora
    from rnnsweep.api import compare_scores as compare_scores
    from rnnsweep.api import curves as curves
    from rnnsweep.api import disk_use as disk_use
    from rnnsweep.api import doctor as doctor
    from rnnsweep.api import enqueue as enqueue
    from rnnsweep.api import evaluate as evaluate
    from rnnsweep.api import export as export
    from rnnsweep.api import export_model as export_model
    from rnnsweep.api import init as init
    from rnnsweep.api import inspect as inspect
    from rnnsweep.api import list_runs as list_runs
    from rnnsweep.api import list_sweeps as list_sweeps
    from rnnsweep.api import load_model as load_model
    from rnnsweep.api import log_models as log_models
    from rnnsweep.api import machines as machines
    from rnnsweep.api import plan as plan
    from rnnsweep.api import predict as predict
    from rnnsweep.api import read_asked as read_asked
    from rnnsweep.api import read_scores as read_scores
    from rnnsweep.api import rebuild_store as rebuild_store
    from rnnsweep.api import replicate as replicate
    from rnnsweep.api import retry as retry
    from rnnsweep.api import runs as runs
    from rnnsweep.api import status as status
    from rnnsweep.api import stop as stop
    from rnnsweep.api import sweep as sweep
    from rnnsweep.api import train as train
    from rnnsweep.api import vectors as vectors
    from rnnsweep.api import write_answers as write_answers
    from rnnsweep.config import compose as compose
    from rnnsweep.errors import UserError as UserError

_get, __all__ = lazy_names(
    __name__,
    {
        "rnnsweep.api": "BestResult Check Cleaning EvaluateResult Exported Interrupted ListedSweep "
        "NewProject SweepResult TrainResult Validation best "
        "clean compare compare_corpora compare_scores curves disk_use doctor enqueue evaluate export "
        "export_model init inspect list_runs list_sweeps load_model log_models machines plan predict "
        "read_asked read_scores rebuild_store replicate retry runs status stop sweep train "
        "vectors write_answers ",
        "rnnsweep.config": "compose",
        "rnnsweep.errors": "UserError",
    },
)
__all__ += ["__version__"]


def __getattr__(name: str) -> Any:
    return version("rnnsweep") if name == "__version__" else _get(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
