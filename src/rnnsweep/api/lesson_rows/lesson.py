"""Train the lesson's rows and score each as the lesson did and as it should."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from rnnsweep.api.lesson_rows.row import train_row
from rnnsweep.api.lesson_rows.slots import Work, side_by_side
from rnnsweep.config import RunConfig, compose
from rnnsweep.lesson import LessonRow, Outcome, find_rows
from rnnsweep.paths import find_paths
from rnnsweep.sweepfile import parse_slots

QUICK = ("data.limit=3000",)
Outcomes = Generator[Outcome, None, None]
OnRow = Callable[[LessonRow, RunConfig], None]
VECTORS = "data.vectors="  # an override for the rows that start from vectors alone


def lesson(
    rows: Sequence[int] = (),
    overrides: Sequence[str] = (),
    *,
    quick: bool = False,
    page: Path | None = None,
    slots: str | int | None = None,
    on_row: OnRow | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> tuple[tuple[Outcome, ...], Path]:
    """Train rows of the lesson, one in each slot, and write the page of what came out after each.

    Args:
        rows: their numbers; none trains all.
        overrides: hold for every row, as ``["data.dir=ag_news"]``.
        quick: train each on 3,000 rows only.
        page: the page to write; None writes docs/lesson.md, or mlruns/lesson/quick.md in the quick form.
        slots: as `parse_slots` reads them; None takes one for each core. A single row trains in this process.
        on_row: called before a row trains, with its configuration.
        on_outcome: called after it.

    Returns:
        what the rows gave in the lesson's order, and the page.

    Raises:
        UserError: no such row; the configuration or the data cannot be used. Nothing has trained then.
        KeyboardInterrupt: Ctrl-C; the rows before are on the page.
    """
    chosen = find_rows(rows)
    common = (*(QUICK if quick else ()), *overrides)
    works = [Work(row, _compose(row, common)) for row in chosen]
    outcomes: dict[str, Outcome] = {}
    with closing(_train(works, slots, on_row)) as ended:
        for outcome in ended:
            outcomes[outcome.name] = outcome
            written = _write(list(outcomes.values()), quick=quick, page=page)  # an interruption keeps these
            if on_outcome:
                on_outcome(outcome)
    return tuple(outcomes[row.name] for row in chosen), written


def _train(works: Sequence[Work], slots: str | int | None, on_row: OnRow | None) -> Outcomes:
    places = parse_slots(slots)
    if len(places) > 1 and len(works) > 1:
        yield from side_by_side(works, places, on_row=on_row)
        return
    for work in works:
        if on_row:
            on_row(work.row, work.run)
        yield train_row(work.row, work.run.overrides)


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

    places = find_paths()
    form, folder = "quick" if quick else "full", places.mlruns / "lesson"
    there = page or (folder / "quick.md" if quick else places.root / "docs" / "lesson.md")
    facts = {str(key): str(value) for key, value in provenance().items()}
    return write_page(there, keep(folder, outcomes, form=form), facts=facts, form=form)
