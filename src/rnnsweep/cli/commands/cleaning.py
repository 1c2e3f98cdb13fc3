"""`clean`: make room."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_sweep
from rnnsweep.cli.output import err, one_json_object, out
from rnnsweep.cli.words import count
from rnnsweep.safety.shell import command_line

if TYPE_CHECKING:
    from rnnsweep.api.storage import DiskUse, Removal


@command(
    "clean",
    ("rnnsweep clean", "what can be removed, and its size; nothing is changed"),
    ("rnnsweep clean --yes", "remove it"),
    ("rnnsweep clean quickstart --yes", "only the losers of one sweep"),
)
@click.argument("sweep", shell_complete=complete_sweep, required=False)
@click.option("--yes", is_flag=True, help="Remove it; without this nothing is changed.")
@json_option
def clean_command(sweep: str | None, yes: bool, as_json: bool) -> None:
    """Remove losers' checkpoints and the files of deleted runs.

    The best trial of each architecture and its best replicate keep theirs. Nothing is removed of a sweep that
    is running or can be resumed, nor of failed trials.
    """
    with one_json_object(as_json) as emit:
        cleaning = api.clean(sweep, yes=yes, before=lambda planned: _list(planned, on_error=as_json))
        emit(
            {
                "done": cleaning.done,
                "bytes": cleaning.size,
                "removals": [_values(one) for one in cleaning.removals],
                "kept": cleaning.kept,
            }
        )
    if not as_json:
        if not yes:
            _list(cleaning)
        _sum_up(cleaning, () if sweep is None else (sweep,))


def _values(one: "Removal") -> dict[str, object]:
    return {
        "what": one.what,
        "why": one.why,
        "bytes": one.size,
        "path": next(iter(one.paths), None),
        "paths": one.paths,
        "left": one.left,
        "run_id": one.run_id,
    }


def size_words(size: int) -> str:
    """Write bytes as ``12.3 MB``."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "B" else f"{size} B"
        size = size / 1000  # type: ignore[assignment]
    return f"{size:,.1f} GB"


def print_disk_use(disk: "DiskUse") -> None:
    """Print what a sweep takes, with the part that `clean` may give back."""
    out().print(
        f"disk {size_words(disk.total)}: checkpoints {size_words(disk.checkpoints)},"
        f" artifacts {size_words(disk.artifacts)}, records {size_words(disk.records)},"
        f" other {size_words(disk.other)}",
        style="dim",
    )


def _list(planned: "api.Cleaning", *, on_error: bool = False) -> None:
    """Print everything that may go with every folder of it, the largest first, and what stays outside."""
    console = err() if on_error else out()
    for one in sorted(planned.removals, key=lambda one: -one.size):
        lines = [f"{size_words(one.size):>9}  {_words(one)}", *(f"{'':9}  {path}" for path in one.paths)]
        if one.left is not None:
            lines.append(f"{'':9}  left alone, as it is not its folder below mlruns/artifacts/: {one.left}")
        for line in lines:
            console.print(line, soft_wrap=True)


def _sum_up(cleaning: "api.Cleaning", sweep: tuple[str, ...]) -> None:
    for name, why in cleaning.kept.items():
        err().print(f"sweep {name}: left alone, {why}", style="dim")
    if not cleaning.removals:
        out().print("nothing to remove")
        return
    nouns = Counter(_noun(one) for one in cleaning.removals)
    words = [count(number, noun) for noun, number in nouns.items()]
    verb = "removed" if cleaning.done else "may go"
    out().print(f"{size_words(cleaning.size):>9}  {verb}: {' and '.join(words)}")
    if not cleaning.done:
        again = command_line("clean", *sweep, "--yes")
        err().print(f"remove it with: {again}", style="dim", soft_wrap=True)


def _noun(one: "Removal") -> str:
    if one.why == "loser":
        return "checkpoint folder"
    return "deleted run" if one.run_id else "deleted model"


def _words(one: "Removal") -> str:
    return f"{one.what}: checkpoints of a loser" if one.why == "loser" else f"{one.what}: deleted in the UI"
