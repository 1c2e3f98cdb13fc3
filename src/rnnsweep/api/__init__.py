"""The project's calls: what the command line does, as functions with typed results.

They are imported when first used.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.api.comparing.answers import (
        best as best,
        compare as compare,
        curves as curves,
        runs as runs,
    )
    from rnnsweep.api.comparing.foreign import compare_scores as compare_scores, read_scores as read_scores
    from rnnsweep.api.comparing.over_corpora import compare_corpora as compare_corpora
    from rnnsweep.api.corpora.export import export_rows as export_rows
    from rnnsweep.api.corpora.vectors import vectors as vectors
    from rnnsweep.api.find_sweep import status as status
    from rnnsweep.api.inspection import inspect as inspect
    from rnnsweep.api.models import (
        export_model as export_model,
        load_model as load_model,
        log_models as log_models,
        predict as predict,
    )
    from rnnsweep.api.prediction_files import read_asked as read_asked, write_answers as write_answers
    from rnnsweep.api.project.doctor import Check as Check, doctor as doctor
    from rnnsweep.api.project.listing import (
        ListedSweep as ListedSweep,
        list_runs as list_runs,
        list_sweeps as list_sweeps,
    )
    from rnnsweep.api.project.machines import machines as machines
    from rnnsweep.api.project.new_project import NewProject as NewProject, init as init
    from rnnsweep.api.results import (
        BestResult as BestResult,
        EvaluateResult as EvaluateResult,
        Interrupted as Interrupted,
        SweepResult as SweepResult,
        TrainResult as TrainResult,
        Validation as Validation,
    )
    from rnnsweep.api.single_runs.evaluation import evaluate as evaluate
    from rnnsweep.api.single_runs.training import train as train
    from rnnsweep.api.steering import (
        Exported as Exported,
        enqueue as enqueue,
        export as export,
        retry as retry,
        stop as stop,
    )
    from rnnsweep.api.storage import (
        Cleaning as Cleaning,
        clean as clean,
        disk_use as disk_use,
        rebuild_store as rebuild_store,
    )
    from rnnsweep.api.sweeps import plan as plan, replicate as replicate, sweep as sweep
    from rnnsweep.api.whole_sweep import remove_sweep as remove_sweep

lazy_names(__name__)
