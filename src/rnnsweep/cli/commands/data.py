"""`data`: what was read, before anything is trained on it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnsweep import api
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_corpus
from rnnsweep.cli.output import READING, err, one_json_object, out, telling
from rnnsweep.data.summary.remarks import FEW_GROUPS

if TYPE_CHECKING:
    from rich.console import Console

    from rnnsweep.data.summary.remarks import CorpusFacts

SHOWN = 20  # labels


@command(
    "data",
    ("rnnsweep data quickstart", "rows, labels, lengths and remarks, as this sweep reads its data"),
    ("rnnsweep data quickstart data.max_length=20", "the same with other settings of the data"),
    ("rnnsweep data data.train=reviews.csv", "a file before there is a sweep"),
    ("rnnsweep data data.train=reviews.csv data.text=body data.label=stars", "columns by their names"),
    ("rnnsweep data data.train=reviews.csv --json | jq .remarks", "one JSON object, for programs"),
    (
        "rnnsweep data quickstart --export rows",
        "train.csv, validation.csv and test.csv: the rows of each part",
    ),
)
@click.argument("asked", nargs=-1, shell_complete=complete_corpus, metavar="[SWEEP] [KEY=VALUE]...")
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write the rows of each part as CSV, with their lines in your files.",
)
@json_option
def data_command(asked: Sequence[str], export: Path | None, as_json: bool) -> None:
    """Read a corpus and say what is in it. Nothing is trained.

    SWEEP is a file of sweeps/ or its name: the data are read as it reads them.
    KEY=VALUE as for `rnnsweep train`; after SWEEP only settings of the data.
    """
    question, overrides = _sweep_of(asked)
    guess = None
    with one_json_object(as_json) as emit:
        from rnnsweep.api.compile_ahead import start_in_background
        from rnnsweep.api.corpora.description import (
            describe_guessing,
            describe_sweep_data,
            say_repeating,
            say_repeating_of,
        )

        if question is None:
            with telling(READING):
                name, facts, guess = describe_guessing(overrides)
            corpora = {name: facts}
            guessed = {"guessed": list(guess.settings), "other_labels": dict(guess.others)}
            groups = "" if as_json else say_repeating([*overrides, *guess.settings])
            files = _export(export, [*overrides, *guess.settings], None)
            emit({**facts.to_json(), **(guessed if guess.settings else {}), **_listed(files)})
        else:
            with telling(READING):
                corpora = describe_sweep_data(question, overrides)
            groups = "" if as_json else say_repeating_of(question, overrides)
            files = _export(export, overrides, question)
            each = {name: facts.to_json() for name, facts in corpora.items()}
            emit({"sweep": question, "data": each, **_listed(files)})
    start_in_background()
    if guess and guess.settings:
        from rnnsweep.data import say_others

        found = f"found by their values: {shlex.join(guess.settings)} (name them to train)"
        others = f"; {say_others(guess.others)}" if guess.others else ""
        err().print(f"{found}{others}", style="dim", soft_wrap=True)
    for name, facts in corpora.items():
        if as_json:
            print_notes(err(), facts)
        else:
            _print(out(), name, facts)
    print_repeating(out(), groups)
    for file in files if not as_json else ():
        out().print(str(file), soft_wrap=True)


def _export(to: Path | None, overrides: Sequence[str], sweep: str | None) -> tuple[Path, ...]:
    return () if to is None else api.export_rows(to, overrides, sweep=sweep)


def _listed(files: Sequence[Path]) -> dict[str, list[str]]:
    return {"exported": [str(file) for file in files]} if files else {}


def _sweep_of(asked: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the sweep that is named before the overrides, None where none is, and the overrides."""
    if not asked or "=" in asked[0]:
        return None, asked
    file = Path(asked[0])
    if file.is_file() and file.suffix not in (".yaml", ".yml"):
        raise click.UsageError(
            f"{asked[0]!r} is no sweep; for a file of rows: data.train={shlex.quote(asked[0])}"
        )
    return asked[0], asked[1:]


