"""Train one run, go on with one, evaluate one: the only place that makes a Trainer.

Names are loaded when first used: PyTorch and Lightning are not imported with the package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.classifier.module import Diverged
    from rnnsweep.training.evaluation import Evaluation, evaluate
    from rnnsweep.training.fit import train
    from rnnsweep.training.ranks import LostProcess
    from rnnsweep.training.scores import Scores
    from rnnsweep.training.stopping import stop

_HOMES = {
    "Diverged": "rnnsweep.classifier.module",
    "LostProcess": "rnnsweep.training.ranks",
    "Evaluation": "rnnsweep.training.evaluation",
    "Scores": "rnnsweep.training.scores",
    "evaluate": "rnnsweep.training.evaluation",
    "stop": "rnnsweep.training.stopping",
    "train": "rnnsweep.training.fit",
}
__all__ = ["Diverged", "Evaluation", "LostProcess", "Scores", "evaluate", "stop", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
