"""`machines`: whether a machine of conf/machine/ does what its file says."""

from dataclasses import asdict

import click

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.project.doctor import print_checks
from rnnsweep.cli.names import complete_machine
from rnnsweep.cli.output import err, one_json_object

MOST_S = 86_400.0  # a day


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
        from rnnsweep.api import machines

        checks = machines(name, patience_s=wait, tell=lambda line: err().print(line, style="dim"))
        emit([asdict(one) for one in checks])
    return print_checks(checks, shown=not as_json)
