"""The project's calls: what the command line does, as functions with typed results.

They are imported when first used.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.api.cleaning import Cleaning as Cleaning
    from rnnsweep.api.cleaning import clean as clean
    from rnnsweep.api.cleaning import disk_use as disk_use
    from rnnsweep.api.comparing.answers import best as best
    from rnnsweep.api.comparing.answers import compare as compare
    from rnnsweep.api.comparing.answers import compare_corpora as compare_corpora
    from rnnsweep.api.comparing.answers import curves as curves
    from rnnsweep.api.comparing.answers import runs as runs
    from rnnsweep.api.comparing.foreign import compare_scores as compare_scores
    from rnnsweep.api.comparing.foreign import read_scores as read_scores
    from rnnsweep.api.evaluation import evaluate as evaluate
    from rnnsweep.api.find_sweep import status as status
    from rnnsweep.api.inside.inspection import inspect as inspect
    from rnnsweep.api.inside.vectors import vectors as vectors
    from rnnsweep.api.models import export_model as export_model
    from rnnsweep.api.models import load_model as load_model
    from rnnsweep.api.models import log_models as log_models
    from rnnsweep.api.models import predict as predict
    from rnnsweep.api.project.doctor import Check as Check
    from rnnsweep.api.project.doctor import doctor as doctor
    from rnnsweep.api.project.listing import ListedSweep as ListedSweep
    from rnnsweep.api.project.listing import list_runs as list_runs
    from rnnsweep.api.project.listing import list_sweeps as list_sweeps
    from rnnsweep.api.project.machines import machines as machines
    from rnnsweep.api.project.new_project import NewProject as NewProject
    from rnnsweep.api.project.new_project import init as init
    from rnnsweep.api.results import BestResult as BestResult
    from rnnsweep.api.results import EvaluateResult as EvaluateResult
    from rnnsweep.api.results import Interrupted as Interrupted
    from rnnsweep.api.results import SweepResult as SweepResult
    from rnnsweep.api.results import TrainResult as TrainResult
    from rnnsweep.api.results import Validation as Validation
    from rnnsweep.api.steering import Exported as Exported
    from rnnsweep.api.steering import enqueue as enqueue
    from rnnsweep.api.steering import export as export
    from rnnsweep.api.steering import retry as retry
    from rnnsweep.api.steering import stop as stop
    from rnnsweep.api.store import rebuild_store as rebuild_store
    from rnnsweep.api.sweeps import plan as plan
    from rnnsweep.api.sweeps import replicate as replicate
    from rnnsweep.api.sweeps import sweep as sweep
    from rnnsweep.api.texts import read_asked as read_asked
    from rnnsweep.api.texts import write_answers as write_answers
    from rnnsweep.api.training import train as train

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".comparing.answers": "best compare compare_corpora curves runs",
        ".project.new_project": "NewProject init",
        ".project.doctor": "Check doctor",
        ".project.listing": "ListedSweep list_runs list_sweeps",
        ".project.machines": "machines",
        ".comparing.foreign": "compare_scores read_scores",
        ".texts": "read_asked write_answers",
        ".cleaning": "Cleaning clean disk_use",
        ".find_sweep": "status",
        ".models": "export_model load_model log_models predict",
        ".results": "BestResult EvaluateResult Interrupted SweepResult TrainResult Validation",
        ".training": "train",
        ".steering": "Exported enqueue export retry stop",
        ".store": "rebuild_store",
        ".sweeps": "plan replicate sweep",
        ".evaluation": "evaluate",
        ".inside.vectors": "vectors",
        ".inside.inspection": "inspect",
    },
)
