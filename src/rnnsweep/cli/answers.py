"""`compare` and `best`: what a sweep found."""

from typing import TYPE_CHECKING

import click

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import Started
from rnnsweep.cli.output import consoles, one_json_object
from rnnsweep.cli.viewing import print_views
from rnnsweep.cli.words import score

if TYPE_CHECKING:
    from rnnsweep.comparison import Comparison


@command(
    "compare",
    ("rnnsweep compare quickstart", "standings, verdicts on each pair, and the report's path"),
    ("rnnsweep compare quickstart --margin 0.01", "differences under one point do not matter"),
    ("rnnsweep compare quickstart --json | jq .standings", "one JSON object, for programs"),
)
@click.argument("sweep", type=Started())
@click.option("--margin", type=click.FloatRange(0, 1), help="Smallest difference that matters, as 0.002.")
@json_option
def compare_command(sweep: str, margin: float | None, as_json: bool) -> None:
    """Compare the architectures of SWEEP, and write the report.

    Architectures are compared by the test scores of their replicates. SWEEP is a name or a file.
    """
    with one_json_object(as_json) as emit:
        from rnnsweep.api import compare

        found = compare(sweep, margin=margin)
        emit(found.to_json())
    if not as_json:
        print_answer(found)


@command(
    "best",
    ("rnnsweep best quickstart", "the command that trains the best trial again"),
    ("rnnsweep best quickstart gru", "the best of one architecture"),
    ('eval "$(rnnsweep best quickstart)"', "train it"),
)
@click.argument("sweep", type=Started())
@click.argument("architecture", required=False)
@json_option
def best_command(sweep: str, architecture: str | None, as_json: bool) -> None:
    """Print the command that repeats the best trial of SWEEP.

    It is the best by validation, of ARCHITECTURE or of all; the command gives the same score.
    """
    with one_json_object(as_json) as emit:
        from rnnsweep.api import best

        found = best(sweep, architecture)
        emit(
            {
                "sweep": found.sweep,
                "architecture": found.architecture,
                "validation": found.validation,
                "run_id": found.run_id,
                "overrides": list(found.overrides),
                "command": found.command,
            }
        )
    if not as_json:
        click.echo(f"# {found.architecture}, validation {score(found.validation)}", err=True)
        click.echo(found.command)


def print_answer(comparison: "Comparison") -> None:
    """Print the standings and verdicts, and where to look next."""
    from rnnsweep.comparison import print_comparison

    console, _ = consoles()
    print_comparison(comparison, console=console)
    print_views(comparison.sweep)
    console.print(f"To repeat the best: rnnsweep best {comparison.sweep}", style="dim")
