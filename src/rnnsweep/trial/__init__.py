"""What the controller and a trial's process exchange, and what happens in that process."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rnnsweep.trial.messages import (
    Channel,
    Ended,
    Event,
    Launcher,
    Outcome,
    ReadsTest,
    Report,
    Reported,
    Started,
    TrialTask,
)

if TYPE_CHECKING:
    from rnnsweep.training import Scores

__all__ = [
    "Channel",
    "Ended",
    "Event",
    "Launcher",
    "Outcome",
    "ReadsTest",
    "Report",
    "Reported",
    "Started",
    "TrialTask",
    "run_trial",
]


def run_trial(task: TrialTask, channel: Channel, *, train: "Callable[..., Scores] | None" = None) -> Outcome:
    """Train what a task asks for; see `rnnsweep.trial.run.run_trial`."""
    from rnnsweep.trial.run import run_trial as run  # torch and Lightning are imported there

    return run(task, channel) if train is None else run(task, channel, train=train)
