"""`clean`: make room."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
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

_WHY = {"loser": "checkpoints of a loser", "deleted": "deleted in the UI"}


@command(
    "clean",
    ("rnnsweep clean", "what can be removed, and its size; nothing is changed"),
    ("rnnsweep clean --details", "the same with every folder"),
    ("rnnsweep clean --yes", "remove it"),
    ("rnnsweep clean quickstart --yes", "only of one sweep"),
    ("rnnsweep clean quickstart --whole", "what removing the whole sweep would remove"),
    ("rnnsweep clean quickstart --whole --yes", "remove the sweep: its folder, runs, records and models"),
)
@click.argument("sweep", shell_complete=complete_sweep, required=False)
@click.option("--yes", is_flag=True, help="Remove it; without this nothing is changed.")
@click.option("--whole", is_flag=True, help="All of SWEEP, which frees its name.")
@click.option("--details", is_flag=True, help="Print each thing with its folder, the largest first.")
@json_option
def clean_command(sweep: str | None, yes: bool, whole: bool, details: bool, as_json: bool) -> None:
    """Remove losers' checkpoints, deleted runs, or a sweep.

    The best trial of each architecture and its best replicate keep theirs. Nothing is removed of a sweep that
    is running or can be resumed, nor of failed trials but those that diverged.

    With --whole, everything of SWEEP is removed: its folder below mlruns/sweeps/, its runs with their
    artifacts and records, and its versions of the registered model. Its file in sweeps/ stays. A sweep that
    is running is refused. After a removal that was interrupted, the same command removes the rest.
    """
    if whole and sweep is None:
        raise click.UsageError("--whole removes one sweep: give its name, as `rnnsweep clean NAME --whole`.")
    remove = partial(api.remove_sweep, sweep or "") if whole else partial(api.clean, sweep)
    with one_json_object(as_json) as emit:
        cleaning = remove(
            yes=yes, before=lambda planned: _list(planned, details or as_json, on_error=as_json)
        )
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
            _list(cleaning, details)
        _sum_up(cleaning, (*(() if sweep is None else (sweep,)), *(("--whole",) if whole else ())), details)


def _values(one: "Removal") -> dict[str, object]:
    return {
        "what": one.what,
        "why": one.why,
        "bytes": one.size,
        "path": next(iter(one.paths), None),
        "paths": one.paths,
        "left": one.left,
        "run_id": one.run_id,
        "sweep": one.sweep,
        "kind": one.kind,
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


def _list(planned: "api.Cleaning", details: bool, *, on_error: bool = False) -> None:
    """Print what may go, the largest first: a line for each kind of thing of a sweep, or each thing."""
    console = err() if on_error else out()
    groups: dict[tuple[str | None, str, str], list[Removal]] = {}
    for number, one in enumerate(planned.removals):
        key = (f"{number}", "", "") if details else (one.sweep, one.kind, one.why)
        groups.setdefault(key, []).append(one)
    for group in sorted(groups.values(), key=lambda group: -sum(one.size for one in group)):
        words = _words_of_one(group[0]) if details else _words_of_group(group)
        console.print(f"{size_words(sum(one.size for one in group)):>9}  {words}", soft_wrap=True)
        for path in (path for one in group if details for path in one.paths):
            console.print(f"{'':9}  {path}", soft_wrap=True)
        for one in group:
            if one.left is not None:
                words = f"left alone, as it is not its folder below mlruns/artifacts/: {one.left}"
                console.print(f"{'':9}  {words}", soft_wrap=True)


def _words_of_one(one: "Removal") -> str:
    return f"{one.what}: {_WHY[one.why]}" if one.why in _WHY else one.what


def _words_of_group(group: "Sequence[Removal]") -> str:
    first = group[0]
    of = f"sweep {first.sweep}" if first.sweep else "single runs" if first.kind == "run" else "models"
    why = {"loser": " of losers", "deleted": ", deleted in MLflow"}.get(first.why, "")
    return f"{of}: {count(len(group), first.kind)}{why}"


def _sum_up(cleaning: "api.Cleaning", options: tuple[str, ...], details: bool) -> None:
    for name, why in cleaning.kept.items():
        err().print(f"sweep {name}: left alone, {why}", style="dim")
    if not cleaning.removals:
        out().print("nothing to remove")
        return
    nouns = Counter(_noun(one) for one in cleaning.removals)
    words = [count(number, noun) for noun, number in nouns.items()]
    listed = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    out().print(f"{size_words(cleaning.size):>9}  {'removed' if cleaning.done else 'may go'}: {listed}")
    if not cleaning.done:
        if not details:
            err().print(f"each with its folder: {command_line('clean', *options, '--details')}", style="dim")
        again = command_line("clean", *options, "--yes")
        err().print(f"remove it with: {again}", style="dim", soft_wrap=True)


def _noun(one: "Removal") -> str:
    return f"deleted {one.kind}" if one.why == "deleted" else one.kind
