"""What is learnt and how it is scored: scores, tasks, and how a column of targets is read.

Stores, sweep files and statistics know scores from here. Nothing imports PyTorch before a task computes.
"""

from rnnsweep.tasks.score import Counts, Score
from rnnsweep.tasks.task import (
    DEFAULT,
    LOSS,
    Facts,
    Task,
    TaskConfig,
    TaskSpec,
    find_spec,
    score_named,
    spec_named,
    spec_of,
    specs,
)

__all__ = [
    "DEFAULT",
    "LOSS",
    "Counts",
    "Facts",
    "Score",
    "Task",
    "TaskConfig",
    "TaskSpec",
    "find_spec",
    "score_named",
    "spec_named",
    "spec_of",
    "specs",
]
