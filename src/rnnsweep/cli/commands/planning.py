"""`plan` and `schema`: what a sweep would do before it does it, and what its file can have."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from rnnsweep import api, comparison
from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.commands.data import print_facts, print_repeating
from rnnsweep.cli.names import complete_machine, complete_question
from rnnsweep.cli.output import READING, echo, err, one_json_object, out, table, telling
from rnnsweep.cli.plan_words import say_test_rows, say_time, say_validation_rows
from rnnsweep.drawing.times import durations

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from rnnsweep.api.corpora.description import Groups
    from rnnsweep.cli.plan_words import Redraw
    from rnnsweep.data.summary.remarks import CorpusFacts
    from rnnsweep.planning.plan import Plan, Planned


@command(
    "plan",
    ("rnnsweep plan sweeps/quickstart.yaml", "check the file, and measure what its networks cost here"),
    ("rnnsweep plan quickstart --slots 4", "the time with four trials at once"),
    ("rnnsweep plan quickstart --trials 3", "the time with fewer trials of each architecture"),
    ("rnnsweep plan quickstart --on cluster", "in the slots of conf/machine/cluster.yaml"),
    ("rnnsweep plan quickstart --json", "one JSON object, for programs"),
)
@click.argument("file", shell_complete=complete_question)
@click.option("--slots", help="Trials at a time, or places as gpu:0,gpu:1. [default: one for each core]")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of each architecture, instead of FILE's.")
@click.option(
    "--on",
    metavar="NAME",
    shell_complete=complete_machine,
    help="Whose slots count: a file of conf/machine/. [default: this machine]",
)
@json_option
def plan_command(file: str, slots: str | None, trials: int | None, on: str | None, as_json: bool) -> None:
    """Print what a sweep would train and how long it would take.

    Of each architecture, the smallest and the largest network are trained for about a second; the sweep
    itself is not run. The times are of this machine, also with --on.
    """
    with one_json_object(as_json) as emit:
        from rnnsweep.api.compile_ahead import start_in_background
        from rnnsweep.api.corpora.description import (
            fewest_test_groups,
            read_sweep_data,
            redraw_test_groups,
            say_repeating_of,
        )
        from rnnsweep.api.find_sweep import refusal

        if refused := refusal(file):
            err().print(f"! {refused}", style="yellow")
        with telling(READING):
            corpora = read_sweep_data(file)
        facts = {name: corpus.facts for name, corpus in corpora.items()}
        for name, own in facts.items():
            err().print(name, style="dim")
            print_facts(err(), own)
        print_repeating(err(), say_repeating_of(file))
        with telling() as tell:
            planned = api.plan(file, slots=slots, trials=trials, on=on, tell=tell)
        start_in_background()  # now that nothing is measured any more
        emit({**plan_json(planned), "data": {name: own.to_json() for name, own in facts.items()}})
    if not as_json:
        rows = _test_rows(planned, facts.values())
        groups = fewest_test_groups(corpora.values()) if rows or planned.folds else None
        redraw = partial(redraw_test_groups, corpora.values())
        smallest = _fewest(facts.values(), "validation")
        _print(planned, test_rows=rows, groups=groups, redraw=redraw, smallest=smallest)


def _test_rows(planned: "Plan", corpora: "Iterable[CorpusFacts]") -> int | None:
    """Return the fewest test rows of classes; None where nothing is compared on one test part of classes."""
    if planned.folds is not None or not any(planned.looks):
        return None
    smallest = _fewest(corpora, "test")
    return smallest and smallest[0]


def _fewest(corpora: "Iterable[CorpusFacts]", part: str) -> tuple[int, float] | None:
    """Return the fewest rows of a part with classes, and the largest class's share; None without any."""
    classes = ((one.parts.get(part, {}).get("rows"), one.majority) for one in corpora)
    return min(((n, majority) for n, majority in classes if n and majority is not None), default=None)


@command(
    "schema",
    ("rnnsweep schema > sweep.schema.json", "for an editor: what a sweep file can have"),
)
def schema_command() -> None:
    """Print the JSON schema of sweep files, for editors."""
    from rnnsweep.sweepfile import sweep_schema

    echo(json.dumps(sweep_schema(), indent=2, ensure_ascii=False))


def plan_json(planned: "Plan") -> dict[str, Any]:
    """Return the object of ``plan --json``: the plan, its time, and how near derived widths come."""
    plan = asdict(planned)
    for values, one in zip(plan["architectures"], planned.architectures, strict=True):
        values["derived"] = [sized.note() for sized in one.derived]
    reach = _reach(planned)
    return {
        **plan,
        "seconds": planned.seconds,
        "seconds_most": planned.seconds_most,
        "slowdown": planned.slowdown,
        "score": planned.score.facts(),
        "decides": reach.decides,
        "replicates_that_decide": reach.fewest,
    }


