"""What follows from a failure: another attempt, a failed trial, or the end of the sweep."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace

from rnnsweep.errors import UserError
from rnnsweep.trial import Outcome, TrialTask

RETRIED = ("crash", "lost process")  # causes that another attempt from the checkpoint may mend
ALIKE = 3  # first tasks that fail alike before the sweep gives up


def smaller(task: TrialTask) -> TrialTask:
    """Give a task that cuts its batches into twice as many pieces: the same steps in less memory."""
    key = "trainer.accumulate"
    given = [o.partition("=") for o in task.overrides]
    pieces = next((int(value) for name, _, value in given if name.strip() == key), 1)
    kept = tuple(o for o in task.overrides if o.partition("=")[0].strip() != key)
    overrides = (*kept, f"{key}={2 * pieces}")
    tags = {**task.tags, "rnnsweep.overrides": json.dumps(list(overrides))}
    return replace(task, overrides=overrides, tags=tags, resume=True)


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
