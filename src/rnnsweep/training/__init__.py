"""Train one run, resume one, evaluate one: the only place that makes a Trainer.

Names are imported when first used: PyTorch and Lightning are not imported with the package.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.training.callbacks.stopping import stop as stop
    from rnnsweep.training.distributed.ranks import LostProcess as LostProcess
    from rnnsweep.training.evaluation import Evaluation as Evaluation, evaluate as evaluate
    from rnnsweep.training.fit import train as train
    from rnnsweep.training.module import Diverged as Diverged
    from rnnsweep.training.scores import Scores as Scores

lazy_names(__name__)
