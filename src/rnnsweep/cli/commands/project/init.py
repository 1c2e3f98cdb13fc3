"""`init`: a new project."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.output import READING, echo, one_json_object, telling

MOST_NAMED = 4  # columns that are not read


@command(
    "init",
    ("rnnsweep init", "make a project in this folder"),
    ("rnnsweep init news --from news.csv", "a sweep that fits the rows of a file"),
    ("rnnsweep init --from news.csv --text body --label topic", "columns by their names"),
)
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--from", "table", type=click.Path(path_type=Path), metavar="FILE", help="Your rows.")
@click.option("--text", metavar="COLUMN", multiple=True, help="Column of the text; again for several.")
@click.option("--label", metavar="COLUMN", help="Column of the class or number. [default: by its name]")
@json_option
def init_command(
    folder: Path, table: Path | None, text: Sequence[str], label: str | None, as_json: bool
) -> None:
    """Make a project in a folder.

    It has conf/, sweeps/ with a first question and a Makefile. With --from,
    the sweep fits the columns, size and classes of FILE; the next FILE adds a
    sweep to the same project. A file that is there already is kept, but for a
    sweep file as an earlier `init` wrote it, that was neither edited nor started.
    """
    if table is None and (text or label):
        raise click.UsageError("--text and --label need --from FILE.")
    with one_json_object(as_json) as emit:
        from rnnsweep.api.compile_ahead import start_in_background

        with telling(READING):
            made = api.init(folder, table=table, text=text or None, label=label)
        start_in_background()
        emit(asdict(made))
    if not as_json:
        for file in made.files:
            echo(f"wrote {file}", err=True)
        for file in made.kept:
            echo(f"kept {file}: is there already", err=True)
        for line in _lines_on_table(made, {"data.text": text, "data.label": label}):
            echo(line, err=True)
        echo(f"Next: {made.next}", err=True)


def _lines_on_table(made: "api.NewProject", named: Mapping[str, Sequence[str] | None]) -> list[str]:
    """Return which columns are read and how they were found, what is left out, and what groups rows."""
    from rnnsweep.data import say_others

    by_values = {one.partition("=")[0] for one in made.guessed}
    lines = []
    for key, columns in made.columns.items():
        what = key.removeprefix("data.")
        how = f"found by its {'values' if key in by_values else 'name'}; another column: --{what}"
        if key == "data.label" and made.other_labels:
            others = say_others(made.other_labels).replace("data.label=", "--label ")
            how = f"found by its values; {others}"
        how = f"named by --{what}" if named[key] else how
        lines.append(f"{what}s: {' and '.join(columns)} ({how})")
        if key == "data.text" and made.other_texts:
            lines.append(_say_other_texts(columns, made.other_texts))
    return [*lines, *made.remarks]


def _say_other_texts(read: Sequence[str], others: Sequence[str]) -> str:
    """Return which columns may hold texts too, and the setting that reads one of them as well."""
    from rnnsweep.config import quote

    listed = ", ".join(others[:MOST_NAMED]) + (" ..." if len(others) > MOST_NAMED else "")
    return f"not read: {listed}; both: {quote('data.text', [*read, *others[:1]])} in the sweep file"
