"""What the controller writes to the store: the sweep's own run, and ends that no process could write."""

from collections.abc import Callable
from typing import Protocol

from rnnsweep.sweepfile import Sweep
from rnnsweep.trial import Outcome, TrialTask


class Records(Protocol):
    """The store, as the controller sees it."""

    uri: str | None  # of the store, resolved
    origin: dict[str, str]  # what every run says of where it comes from

    def begin(self, sweep: Sweep, key: str, *, refits_baseline: bool) -> None:
        """Open the sweep's own run, whose views depend on whether the baseline has replicates."""

    def ended(self, task: TrialTask, outcome: Outcome) -> None:
        """See that a task's run has the end state of its outcome."""

    def interrupted(self, task: TrialTask) -> None:
        """See that the run of a task that will be continued is not left running."""

    def finish(self, state: str, tell: Callable[[int], object]) -> None:
        """End the sweep's own run and see the store brought up to date; tell how many runs are unsent."""
