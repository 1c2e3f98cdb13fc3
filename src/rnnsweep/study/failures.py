"""What follows from a failure: another attempt, a failed trial, or the end of the sweep."""

from collections import Counter
from dataclasses import dataclass, field

from rnnsweep.errors import UserError
from rnnsweep.trial import Outcome

RETRIED = ("crash", "lost process")  # causes that another attempt from the checkpoint may mend
ALIKE = 3  # first tasks that fail alike before the sweep gives up


def is_retried(outcome: Outcome, *, attempts: int, retries: int) -> bool:
    """Say whether a task that lost `attempts` processes, this one included, is tried again."""
    return outcome.state == "failed" and outcome.cause in RETRIED and attempts <= retries


@dataclass
class Hopeless:
    """Watches the first tasks: where all fail for one reason, all others would too."""

    reasons: Counter[str] = field(default_factory=Counter)
    succeeded: bool = False

    def check(self, outcome: Outcome) -> None:
        """Take note of a task that ended.

        Raises:
            UserError: nothing has succeeded yet and several tasks failed with the same reason.
        """
        if outcome.state != "failed":
            self.succeeded = True
        if self.succeeded:
            return
        reason = f"{outcome.cause}: {outcome.reason}"
        self.reasons[reason] += 1
        if self.reasons[reason] >= ALIKE:
            raise UserError(f"the first {ALIKE} trials failed alike, so the sweep stops: {reason}")
