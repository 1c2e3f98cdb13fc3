"""`doctor` and `machines`: whether this machine and this project, and other machines, are fit for work."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_machine
from rnnsweep.cli.output import err, one_json_object, out

WRONG = 2
MOST_S = 86_400.0  # a day


@command(
    "doctor",
    ("rnnsweep doctor", "what is wrong here, and what to do about it"),
    ("rnnsweep doctor --json", "a JSON list of {check, ok, found, remedy}"),
)
@json_option
def doctor_command(as_json: bool) -> int:
    """Check this machine and this project.

    Checks environment, GPU, store, disk, locks, port and proxies, and compiles
    the loops of recurrent layers where that is not done yet (some seconds).
    Prints the remedy of what is wrong, and exits with status 2 then.
    """
    with one_json_object(as_json) as emit:
        checks = api.doctor()
        emit([asdict(one) for one in checks])
    return print_checks(checks, shown=not as_json)


def print_checks(checks: "Sequence[api.Check]", *, shown: bool) -> int:
    """Print checks with the remedy of what is wrong, where they are to be shown; return the exit status."""
    for one in checks if shown else ():
        _print_check(one)
    return 0 if all(one.ok for one in checks) else WRONG


def _print_check(one: "api.Check") -> None:
    mark, style = ("ok", "green") if one.ok else ("wrong", "bold red")
    out().print(f"{mark:<6}", style=style, end="")
    out().print(f"{one.check:<12} {one.found}", soft_wrap=True)
    if one.remedy:
        out().print(f"{'':<18} do: {one.remedy}", soft_wrap=True)


@command(
    "machines",
    ("rnnsweep machines cluster", "try each point of conf/machine/cluster.yaml"),
    ("rnnsweep machines local", "one empty trial in each slot of this machine"),
    ("rnnsweep machines cluster --wait 600", "wait ten minutes for a queue"),
    ("rnnsweep machines cluster --json", "a JSON list of {check, ok, found, remedy}"),
)
@click.argument("name", shell_complete=complete_machine)
@click.option(
    "--wait",
    type=click.FloatRange(min=0, min_open=True, max=MOST_S),
    default=60.0,
    metavar="SECONDS",
    help="How long an empty trial may take; a queue may need more. [default: 60]",
)
@json_option
def machines_command(name: str, wait: float, as_json: bool) -> int:
    """Try the machine that conf/machine/NAME.yaml describes.

    Reaches it, runs one empty trial in each slot, and puts a file in its locker and takes it out again.
    Prints the remedy of what is wrong, and exits with status 2 then.
    """
    with one_json_object(as_json) as emit:
        checks = api.machines(name, patience_s=wait, tell=lambda line: err().print(line, style="dim"))
        emit([asdict(one) for one in checks])
    return print_checks(checks, shown=not as_json)
