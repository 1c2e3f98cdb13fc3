"""`lesson`: every classifier of the lesson, with its figure."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.settings import Overrides
from rnnsweep.cli.output import consoles, one_json_object
from rnnsweep.cli.words import duration, score
from rnnsweep.errors import UserError

if TYPE_CHECKING:
    from rnnsweep.config import RunConfig
    from rnnsweep.lesson import LessonRow, Outcome


@command(
    "lesson",
    ("rnnsweep lesson", "train every row and write docs/lesson.md"),
    ("rnnsweep lesson --quick --slots 4", "on 3,000 rows each, four rows at a time"),
    ("rnnsweep lesson 5 data.dir=ag_news", "row 5, on the rows of a folder"),
    ("rnnsweep lesson 4 5 seed=3 --json", "two rows with another seed, one JSON object"),
    ("rnnsweep lesson --pairs", "write the verdicts of the lesson's sweeps that have run"),
    ("rnnsweep lesson 5 --gradients", "and draw how far back in time a loss reaches"),
)
@click.argument("arguments", nargs=-1, type=Overrides(), metavar="[ROW]... [KEY=VALUE]...")
@click.option("--quick", is_flag=True, help="Train on 3,000 rows only.")
@click.option(
    "--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the table into this page."
)
@click.option("--slots", help="Rows side by side, as 4 or gpu:0,gpu:0; by default one for each core.")
@click.option("--gradients", is_flag=True, help="Draw gradients by distance in time, as the full form does.")
@click.option(
    "--pairs", is_flag=True, help="Train nothing: write the verdicts of sweeps/lesson into the page."
)
@json_option
def lesson_command(
    arguments: Sequence[str],
    quick: bool,
    page: Path | None,
    slots: str | None,
    gradients: bool,
    pairs: bool,
    as_json: bool,
) -> None:
    """Train the lesson's classifiers beside its recorded figures.

    ROW is a number of its list: 3, 4, 5, 7 to 13, 17 or 18; none trains all. KEY=VALUE holds for all.
    """
    rows, overrides = _split(arguments)
    if pairs:
        _refuse_rows_with_pairs(arguments)
        _pairs(page, as_json)
        return
    with one_json_object(as_json) as emit:
        from rnnsweep.api import lesson

        outcomes, written = lesson(
            rows, overrides, quick=quick, page=page, slots=slots, on_row=_begin, on_outcome=_tell
        )
        wanted = gradients or not (rows or quick)
        picture = _draw(written.parent / "pictures" / "vanishing.png", overrides) if wanted else None
        emit({"rows": [outcome.to_json() for outcome in outcomes], "page": written, "picture": picture})
    if not as_json:
        _print(outcomes, written)


def _refuse_rows_with_pairs(arguments: Sequence[str]) -> None:
    if arguments:
        raise UserError(f"--pairs: trains nothing, so that {arguments[0]!r} means nothing; leave it out")


def _pairs(page: Path | None, as_json: bool) -> None:
    with one_json_object(as_json) as emit:
        from rnnsweep.api import lesson_pairs

        pairs, written = lesson_pairs(page=page)
        emit({"pairs": [asdict(pair) for pair in pairs], "page": written})
    if as_json:
        return
    console, _ = consoles()
    for pair in pairs:
        console.print(f"{pair.name}: {pair.question}", style="bold", markup=False)
        for line in (*map(str, pair.sides), *pair.sentences):
            console.print(f"  {line}", markup=False)
    console.print(f"page   {written}", style="dim", markup=False, soft_wrap=True)


def _draw(picture: Path, overrides: Sequence[str]) -> Path:
    from rnnsweep.api import draw_gradients

    _, console = consoles()
    console.print("gradients by distance in time: RNN, GRU, LSTM with and without forget bias", markup=False)
    draw_gradients(picture, overrides)
    return picture


def _split(arguments: Sequence[str]) -> tuple[list[int], list[str]]:
    overrides = [argument for argument in arguments if "=" in argument]
    rows = [argument for argument in arguments if "=" not in argument]
    for row in rows:
        if not row.isdigit():
            raise UserError(f"{row!r}: must be the number of a row, as 5, or key=value, as data.dir=ag_news")
    return [int(row) for row in rows], overrides


def _begin(row: "LessonRow", run: "RunConfig") -> None:
    _, console = consoles()
    console.print(f"row {row.row}: {row.name} ({run.choices['experiment']})", markup=False)


def _tell(outcome: "Outcome") -> None:
    _, console = consoles()
    console.print(  # several rows train at a time: the line says which one
        f"  {outcome.name}: training {score(outcome.train)}, validation {score(outcome.validation)},"
        f" test {score(outcome.test)}, {duration(outcome.seconds)}",
        markup=False,
    )


def _print(outcomes: "Sequence[Outcome]", page: Path) -> None:
    from rich.table import Table

    console, _ = consoles()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("row", justify="right")
    table.add_column("network", overflow="fold")
    for name in ("lesson", "training", "valid.", "test", "weights", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    console.print(table)
    console.print(
        "lesson: its own figure, of training or of test rows; training: while learning", style="dim"
    )
    console.print(f"page   {page}", style="dim", markup=False, soft_wrap=True)


def _cells(outcome: "Outcome") -> tuple[Any, ...]:
    figures = (outcome.recorded, outcome.train, outcome.validation, outcome.test)
    return (
        str(outcome.row),
        outcome.name,
        *(score(figure) for figure in figures),
        f"{outcome.parameters:,}",
        duration(outcome.seconds),
    )
