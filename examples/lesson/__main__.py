"""`python -m examples.lesson`: every classifier of the lesson, with its figure."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from examples.lesson import pages
from examples.lesson.rows import QUICK, Outcome, find_rows, train_rows
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.entry import main
from rnnsweep.cli.live import listener
from rnnsweep.cli.names import complete_overrides
from rnnsweep.cli.output import err, one_json_object, out
from rnnsweep.cli.words import score
from rnnsweep.drawing.times import duration
from rnnsweep.errors import UserError

NAME = "python -m examples.lesson"
INTERRUPTED, FAILED = 130, 1


@command(
    "lesson",
    (NAME, "train every row and write docs/lesson.md"),
    (f"{NAME} --quick --slots 4", "on 3,000 rows each, four rows at a time"),
    (f"{NAME} 5 data.dir=ag_news", "row 5, on the rows of a folder"),
    (f"{NAME} 4 5 seed=3 --json", "two rows with another seed, one JSON object"),
    (f"{NAME} --pairs", "write the verdicts of the lesson's pairs that have run"),
    (f"{NAME} 5 --gradients", "and draw how far back in time a loss reaches"),
)
@click.argument("arguments", nargs=-1, shell_complete=complete_overrides, metavar="[ROW]... [KEY=VALUE]...")
@click.option("--quick", is_flag=True, help="Train on 3,000 rows only.")
@click.option(
    "--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the table into this page."
)
@click.option("--slots", help="Rows side by side, as 4 or gpu:0,gpu:0; by default one for each core.")
@click.option("--gradients", is_flag=True, help="Draw gradients by distance in time, as the full form does.")
@click.option("--pairs", is_flag=True, help="Train nothing: write the verdicts of the pairs into the page.")
@json_option
def lesson_command(
    arguments: Sequence[str],
    quick: bool,
    page: Path | None,
    slots: str | None,
    gradients: bool,
    pairs: bool,
    as_json: bool,
) -> int:
    """Train the lesson's classifiers beside its recorded figures.

    ROW is a number of its list: 3, 4, 5, 7 to 13, 17 or 18; none trains all. KEY=VALUE holds for all.

    Ctrl-C lets the rows that train write checkpoints and stops; the same command continues.
    """
    numbers, overrides = _split(arguments)
    if pairs:
        _refuse_rows_with_pairs(arguments)
        return _pairs(page, as_json)
    rows = find_rows(numbers)
    with one_json_object(as_json) as emit:
        with listener(err()) as shown:
            result, outcomes = train_rows(
                rows, [*([QUICK] if quick else []), *overrides], slots=slots, listener=shown
            )
        written = pages.write(outcomes, quick=quick, page=page) if outcomes else None
        wanted = gradients or not (numbers or quick)
        drawn = wanted and written and result.state == "finished"
        picture = _draw(written.parent / "pictures" / "vanishing.png", overrides) if drawn else None
        emit({"rows": [outcome.to_json() for outcome in outcomes], "page": written, "picture": picture})
    if not as_json and outcomes:
        _print(outcomes, written)
    for failure in result.failures:
        err().print(f"{failure.name}: {failure.reason} (its output: {failure.log})")
    return INTERRUPTED if result.state == "interrupted" else FAILED if result.failures else 0


def _refuse_rows_with_pairs(arguments: Sequence[str]) -> None:
    if arguments:
        raise UserError(f"--pairs: trains nothing, so that {arguments[0]!r} means nothing; leave it out")


def _pairs(page: Path | None, as_json: bool) -> int:
    from examples.lesson.pairs import lesson_pairs

    with one_json_object(as_json) as emit:
        pairs, written = lesson_pairs(page=page)
        emit({"pairs": [asdict(pair) for pair in pairs], "page": written})
    if not as_json:
        for pair in pairs:
            out().print(f"{pair.name}: {pair.question}", style="bold")
            for line in (*map(str, pair.sides), *pair.sentences):
                out().print(f"  {line}")
        out().print(f"page   {written}", style="dim", soft_wrap=True)
    return 0


def _draw(picture: Path, overrides: Sequence[str]) -> Path:
    from examples.lesson.gradients import draw_gradients

    err().print("gradients by distance in time: RNN, GRU, LSTM with and without forget bias")
    draw_gradients(picture, overrides)
    return picture


def _split(arguments: Sequence[str]) -> tuple[list[int], list[str]]:
    overrides = [argument for argument in arguments if "=" in argument]
    rows = [argument for argument in arguments if "=" not in argument]
    for row in rows:
        if not row.isdigit():
            raise UserError(f"{row!r}: must be the number of a row, as 5, or key=value, as data.dir=ag_news")
    return [int(row) for row in rows], overrides


def _print(outcomes: Sequence[Outcome], page: Path | None) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("row", justify="right")
    table.add_column("network", overflow="fold")
    for name in ("lesson", "training", "valid.", "test", "weights", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    out().print(table)
    out().print("lesson: its own figure, of training or of test rows; training: while learning", style="dim")
    out().print(f"page   {page}", style="dim", soft_wrap=True)


def _cells(outcome: Outcome) -> tuple[Any, ...]:
    figures = (outcome.recorded, outcome.train, outcome.validation, outcome.test)
    return (
        str(outcome.row),
        outcome.name,
        *(score(figure) for figure in figures),
        f"{outcome.parameters:,}",
        duration(outcome.seconds),
    )


if __name__ == "__main__":
    sys.exit(main(program=lesson_command, name=NAME))