def _reach(planned: "Plan") -> "comparison.Reach":
    networks = len(planned.architectures)
    return comparison.reach_of(planned.looks, networks, baseline=planned.baseline, folds=planned.folds)


def _print(
    planned: "Plan",
    *,
    test_rows: int | None = None,
    groups: "Groups | None" = None,
    redraw: "Redraw | None" = None,
    smallest: tuple[int, float] | None = None,
) -> None:
    console = out()
    console.print(f"{planned.sweep}: {planned.question}", style="bold")
    too_few = "" if groups else _say_few(planned, test_rows, smallest)
    if too_few:
        console.print(f"! {too_few}")
        test_rows = None
    console.print(planned_table(planned.architectures))
    if any(one.derived for one in planned.architectures):
        console.print(derived_table(planned.architectures))
    if not too_few:
        _print_reach(console, planned)
    for line in (
        *_say_left_out(planned),
        *say_test_rows(planned, test_rows, groups, redraw),
        *say_validation_rows(planned, smallest),
        *say_time(planned),
    ):
        console.print(line)
    console.print(f"at most {planned.memory / 2**20:,.0f} MiB a trial, with all libraries", style="dim")
    _print_what_comes_next(console, planned, classes=smallest is not None)


def _print_what_comes_next(console: "Console", planned: "Plan", *, classes: bool) -> None:
    """Print what shortens a sweep, why its file is refused, and the next command."""
    if planned.shorter:
        console.print("To shorten it:")
    for line in _say_shorter(planned, classes=classes):
        console.print(line, soft_wrap=True)
    if planned.refused:
        console.print(f"! {planned.refused}")
    if planned.next:
        console.print(f"Next: {planned.next}", soft_wrap=True)


def _print_reach(console: "Console", planned: "Plan") -> None:
    """Print what the replicates can decide, and the commands that train as many as decide."""
    following = planned.next if planned.deciding else None
    console.print(f"{_reach(planned)}{':' if following else ''}")
    if following:
        console.print(f"  {following} && {planned.deciding}", soft_wrap=True)


def _say_few(planned: "Plan", rows: int | None, smallest: tuple[int, float] | None) -> str:
    """Return that no verdict on so few test rows is worth reading; nothing where they are enough."""
    if rows is None or smallest is None:
        return ""
    most, family = max(planned.looks, default=0), planned.comparisons
    return comparison.say_few_rows(rows, smallest[1], replicates=most, comparisons=family)


def _say_left_out(planned: "Plan") -> Iterator[str]:
    """Yield what will not be trained, and why."""
    for one in planned.architectures:
        if one.infeasible:
            yield f"{one.architecture}: will not be trained: {one.infeasible}"
    yield from planned.left_out


def _say_shorter(planned: "Plan", *, classes: bool) -> Iterator[str]:
    """Yield a line for each setting that shortens the sweep: a command, or what the sweep file takes."""
    for one in planned.shorter:
        time = f"about {durations(one.seconds, one.seconds_most)}"
        if one.key == "trials":
            start = re.sub(r" --trials \d+", "", planned.next or "")
            yield f"  {start} --trials {one.value}  # {time}"
        else:
            balanced = ", which balances the training rows over the labels"
            changes = balanced if classes and one.key == "data.limit" else ""
            yield f"  - {one.key}={one.value}  # under overrides: {time}{changes}"


def _range(low: str, high: str) -> str:
    """Write ``18 to 27``, and one of two that read alike."""
    return low if low == high else f"{low} to {high}"


def planned_table(rows: "Sequence[Planned]") -> "Table":
    """Draw a row for each architecture: how many settings its space has, and what both ends of it cost."""
    from rnnsweep.comparison.words import short

    heads = ("settings", "trainings", "epochs", "parameters", "s an epoch")
    drawn = table("architecture", right=heads)
    for one in rows:
        small, large = one.smallest, one.largest
        epochs = sorted((small.seconds_per_epoch, large.seconds_per_epoch))
        drawn.add_row(
            one.architecture,
            "infinite" if one.configurations is None else f"{one.configurations:,}",
            "-"
            if one.trainings is None
            else _range(str(one.trainings), str(one.trainings_most or one.trainings)),
            str(one.epochs),
            _range(short(small.parameters), short(large.parameters)),
            " to ".join(f"{seconds:.2g}" for seconds in epochs),
        )
    return drawn


def derived_table(rows: "Sequence[Planned]") -> "Table":
    """Draw the widths that follow a budget of parameters, and how near each comes to it."""
    drawn = table("architecture", right=("derived", "budget", "reached", "off by"))
    for one in rows:
        for sized in one.derived:
            width = f"{sized.key.removeprefix('model.')} {sized.value:,}"
            reached = f"{sized.counted:,}" + ("" if sized.count == "all" else " + embedding")
            drawn.add_row(one.architecture, width, f"{sized.budget:,}", reached, f"{sized.deviation:+.1%}")
    return drawn