def print_facts(console: "Console", facts: "CorpusFacts") -> None:
    """Print the two lines that begin a training and a sweep, what was guessed, and the remarks."""
    print_notes(console, facts)
    for line in facts.summary():
        console.print(line, style="dim", soft_wrap=not console.is_terminal or None)
    for remark in facts.remarks:
        mark = "!" if remark.code == FEW_GROUPS else " "
        _print_remark(console, f"{mark} {remark.code}: {remark.message}")


def print_repeating(console: "Console", groups: str) -> None:
    """Print which columns may group rows, where there are some and nobody decided."""
    if groups:
        _print_remark(console, f"! groups: {groups}")


def print_notes(console: "Console", facts: "CorpusFacts") -> None:
    """Print what was guessed while reading."""
    for note in facts.notes:
        console.print(note, style="dim", soft_wrap=True)


def _print(console: "Console", name: str, facts: "CorpusFacts") -> None:
    console.print(name, style="bold")
    for part, counted in _say_parts(facts):
        console.print(f"  {part:<12} {counted}")
    ranked = sorted(facts.labels.items(), key=lambda item: -item[1])
    total = sum(facts.labels.values())
    of = f" of these {_rows_of(facts):,} rows" if facts.drawn_from else ""
    if facts.majority is not None:
        console.print(f"{len(ranked)} labels{of}, majority {facts.majority:.1%}", style="bold")
    if facts.targets is not None:
        console.print(f"targets{of}", style="bold")
        console.print(
            "  from {low:g} to {high:g}: median {median:g}, mean {mean:.6g}, standard deviation"
            " {spread:.6g}".format(**facts.targets)
        )
    width = max((len(label) for label, _ in ranked[:SHOWN]), default=0)
    for label, rows in ranked[:SHOWN]:
        console.print(f"  {label:<{width}}  {rows:>9,}  {rows / total:>6.1%}", soft_wrap=True)
    if len(ranked) > SHOWN:
        console.print(f"  and {len(ranked) - SHOWN:,} more")
    lengths = facts.lengths
    console.print("tokens", style="bold")
    console.print(
        f"  a text has {lengths['median']:.0f} (median), {lengths['p95']:.0f} (95 %),"
        f" {lengths['longest']:,} (longest)"
    )
    console.print(
        f"  {lengths['cut']:.1%} of the texts are cut, {facts.unknown:.1%} of the tokens are unknown"
    )
    print_notes(console, facts)
    for remark in facts.remarks:
        _print_remark(console, f"! {remark.code}: {remark.message}")


def _rows_of(facts: "CorpusFacts") -> int:
    return sum(counts["rows"] or 0 for counts in facts.parts.values())


def _say_parts(facts: "CorpusFacts") -> Iterator[tuple[str, str]]:
    """Yield each part with its rows, and of how many rows data.sample and data.limit keep these."""
    trained = facts.parts["train"]["rows"] or 0
    before_limit = facts.drawn_from.get("limit", trained)
    if (rows := facts.drawn_from.get("sample")) is not None:
        sampled = _rows_of(facts) - trained + before_limit
        yield "sample", f"{sampled:>9,} of {rows:,} rows (data.sample={sampled})"
    for part, counts in facts.parts.items():
        if part == "train" and before_limit > trained:
            yield part, f"{trained:>9,} of {before_limit:,} rows (data.limit={trained})"
        else:
            yield part, _counted(counts)


def _counted(counts: Mapping[str, int | None]) -> str:
    rows, lines = counts["rows"], counts["lines"]
    shown = f"{rows:>9,} row{'s' * (rows != 1)}"
    return shown if lines is None else f"{shown} of {lines:,} line{'s' * (lines != 1)}"


def _print_remark(console: "Console", text: str) -> None:
    """Print a remark: wrapped at words on a terminal, in one line where a program reads it."""
    console.print(text, style="yellow", soft_wrap=not console.is_terminal or None)
