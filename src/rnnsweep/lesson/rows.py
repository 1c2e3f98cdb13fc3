"""The rows of the lesson: which experiment, what was recorded, and what came out here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from rnnsweep.errors import UserError

KINDS = {"train": "running training accuracy", "validation": "accuracy on the test rows, used as validation"}


@dataclass(frozen=True)
class LessonRow:
    """One system of the lesson. A number may stand for several: row 9 is one for each depth."""

    row: int
    name: str
    experiment: str  # a file of conf/experiment/
    recorded: float | None  # the lesson's figure; None where it names the system and does not run it
    kind: str | None  # of KINDS
    parameters: int | None  # at the lesson's vocabulary; None where the lesson has none
    shows: str  # one sentence

    @property
    def figure(self) -> str:
        """The recorded figure with its kind, as ``.7995 (test rows as validation)``."""
        if self.recorded is None:
            return "none"
        short = {"train": "running training", "validation": "test rows as validation"}[self.kind or "train"]
        return f"{self.recorded:.4f}".lstrip("0") + f" ({short})"


@dataclass(frozen=True)
class Outcome:
    """What one row gave here."""

    row: int
    name: str
    recorded: float | None
    train: float  # running accuracy of the first epoch: the lesson's protocol
    validation: float  # after the epoch, on rows held out from training
    test: float
    parameters: int
    seconds: float
    run_id: str | None
    training_rows: int

    def to_json(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return asdict(self)


@cache
def read_rows() -> tuple[LessonRow, ...]:
    """Read all rows, in the lesson's order."""
    text = (resources.files("rnnsweep.lesson") / "rows.yaml").read_text(encoding="utf-8")
    return tuple(LessonRow(**entry) for entry in yaml.safe_load(text))


def find_rows(numbers: Sequence[int] = ()) -> tuple[LessonRow, ...]:
    """Give the rows of some numbers, or all.

    Raises:
        UserError: the lesson has no row of that number, or none that trains.
    """
    rows = read_rows()
    known = sorted({row.row for row in rows})
    for number in numbers:
        if number not in known:
            there = ", ".join(map(str, known))
            raise UserError(f"row {number}: the lesson's rows that can be trained are {there}")
    return tuple(row for row in rows if not numbers or row.row in numbers)
