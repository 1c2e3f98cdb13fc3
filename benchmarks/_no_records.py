"""A controller's store that keeps nothing: for measurements and tests of the engine alone."""

from collections.abc import Callable

from rnnsweep.sweepfile import Sweep
from rnnsweep.trial import Outcome, TrialTask


class NoRecords:
    """A store that keeps nothing."""

    def __init__(self) -> None:
        self.uri: str | None = None
        self.origin: dict[str, str] = {}

    def begin(self, sweep: Sweep, key: str, *, refits_baseline: bool) -> None:
        """Keep nothing."""

    def ended(self, task: TrialTask, outcome: Outcome) -> None:
        """Keep nothing."""

    def interrupted(self, task: TrialTask) -> None:
        """Keep nothing."""

    def finish(self, state: str, tell: Callable[[int], object], *, wait: bool = True) -> None:
        """Keep nothing."""
