"""What follows from a failure: another attempt, a failed trial, or the end of the sweep."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace

from rnnsweep.errors import UserError
from rnnsweep.state.outcome import DIVERGED
from rnnsweep.tracking.tags import Tag
from rnnsweep.trial import Outcome, TrialTask
from rnnsweep.trial.causes import BROKEN_CORPUS, CONFIGURATION, PREEMPTED

LOST = ("lost process", PREEMPTED)  # causes that are none of the task's
RETRIED = ("crash", *LOST)  # causes that another attempt from the checkpoint may mend
FOR_ALL = (CONFIGURATION, BROKEN_CORPUS)  # causes that wait for every other trial too
REFUSALS = 5  # times that a task may meet a full disk, with no validation between, before it fails
ALIKE = 3  # tasks that fail alike before the sweep gives up
STREAK = 10  # tasks that fail in a row, whatever the causes, before it does


def smaller(task: TrialTask) -> TrialTask:
    """Return a task that cuts its batches into twice as many pieces: the same steps in less memory."""
    key = "trainer.accumulate"
    settings = [o.partition("=") for o in task.overrides]
    pieces = next((int(value) for name, _, value in settings if name.strip() == key), 1)
    others = tuple(o for o in task.overrides if o.partition("=")[0].strip() != key)
    overrides = (*others, f"{key}={2 * pieces}")
    tags = {**task.tags, Tag.OVERRIDES: json.dumps(list(overrides))}
    return replace(task, overrides=overrides, tags=tags, resume=True)


def costed(outcome: Outcome, *, seconds: float, epochs: float | None) -> Outcome:
    """Return a failed outcome with what it cost, as far as its process could not say so itself."""
    if outcome.state != "failed":
        return outcome
    return replace(outcome, scores={"seconds": seconds, "epochs": epochs or 0.0, **outcome.scores})


@dataclass
class Hopeless:
    """Watches how tasks end: where all fail for one reason, all others would too."""

    reasons: Counter[str] = field(default_factory=Counter)
    succeeded: bool = False
    streak: list[str] = field(default_factory=list)  # reasons of the failures since the last success

    def check(self, outcome: Outcome) -> None:
        """Take note of a task that ended.

        Raises:
            UserError: nothing has succeeded yet and several tasks failed with the same reason; several in a
                row failed for a cause that waits for all others too; or very many in a row failed.
        """
        if outcome.state != "failed" or outcome.cause == DIVERGED:  # it was trained: its rate was too large
            self.succeeded, self.streak = True, []
            return
        reason = f"{outcome.cause}: {outcome.reason}"
        self.reasons[reason] += 1
        self.streak.append(reason)
        if not self.succeeded and self.reasons[reason] >= ALIKE:
            raise UserError(f"the first {ALIKE} trials failed alike, so the sweep stops: {reason}")
        if outcome.cause in FOR_ALL and self.streak[-ALIKE:] == [reason] * ALIKE:
            raise UserError(f"{ALIKE} trials in a row failed alike, so the sweep stops: {reason}")
        if len(self.streak) >= STREAK:
            raise UserError(f"{STREAK} trials in a row failed, so the sweep stops; the last one: {reason}")
