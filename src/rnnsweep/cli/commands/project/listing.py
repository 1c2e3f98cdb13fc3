"""`list`: the sweeps and the single runs of the project."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.output import err, one_json_object, out, table
from rnnsweep.cli.words import score

if TYPE_CHECKING:
    from rich.table import Table


FEW = 4  # files of sweeps/ in the list of everything
SHORT = 8  # characters of a run's id that name it
MINUTES = len("2026-11-28 12:40")


@command(
    "list",
    ("rnnsweep list", "the sweeps and the latest runs of this project"),
    ("rnnsweep list sweeps", "sweeps alone: started ones, and every file of sweeps/"),
    ("rnnsweep list --json", "one JSON object, for programs"),
)
@click.argument("what", type=click.Choice(["all", "sweeps", "runs"]), default="all")
@json_option
def list_command(what: str, as_json: bool) -> None:
    """List the sweeps of this project and its latest single runs."""
    with one_json_object(as_json) as emit:
        sweeps = api.list_sweeps() if what != "runs" else ()
        runs = api.list_runs() if what != "sweeps" else []
        emit({"sweeps": [asdict(one) for one in sweeps], "runs": runs})
    if as_json:
        return
    if what != "runs":
        print_sweeps(sweeps, most=FEW if what == "all" else None)
    if what == "all":
        out().print()
    if what != "sweeps":
        _print_runs(runs)


def print_sweeps(sweeps: "Sequence[api.ListedSweep]", *, most: int | None = None) -> None:
    """Print a row for each sweep that was started, then those that can be, with their questions.

    Args:
        sweeps: to print.
        most: files that can be started, of the project and of the package each; None prints all.
    """
    from rich.table import Table
    from rich.text import Text

    console = out()
    started = [one for one in sweeps if one.started]
    others = [one for one in sweeps if not one.started]
    if started:
        console.print(_started_table(started))
        for one in started:
            if one.lost:
                err().print(f"{one.sweep}: {one.lost}", style="red", soft_wrap=True)
    else:
        console.print("no sweep was started yet")
    own = [one for one in others if one.own]
    if own:
        console.print("files of sweeps/ to start with `rnnsweep sweep NAME`:", style="dim")
        files = Table.grid(padding=(0, 1, 0, 2), pad_edge=True)
        for one in own[:most]:
            files.add_row(Text(one.sweep), Text(one.question))
        console.print(files)
        if left := len(own[most:]) if most else 0:
            console.print(f"  and {left} more: rnnsweep list sweeps", style="dim")
    if examples := [one.sweep for one in others if not one.own]:
        left = len(examples[most:]) if most else 0
        more = f" and {left} more (rnnsweep list sweeps)" if left else ""
        console.print(f"examples of the package: {', '.join(examples[:most])}{more}", style="dim")


def _started_table(sweeps: "Sequence[api.ListedSweep]") -> "Table":
    from rich.text import Text

    drawn = table("sweep", "state", "trials", "replicates", "left", pad_edge=False)
    for one in sweeps:
        drawn.add_row(Text(one.sweep), one.state, _trials(one), _replicates(one), _left(one))
    return drawn


def _trials(one: "api.ListedSweep") -> str:
    ended = (number for word, number in one.trials.items() if word not in ("running", "waiting"))
    return str(sum(ended)) if one.trials else "-"


def _replicates(one: "api.ListedSweep") -> str:
    return f"{one.replicates} of {one.replicates_wanted}" if one.trials else "-"


def _left(one: "api.ListedSweep") -> str:
    return ", ".join(f"{number} {word}" for word, number in one.left.items() if number) or "-"


def _print_runs(runs: Sequence[dict[str, Any]]) -> None:
    from rich.text import Text

    if not runs:
        out().print("no single run yet; train one: rnnsweep train")
        return
    heads = ["run", "name", "state", "score", "validation", "test", "started"]
    rows = [
        [
            *(run["run_id"][:SHORT], str(run["name"]), run["state"], run["score"]),
            *(score(run["validation"]), score(run["test"]), run["started"][:MINUTES]),
        ]
        for run in runs
    ]
    if len({run["score"] for run in runs}) == 1:  # one that all have says nothing
        for row in (heads, *rows):
            del row[3]
    drawn = table(*heads, pad_edge=False)
    # the name alone gives way to a narrow terminal: a run is pasted, and a cut score says nothing
    widths = [max(len(row[n]) for row in (heads, *rows)) + 2 for n in range(len(heads)) if heads[n] != "name"]
    room = max(SHORT, out().width - sum(widths))
    drawn.columns[1].max_width = room
    shown = _told_apart([row[1] for row in rows], room)
    for row in rows:
        drawn.add_row(*map(Text, [row[0], shown[row[1]], *row[2:]]))
    out().print(drawn)


def _told_apart(names: Sequence[str], room: int) -> dict[str, str]:
    """Return what is shown of each name: where several would be cut to one, the words that they share go."""
    shown = {name: name for name in names}
    by_cut: dict[str, list[str]] = {}
    for name in shown:
        by_cut.setdefault(name if len(name) <= room else name[: room - 1], []).append(name)
    for alike in by_cut.values():
        shared = set.intersection(*(set(name.split()[1:]) for name in alike))
        for name in alike if len(alike) > 1 else ():
            first, *words = name.split()
            shown[name] = " ".join((first, "…", *(word for word in words if word not in shared)))
    return shown
