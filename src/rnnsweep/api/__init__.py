"""The project's calls: what the command line does, as functions with typed results. Imported where used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.api.answers import best, compare, compare_corpora, curves, runs
    from rnnsweep.api.asking import read_asked, write_answers
    from rnnsweep.api.cleaning import Cleaning, clean, disk_use
    from rnnsweep.api.finding import status
    from rnnsweep.api.models import export_model, load_model, log_models, predict
    from rnnsweep.api.results import BestResult, EvaluateResult, SweepResult, TrainResult, Validation
    from rnnsweep.api.single import train
    from rnnsweep.api.steering import Exported, enqueue, export, retry, stop
    from rnnsweep.api.sweeps import plan, replicate, sweep
    from rnnsweep.api.testing import evaluate

_HOMES = {
    "train": "single",
    "evaluate": "testing",
    "sweep": "sweeps",
    "plan": "sweeps",
    "replicate": "sweeps",
    "status": "finding",
    "compare": "answers",
    "compare_corpora": "answers",
    "best": "answers",
    "runs": "answers",
    "lesson": "teaching",
    "lesson_pairs": "lessonpairs",
    "draw_gradients": "gradients",
    "vectors": "wordvectors",
    "inspect": "inspecting",
    "curves": "answers",
    **dict.fromkeys(("export_model", "load_model", "log_models", "predict"), "models"),
    **dict.fromkeys(("read_asked", "write_answers"), "asking"),
    **dict.fromkeys(("Cleaning", "clean", "disk_use"), "cleaning"),
    **dict.fromkeys(("Exported", "enqueue", "export", "retry", "stop"), "steering"),
    **dict.fromkeys(
        ("BestResult", "EvaluateResult", "SweepResult", "TrainResult", "Validation"),
        "results",
    ),
}
__all__ = [
    "BestResult",
    "Cleaning",
    "EvaluateResult",
    "Exported",
    "SweepResult",
    "TrainResult",
    "Validation",
    "best",
    "clean",
    "compare",
    "compare_corpora",
    "curves",
    "disk_use",
    "draw_gradients",
    "enqueue",
    "evaluate",
    "export",
    "export_model",
    "inspect",
    "lesson",
    "lesson_pairs",
    "load_model",
    "log_models",
    "plan",
    "predict",
    "read_asked",
    "replicate",
    "retry",
    "runs",
    "status",
    "stop",
    "sweep",
    "train",
    "vectors",
    "write_answers",
]


def __getattr__(name: str) -> Any:
    """Import a name from its home when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
