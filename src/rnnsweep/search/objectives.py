"""What the scores of trials mean under the sweep's constraints and objectives, and what trials brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rnnsweep.state.outcome import turned_validation
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE, say_violations
from rnnsweep.trial import Outcome

Values = tuple[float, ...]  # of the objectives, each turned so that more is better


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


def turned(values: Sequence[float]) -> Values:
    """Turn the values of objectives so that more is better: validation as it is, all others negated."""
    first, *others = values
    return (first, *(-value for value in others))


def reaches(a: Values, b: Values) -> bool:
    """Return whether `a` is as good as `b` in every objective."""
    return all(x >= y for x, y in zip(a, b, strict=True))


@dataclass
class Improvement:
    """The best of a study's trials, added in the order of their ends; it depends on nothing else."""

    front: list[Values] = field(default_factory=list)  # no member reaches another
    idle: int = 0  # trials since the last that brought something better

    def add(self, values: Sequence[float] | None) -> None:
        """Add a trial: None where it was pruned, failed or infeasible."""
        new = None if values is None else turned(values)
        if new is None or any(reaches(one, new) for one in self.front):
            self.idle += 1
            return
        self.front = [one for one in self.front if not reaches(new, one)] + [new]
        self.idle = 0
