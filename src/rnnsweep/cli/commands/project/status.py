"""`status`: how far the sweeps are."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rnnsweep import api
from rnnsweep.api.project.listing import left_of
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.cleaning import print_disk_use
from rnnsweep.cli.commands.project.listing import print_sweeps
from rnnsweep.cli.names import complete_sweep
from rnnsweep.cli.output import err, one_json_object, out, table
from rnnsweep.cli.words import count, score
from rnnsweep.drawing.times import about
from rnnsweep.state import Failure, SweepStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from rnnsweep.state.watching.agents import AgentRow

WATCH_S = 1.0


@command(
    "status",
    ("rnnsweep status", "the progress of every sweep, and what is left of it"),
    ("rnnsweep status quickstart", "the progress of a sweep, from any terminal"),
    ("rnnsweep status quickstart --watch", "draw it again each second until the sweep stops"),
    ("rnnsweep status sweeps/quickstart.yaml --json", "one JSON object, for programs"),
)
@click.argument("sweep", shell_complete=complete_sweep, required=False)
@click.option("--watch", is_flag=True, help="Draw it again each second until the sweep stops.")
@json_option
def status_command(sweep: str | None, watch: bool, as_json: bool) -> None:
    """Print the progress of SWEEP, what is left and what failed.

    SWEEP is a name or a file; without it, every sweep that was started is listed.
    """
    if sweep is None:
        _print_every(watch, as_json)
        return
    if watch and as_json:
        raise click.UsageError("--watch and --json exclude each other.")
    if watch:
        _follow(sweep)
    with one_json_object(as_json) as emit:
        status_now = api.status(sweep)
        disk = api.disk_use(sweep)
        emit(
            {
                "sweep": status_now.sweep,
                "state": status_now.state,
                "trials": status_now.trials,
                "slots_busy": status_now.slots_busy,
                "replicates": {
                    one.architecture: {"done": one.replicates, "wanted": one.replicates_wanted}
                    for one in status_now.standings
                },
                "left": left_of(status_now),
                "seconds_left": status_now.eta,
                "seconds_left_most": status_now.eta_most,
                "agents": [asdict(agent) for agent in status_now.agents],
                "disk": asdict(disk),
                "next": status_now.next,
                "lost": status_now.lost,
            }
        )
    if not as_json:
        _print_status(status_now)
        print_disk_use(disk)


def _follow(sweep: str) -> None:
    """Draw the status of a running sweep until it stops; without a terminal, a line where it changed."""
    import time

    from rich.live import Live

    console = out()
    before = None
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while (status_now := api.status(sweep)).state in ("running", "paused"):
            if console.is_terminal:
                live.update(_status_table(status_now), refresh=True)
            elif status_now.trials != before:
                words = (f"{number} {word}" for word, number in status_now.trials.items() if number)
                console.print(f"{status_now.sweep}: {', '.join(words)}")
            before = status_now.trials
            time.sleep(WATCH_S)


def _print_every(watch: bool, as_json: bool) -> None:
    """Print a row for each sweep that was started."""
    if watch:
        raise click.UsageError("--watch needs the name of a sweep; `rnnsweep list` names them.")
    with one_json_object(as_json) as emit:
        started = [one for one in api.list_sweeps() if one.started]
        emit({"sweeps": [asdict(one) for one in started]})
    if not as_json:
        print_sweeps(started)


def _print_status(status_now: "SweepStatus") -> None:
    console = out()
    left = [count(number, word.removesuffix("s")) for word, number in left_of(status_now).items() if number]
    further = f", {' and '.join(left)} left" if left else ""
    time_left = about(status_now.eta, status_now.eta_most)
    further += f", {time_left}" if time_left else ""
    console.print(f"{status_now.sweep}  {status_now.state}, slots busy {status_now.slots_busy:.0%}{further}")
    console.print(_status_table(status_now))
    for one in status_now.standings:
        if one.stopped:
            console.print(f"{one.architecture}: its search ended early: {one.stopped}")
    print_agents(status_now.agents)
    print_failures(status_now.failures, most=len(status_now.failures))
    if status_now.lost:
        err().print(f"{status_now.sweep}: {status_now.lost}", style="red", soft_wrap=True)
    if status_now.next and status_now.next not in status_now.lost:
        words = "resume with" if status_now.state == "interrupted" else "Next"
        words += f", {status_now.aim}" if status_now.aim else ""
        console.print(f"{words}: {status_now.next}", style="dim", soft_wrap=True)


def print_agents(agents: "Sequence[AgentRow]") -> None:
    """Print a line for each agent of a sweep that runs on several nodes."""
    for agent in agents:
        words = "lost" if agent.lost else f"{agent.busy} of {agent.slots} slots busy"
        out().print(f"agent {agent.name} on {agent.node}: {words}")


def _status_table(status_now: "SweepStatus") -> "Table":
    from rich.text import Text

    from rnnsweep.drawing.palette import colours

    heads = [*status_now.trials, "best", "replicates"]
    drawn = table("architecture", right=heads, gap=2 if len(heads) < 8 else 1)
    shades = colours(row.architecture for row in status_now.standings)
    for row in status_now.standings:
        counts = [str(getattr(row, word) or "-") for word in list(status_now.trials)]
        drawn.add_row(
            Text(row.architecture, shades[row.architecture]),
            *counts,
            score(row.best),
            f"{row.replicates}/{row.replicates_wanted}",
        )
    return drawn


def print_failures(failures: "tuple[Failure, ...]", *, most: int) -> None:
    """Print the reason of each failure and the path of its log, up to a number of them."""
    for one in failures[:most]:
        err().print(f"{one.name} failed: {one.cause}: {one.reason}", style="red")
        err().print(f"  {one.log}", style="dim", soft_wrap=True)
    if len(failures) > most:
        left = count(len(failures) - most, "failure")
        err().print(f"and {left} more, which status names", style="red")
