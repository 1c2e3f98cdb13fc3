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
from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.api import (
        BestResult as BestResult,
        Check as Check,
        Cleaning as Cleaning,
        EvaluateResult as EvaluateResult,
        Exported as Exported,
        Interrupted as Interrupted,
        ListedSweep as ListedSweep,
        NewProject as NewProject,
        SweepResult as SweepResult,
        TrainResult as TrainResult,
        Validation as Validation,
        best as best,
        clean as clean,
        compare as compare,
        compare_corpora as compare_corpora,
        compare_scores as compare_scores,
        curves as curves,
        disk_use as disk_use,
        doctor as doctor,
        enqueue as enqueue,
        evaluate as evaluate,
        export as export,
        export_model as export_model,
        export_rows as export_rows,
        init as init,
        inspect as inspect,
        list_runs as list_runs,
        list_sweeps as list_sweeps,
        load_model as load_model,
        log_models as log_models,
        machines as machines,
        plan as plan,
        predict as predict,
        read_asked as read_asked,
        read_scores as read_scores,
        rebuild_store as rebuild_store,
        remove_sweep as remove_sweep,
        replicate as replicate,
        retry as retry,
        runs as runs,
        status as status,
        stop as stop,
        sweep as sweep,
        train as train,
        vectors as vectors,
        write_answers as write_answers,
    )
    from rnnsweep.config import compose as compose
    from rnnsweep.errors import UserError as UserError

    __version__: str

lazy_names(__name__, __version__=lambda: version("rnnsweep"))
