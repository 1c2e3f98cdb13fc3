"""What the scores of a trained trial mean under the sweep's constraints and objectives."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnnsweep.state.outcome import turned_validation
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE, say_violations
from rnnsweep.trial import Outcome


def judged(sweep: Sweep, outcome: Outcome) -> Outcome:
    """Return the outcome of a trial with its cause where it is complete and yet no candidate.

    One that breaks a constraint stays complete, as infeasible; one without a score that an objective needs
    has failed.
    """
    if outcome.state != "complete":
        return outcome
    if objective_values(sweep, outcome.scores) is None:
        missing = [name for name in sweep.objectives if outcome.scores.get(name) is None]
        return replace(
            outcome, state="failed", cause="no score", reason=f"it has no {' and no '.join(missing)}"
        )
    reason = say_violations(sweep.constraints, outcome.scores)
    return outcome if reason is None else replace(outcome, cause=INFEASIBLE, reason=reason)


def objective_values(sweep: Sweep, scores: Mapping[str, Any]) -> list[float] | None:
    """Return the values of the objectives, validation turned so that more is better; None: one is missing."""
    values = [
        turned_validation(scores) if name == "validation" else scores.get(name) for name in sweep.objectives
    ]
    return None if None in values else [float(value) for value in values if value is not None]
