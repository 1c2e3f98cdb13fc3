"""How a task ended: a word of four, why, and its scores. It is in `outcome.json` in the task's folder."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from rnnsweep.files import read_json, write_whole
from rnnsweep.tasks.score import HIGHER, LOWER, turn

OUTCOME = "outcome.json"


class EndState(StrEnum):
    """The states in which a task or a run may end; the words stand in files and in the store."""

    COMPLETE = "complete"
    PRUNED = "pruned"  # behind the others
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # it can be resumed


DIVERGED = "diverged"  # cause of a failure that nothing mends: the loss left all numbers
FINAL = (EndState.COMPLETE, EndState.PRUNED, EndState.FAILED)  # nothing follows by itself


@dataclass(frozen=True)
class Outcome:
    """How a task ended. `cause` is one word or two: diverged, out of memory, crash, lost process ..."""

    state: str  # of EndState
    cause: str | None = None
    reason: str | None = None  # one line for people
    scores: Mapping[str, Any] = field(default_factory=dict)  # validation, direction, epochs, seconds ...
    recorded: bool = False  # its run has this end in its spool already

    @property
    def validation(self) -> float | None:
        """The natural value of the best validation, where the task got that far."""
        value = self.scores.get("validation")
        return None if value is None else float(value)

    @property
    def turned(self) -> float | None:
        """The validation so that more is better."""
        return turned_validation(self.scores)

    @property
    def explanation(self) -> str | None:
        """Cause and reason in one line; None where there is neither."""
        return ": ".join(filter(None, (self.cause, self.reason))) or None

    def write(self, folder: Path) -> None:
        """Write it to the task's folder, all of it or nothing, and see it on the disk.

        Raises:
            OSError: as of a full disk.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / OUTCOME, json.dumps(asdict(self), indent=1))

    @staticmethod
    def read(folder: Path) -> "Outcome | None":
        """Read the outcome of a task that ended, or None where it has none that reads."""
        values = read_json(folder / OUTCOME)
        return _checked(values) if values is not None else None


def turned_validation(scores: Mapping[str, Any]) -> float | None:
    """Return the validation of a record of scores so that more is better; None where there is none."""
    value = scores.get("validation")
    return None if value is None else float(turn(float(value), scores.get("direction", HIGHER)))


def _checked(values: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome that a file holds; None where a value has another type than it must have."""
    known = {one.name: values[one.name] for one in fields(Outcome) if one.name in values}
    texts = all(isinstance(known.get(name), str | None) for name in ("cause", "reason"))
    scores, recorded = known.get("scores", {}), known.get("recorded", False)
    if known.get("state") not in list(EndState) or not texts or not isinstance(recorded, bool):
        return None
    if not isinstance(scores, dict) or not isinstance(scores.get("validation"), int | float | None):
        return None
    if scores.get("direction", HIGHER) not in (HIGHER, LOWER):
        return None
    outcome = Outcome(**known)
    earlier = outcome.state == EndState.PRUNED and outcome.cause == DIVERGED  # as earlier versions wrote it
    return replace(outcome, state=EndState.FAILED) if earlier else outcome
