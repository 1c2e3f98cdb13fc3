"""What planned replicates can decide before a sweep starts, and the command that trains as many as can."""

from pathlib import Path

from rnnsweep import comparison
from rnnsweep.api.find_sweep import find_question
from rnnsweep.config import compose
from rnnsweep.paths import find_paths
from rnnsweep.safety.shell import run_command
from rnnsweep.sweepfile import Sweep


def replicates_reach(question: str | Path) -> "comparison.Reach":
    """Return whether a sweep's planned replicates can separate its architectures at all, before it starts.

    Raises:
        UserError: the file cannot be used.
    """
    asked = find_question(question, find_paths())
    run = compose(asked.chosen(asked.architectures[0]), where=str(asked.path))
    return reach_of_plan(asked, run.data.folds)


def reach_of_plan(asked: Sweep, folds: int | None) -> "comparison.Reach":
    """Return the same of a sweep that is read; `folds` are those of a cross-validation."""
    return comparison.reach_of(asked.planned, len(asked.architectures), baseline=asked.baseline, folds=folds)


def deciding_command(
    question: str | Path, reach: "comparison.Reach", *, on: str | Path | None = None
) -> str | None:
    """Return the command that trains as many replicates as decide; None where those planned do."""
    if reach.decides or not reach.fewest:
        return None
    return run_command("replicate", question, "--n", str(reach.fewest), on=on)
