"""One row of the lesson: trained, and scored as the lesson did and as it should be."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rnnsweep.api.evaluation import evaluate
from rnnsweep.api.results import TrainResult, Validation
from rnnsweep.api.training import train
from rnnsweep.config import compose
from rnnsweep.config.overrides import quote, read_overrides
from rnnsweep.lesson import LessonRow, Outcome


def train_row(row: LessonRow, overrides: Sequence[str]) -> Outcome:
    """Train a row and score it on validation and test part.

    Raises:
        UserError: the configuration or the data cannot be used.
        KeyboardInterrupt: Ctrl-C; the run is recorded as interrupted.
    """
    named = _named(row, overrides)
    seen: list[Validation] = []
    sizes: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        result = train(
            named,
            on_begin=lambda _, corpus: sizes.update(corpus.sizes),
            on_validation=seen.append,
            folder=Path(folder),
        )
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
        test = _test(result, named)
    return Outcome(
        row=row.row,
        name=row.name,
        recorded=row.recorded,
        train=running_score(seen),
        validation=result.validation,
        test=test,
        parameters=result.parameters,
        seconds=result.seconds,
        run_id=result.run_id,
        training_rows=sizes["train"],
    )


def _named(row: LessonRow, overrides: Sequence[str]) -> tuple[str, ...]:
    given = {one.key for one in read_overrides(overrides)}
    names = {"tracking.experiment": "lesson", "tracking.run_name": f"row {row.row}, {row.name}"}
    return (*overrides, *(quote(key, name) for key, name in names.items() if key not in given))


def running_score(seen: Sequence[Validation]) -> float:
    """Compute the score while training, over the first epoch, as a lesson's loop prints it."""
    first = [one for one in seen if one.epoch <= 1.0] or list(seen[:1])
    steps, total, before = 0, 0.0, 0
    for one in first:
        steps, before = one.step - before, one.step
        total += one.running.get(one.score.name, 0.0) * steps
    return total / max(before, 1)


def _test(result: TrainResult, overrides: Sequence[str]) -> float:
    from rnnsweep.training import evaluate as score

    if result.run_id is not None:
        return evaluate(result.run_id).values[result.score.name]
    assert result.checkpoint is not None
    return score(compose(overrides), result.checkpoint).values[result.score.name]
