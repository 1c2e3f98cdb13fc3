"""Under which names scores are recorded; those of the first task are the names of every older store."""

from collections.abc import Mapping

TASK_TAG = "rnnsweep.task"  # tag of a run: the task's name
SCORE_TAG = "rnnsweep.score"  # tag of a run: the score that decides


def best(score: str) -> str:
    """Return the metric that holds a score at the best validation."""
    return f"best/validation_{score}"


def tested(score: str) -> str:
    """Return the metric that holds a score on the test part."""
    return f"test/{score}"


def best_names(values: Mapping[str, float]) -> dict[str, float]:
    """Return the scores of the best validation under their metrics."""
    return {best(name): value for name, value in values.items()}


def tested_names(values: Mapping[str, float]) -> dict[str, float]:
    """Return scores on the test part under their metrics."""
    return {tested(name): value for name, value in values.items()}
