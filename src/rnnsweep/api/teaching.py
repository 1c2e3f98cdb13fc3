"""Train the lesson's rows and score each as the lesson did and as it should."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rnnsweep.api.results import TrainResult, Validation
from rnnsweep.api.single import train
from rnnsweep.api.testing import evaluate
from rnnsweep.config import RunConfig, compose
from rnnsweep.config.overrides import quote, read_overrides
from rnnsweep.lesson import LessonRow, Outcome, find_rows
from rnnsweep.places import find_places

QUICK = ("data.limit=3000",)
VECTORS = "data.vectors="  # an override for the rows that start from vectors alone


def lesson(
    rows: Sequence[int] = (),
    overrides: Sequence[str] = (),
    *,
    quick: bool = False,
    page: Path | None = None,
    on_row: Callable[[LessonRow, RunConfig], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> tuple[tuple[Outcome, ...], Path]:
    """Train rows of the lesson, one after the other, and write the page of what came out after each.

    Args:
        rows: their numbers; none trains all.
        overrides: hold for every row, as ``["data.dir=ag_news"]``.
        quick: train each on 3,000 rows only.
        page: the page to write; None writes docs/lesson.md, or mlruns/lesson/quick.md in the quick form.
        on_row: called before a row trains, with its configuration.
        on_outcome: called after it.

    Returns:
        what the rows gave, and the page.

    Raises:
        UserError: no such row; the configuration or the data cannot be used. Nothing has trained then.
        KeyboardInterrupt: Ctrl-C; the rows before are on the page.
    """
    chosen = find_rows(rows)
    common = (*(QUICK if quick else ()), *overrides)
    runs = [_compose(row, common) for row in chosen]
    outcomes = []
    for row, run in zip(chosen, runs, strict=True):
        if on_row:
            on_row(row, run)
        outcomes.append(_train(row, run))
        written = _write(outcomes, quick=quick, page=page)  # an interruption loses one row, not all
        if on_outcome:
            on_outcome(outcomes[-1])
    return tuple(outcomes), written


def _compose(row: LessonRow, common: Sequence[str]) -> RunConfig:
    run = compose([f"experiment={row.experiment}", *common])
    if run.data.vectors is None:
        return run
    plain = compose([f"experiment={row.experiment}"])
    kept = [one for one in common if plain.data.vectors is not None or not one.startswith(VECTORS)]
    return compose([f"experiment={row.experiment}", *kept])


def _write(outcomes: Sequence[Outcome], *, quick: bool, page: Path | None) -> Path:
    from rnnsweep.lesson.page import keep, write_page
    from rnnsweep.tracking import provenance

    places = find_places()
    form, folder = "quick" if quick else "full", places.mlruns / "lesson"
    there = page or (folder / "quick.md" if quick else places.root / "docs" / "lesson.md")
    facts = {str(key): str(value) for key, value in provenance().items()}
    return write_page(there, keep(folder, outcomes, form=form), facts=facts, form=form)


def _train(row: LessonRow, run: RunConfig) -> Outcome:
    overrides = _named(row, run.overrides)
    seen: list[Validation] = []
    sizes: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        result = train(
            overrides,
            on_begin=lambda _, corpus: sizes.update(corpus.sizes),
            on_validation=seen.append,
            folder=Path(folder),
        )
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
        test = _test(result, overrides)
    return Outcome(
        row=row.row,
        name=row.name,
        recorded=row.recorded,
        train=running_accuracy(seen),
        validation=result.validation,
        test=test,
        parameters=result.parameters,
        seconds=result.seconds,
        run_id=result.run_id,
        training_rows=sizes["train"],
    )


def _named(row: LessonRow, overrides: tuple[str, ...]) -> tuple[str, ...]:
    given = {one.key for one in read_overrides(overrides)}
    names = {"tracking.experiment": "lesson", "tracking.run_name": f"row {row.row}, {row.name}"}
    return (*overrides, *(quote(key, name) for key, name in names.items() if key not in given))


def running_accuracy(seen: Sequence[Validation]) -> float:
    """Give the accuracy while training, over the first epoch, as a lesson's loop prints it."""
    first = [one for one in seen if one.epoch <= 1.0] or list(seen[:1])
    steps, total, before = 0, 0.0, 0
    for one in first:
        steps, before = one.step - before, one.step
        total += (one.train_accuracy or 0.0) * steps
    return total / max(before, 1)


def _test(result: TrainResult, overrides: Sequence[str]) -> float:
    from rnnsweep.training import evaluate as score

    if result.run_id is not None:
        return evaluate(result.run_id).accuracy
    assert result.checkpoint is not None
    return score(compose(overrides), result.checkpoint).accuracy
