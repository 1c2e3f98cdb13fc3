"""The rows of the lesson: what was recorded, how they are trained, and what came out here."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from rnnsweep.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from rnnsweep.api import SweepResult
    from rnnsweep.state import Listener

FOLDER = Path(__file__).parent
SWEEP = FOLDER / "rows.yaml"
QUICK = "data.limit=3000"
VECTORS = "data.vectors="  # an override for the rows that start from vectors alone
KINDS = {"train": "running training", "validation": "test rows as validation"}


@dataclass(frozen=True)
class LessonRow:
    """One system of the lesson. A number may stand for several: row 9 is one for each depth."""

    row: int
    name: str
    architecture: str  # of rows.yaml, and its file of conf/experiment/lesson/
    recorded: float | None  # the lesson's figure; None where it names the system and does not run it
    kind: str | None  # of KINDS
    parameters: int | None  # at the lesson's vocabulary; None where the lesson has none
    shows: str  # one sentence

    @property
    def experiment(self) -> str:
        """The name of its configuration."""
        return f"lesson/{self.architecture}"

    @property
    def figure(self) -> str:
        """The recorded figure with its kind, as ``.7995 (test rows as validation)``."""
        if self.recorded is None:
            return "none"
        return f"{self.recorded:.4f}".lstrip("0") + f" ({KINDS[self.kind or 'train']})"


@dataclass(frozen=True)
class Outcome:
    """What one row came to here."""

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
        """Return the fields as plain values."""
        return asdict(self)


@cache
def read_rows() -> tuple[LessonRow, ...]:
    """Read all rows, in the lesson's order."""
    text = (FOLDER / "figures.yaml").read_text(encoding="utf-8")
    return tuple(LessonRow(**entry) for entry in yaml.safe_load(text))


def find_rows(numbers: Sequence[int] = ()) -> tuple[LessonRow, ...]:
    """Return the rows of some numbers, or all.

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


def train_rows(
    rows: Sequence[LessonRow],
    overrides: Sequence[str] = (),
    *,
    slots: str | int | None = None,
    listener: "Listener | None" = None,
) -> "tuple[SweepResult, tuple[Outcome, ...]]":
    """Train rows as one sweep, and score each that is complete on the test part.

    The same call continues a sweep that was interrupted.

    Args:
        rows: of `find_rows`.
        overrides: hold for every row, as ``["data.dir=ag_news"]``; vectors for the rows alone that have some.
        slots: rows at a time, as `rnnsweep.sweep` reads them.
        listener: is told of the progress.

    Returns:
        how the sweep ended, and what the rows came to, in the lesson's order.

    Raises:
        UserError: the configuration or the data cannot be used. Nothing has trained then.
    """
    from rnnsweep.api import Interrupted, sweep

    with TemporaryDirectory(prefix="rnnsweep-lesson-") as folder:
        question = Path(folder) / "rows.yaml"
        question.write_text(_question(rows, overrides), encoding="utf-8")
        try:
            result = sweep(question, slots=slots, listener=listener, models=False)
        except Interrupted as ended:  # the rows that are complete are still worth a table
            result = ended.result
    return result, tuple(_outcomes(result.sweep, rows))


def _question(rows: Sequence[LessonRow], overrides: Sequence[str]) -> str:
    """Write the sweep file of some rows; its name tells other rows and other overrides apart."""
    text = SWEEP.read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    vectors = [one for one in overrides if one.startswith(VECTORS)]
    common = [one for one in overrides if not one.startswith(VECTORS)]
    variants = {row.architecture: list(values["architectures"][row.architecture]) for row in rows}
    for name in variants:
        variants[name] += vectors if _has_vectors(name) else []
    if len(variants) < len(values["architectures"]) or overrides:
        digest = hashlib.sha256("\n".join([*variants, *overrides]).encode()).hexdigest()
        values["name"] += f"-{digest[:8]}"
    values["architectures"] = variants
    values["overrides"] += common
    return f"{text.splitlines()[0]}\n{yaml.safe_dump(values, sort_keys=False)}"


def _has_vectors(architecture: str) -> bool:
    from rnnsweep.config import compose

    return compose([f"experiment=lesson/{architecture}"]).data.vectors is not None


def _outcomes(sweep: str, rows: Sequence[LessonRow]) -> Iterator[Outcome]:
    from rnnsweep.api import curves, evaluate, runs

    table = runs(sweep)
    complete = table[(table["role"] == "trial") & (table["state"] == "complete")]
    running = curves(sweep, ["train/accuracy"])
    for row in rows:
        own = complete[complete["architecture"] == row.architecture]
        if own.empty:
            continue
        run = own.iloc[-1]
        test = run["test"] if math.isfinite(run["test"]) else evaluate(run["run_id"]).accuracy
        yield Outcome(
            row=row.row,
            name=row.name,
            recorded=row.recorded,
            train=running_score(running[running["run_id"] == run["run_id"]]),
            validation=float(run["validation"]),
            test=float(test),
            parameters=int(run["parameters"]),
            seconds=float(run["seconds"]),
            run_id=str(run["run_id"]),
            training_rows=_training_rows(run["overrides"]),
        )


def _training_rows(overrides: Sequence[str]) -> int:
    from rnnsweep.config import compose
    from rnnsweep.data import prepare

    return prepare(compose(overrides).data).sizes["train"]


def running_score(points: "pd.DataFrame") -> float:
    """Compute the score while training, over the first epoch, as a lesson's loop prints it.

    Args:
        points: a run's ``step, epoch, value``; a value is over the steps since the point before.
    """
    first = points[points["epoch"] <= 1.0] if (points["epoch"] <= 1.0).any() else points[:1]
    steps = first["step"].diff().fillna(first["step"])
    return float((first["value"] * steps).sum() / steps.sum())
