"""`data`: what was read, before anything is trained on it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.settings import overrides_argument
from rnnsweep.cli.output import consoles, one_json_object

if TYPE_CHECKING:
    from rich.console import Console

    from rnnsweep.data.summary.remarks import CorpusFacts

SHOWN = 20  # labels


@command(
    "data",
    ("rnnsweep data data.train=reviews.csv", "rows, labels, lengths, and what is remarkable in them"),
    ("rnnsweep data data.train=reviews.csv data.text=body data.label=stars", "columns by their names"),
    ("rnnsweep data data.train=reviews.csv --json | jq .remarks", "one JSON object, for programs"),
)
@overrides_argument
@json_option
def data_command(overrides: Sequence[str], as_json: bool) -> None:
    """Read a corpus and say what is in it. Nothing is trained.

    KEY=VALUE as for `rnnsweep train`.
    """
    with one_json_object(as_json) as emit:
        from rnnsweep.api.comparing.corpora import describe_guessing

        name, facts, guessed = describe_guessing(overrides)
        emit({**facts.to_json(), **({"guessed": list(guessed)} if guessed else {})})
    out, err = consoles()
    if guessed:
        found = f"found by their values: {shlex.join(guessed)} (name them to train)"
        err.print(found, style="dim", markup=False, soft_wrap=True)
    if as_json:
        print_notes(err, facts)
    else:
        _print(out, name, facts)


def print_facts(console: "Console", facts: "CorpusFacts") -> None:
    """Print the two lines that begin a training and a sweep, what was guessed, and the remarks."""
    print_notes(console, facts)
    for line in facts.summary():
        console.print(line, style="dim", markup=False, soft_wrap=not console.is_terminal)
    for remark in facts.remarks:
        _print_remark(console, f"  {remark.code}: {remark.message}")


def print_notes(console: "Console", facts: "CorpusFacts") -> None:
    """Print what was guessed while reading."""
    for note in facts.notes:
        console.print(note, style="dim", markup=False, soft_wrap=True)


def _print(console: "Console", name: str, facts: "CorpusFacts") -> None:
    console.print(name, style="bold", markup=False)
    for part, counts in facts.parts.items():
        console.print(f"  {part:<12} {_counted(counts)}", markup=False)
    ranked = sorted(facts.labels.items(), key=lambda item: -item[1])
    total = sum(facts.labels.values())
    if facts.majority is not None:
        share = facts.majority or 0.0
        console.print(f"{len(ranked)} labels, majority {share:.1%}", style="bold", markup=False)
    if facts.targets is not None:
        console.print("targets", style="bold")
        console.print(
            "  from {low:g} to {high:g}: median {median:g}, mean {mean:.6g}, standard deviation"
            " {spread:.6g}".format(**facts.targets)
        )
    width = max((len(label) for label, _ in ranked[:SHOWN]), default=0)
    for label, rows in ranked[:SHOWN]:
        console.print(f"  {label:<{width}}  {rows:>9,}  {rows / total:>6.1%}", markup=False, soft_wrap=True)
    if len(ranked) > SHOWN:
        console.print(f"  and {len(ranked) - SHOWN:,} more", markup=False)
    lengths = facts.lengths
    console.print("tokens", style="bold")
    console.print(
        f"  a text has {lengths['median']:g} (median), {lengths['p95']:g} (95 %),"
        f" {lengths['longest']:,} (longest)"
    )
    console.print(
        f"  {lengths['cut']:.1%} of the texts are cut, {facts.unknown:.1%} of the tokens are unknown"
    )
    print_notes(console, facts)
    for remark in facts.remarks:
        _print_remark(console, f"! {remark.code}: {remark.message}")


def _counted(counts: Mapping[str, int | None]) -> str:
    rows, lines = counts["rows"], counts["lines"]
    shown = f"{rows:>9,} row{'s' * (rows != 1)}"
    return shown if lines is None else f"{shown} of {lines:,} line{'s' * (lines != 1)}"


def _print_remark(console: "Console", text: str) -> None:
    """Print a remark: wrapped at words on a terminal, in one line where a program reads it."""
    console.print(text, style="yellow", markup=False, soft_wrap=not console.is_terminal)
