"""The comparison in a terminal of 80 columns, and as plain text where there is none."""

import math
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnnsweep.comparison.evidence.derived import say_derived
from rnnsweep.comparison.evidence.reads_of_test_part import say_reads
from rnnsweep.comparison.evidence.records import (
    HERE,
    NOT_COMPARABLE,
    Comparison,
    HealthRemark,
    Verdict,
)
from rnnsweep.comparison.predictions import majority_score
from rnnsweep.comparison.report.standings import colours_of, draw_standings, heads_of
from rnnsweep.comparison.report.tables import say_columns
from rnnsweep.comparison.statistics.pareto import Front, write_value
from rnnsweep.comparison.statistics.time_curves import say_spending
from rnnsweep.comparison.verdicts.advice import Step
from rnnsweep.comparison.verdicts.answers import say_stop
from rnnsweep.comparison.verdicts.coverage import say_test_part
from rnnsweep.comparison.verdicts.sentences import gather, gather_remarks
from rnnsweep.comparison.words import say_corrected

SHOWN = 10  # verdicts printed one by one; more are in the report
AFTER = 5  # rows of a terminal for the lines after the last screen, and the prompt
LINES = 24 - AFTER  # of the last screen at least
REMARKS = 2  # on the last screen at most
FEWEST_ROWS = 3  # architectures on it at least
_MARKS = {
    "better": "+",
    "worse": "-",
    f"better{HERE}": "(+)",
    f"worse{HERE}": "(-)",
    "equivalent": "=",
    "not separable": "~",
    "needs more": "?",
    NOT_COMPARABLE: "x",
}


def print_comparison(comparison: Comparison, console: Console, *, details: bool = True) -> None:
    """Print question, answer and standings, with `details` each verdict and remark."""
    width = min(console.width, 120)
    # a file is as long as it must be
    lines = max(LINES, console.height - AFTER) if console.is_terminal else None
    shown = standings_table(comparison, width=width) if details else last_screen(comparison, width, lines)
    console.print(shown, crop=False)


def last_screen(comparison: Comparison, width: int = 80, lines: int | None = LINES) -> RenderableType:
    """Return question, answer, standings, counts of verdicts and the next command.

    Where there is no room for all of them, whole remarks are left out and counted, then the counts of
    verdicts are left out, then rows of the standings; no sentence is cut.

    Args:
        comparison: what to show.
        width: columns to use.
        lines: at most, where there is room for the rest; None shows everything whole.
    """
    above = _above(comparison)
    counts = []
    for title, against in (("Pairs", False), ("Against the baseline", True)):
        verdicts = [one for one in comparison.verdicts if one.baseline == against]
        said = any(one.pairs or one.verdict == NOT_COMPARABLE for one in verdicts)
        counts += [Text(_heading(title, verdicts))] if said else []
    below = _below(comparison, width)
    standings, majority = comparison.standings, majority_score(comparison.test_part)
    rows_read = say_test_part(comparison.test_part)
    head, blank = 1 + (majority is not None) + bool(rows_read), 1
    room = (sys.maxsize if lines is None else lines) - _height([*above, *below], width) - head - blank
    room -= bool(comparison.health)
    counts = counts if len(standings) + len(counts) <= room else []
    room -= len(counts)
    rows = len(standings) if len(standings) <= room else max(FEWEST_ROWS, room - 1)
    left = len(standings) - rows
    noted = _noted(comparison, width, room=room - rows - (left > 0))
    shades = colours_of(comparison)
    table: list[RenderableType] = [draw_standings(standings[:rows], width, majority, shades=shades)]
    table += [Text(f"and {left} more architecture{'s' * (left > 1)}: --details", style="dim")] if left else []
    table += [Text(rows_read, style="dim")] if rows_read else []
    return Group(*above, *table, Text(""), *counts, *noted, *below)


def _above(comparison: Comparison) -> list[Text]:
    """Return the question, its answer and what limits that; the next command has a line of its own, too."""
    answer = comparison.answer.removesuffix(f" {Step(comparison.next, comparison.aim)}")
    question = [Text(comparison.question, style="bold")] if comparison.question else []
    caveat = [Text(f"! {comparison.caveat}")] if comparison.caveat else []
    return [*question, Text(answer.removesuffix(f" {comparison.caveat}")), *caveat, Text("")]


def _below(comparison: Comparison, width: int) -> list[Text]:
    """Return the next command and the report's path.

    The command has a line of its own where its aim leaves too little room beside it.
    """
    step = Step(comparison.next, comparison.aim)
    whole = not step.aim or len(str(step)) <= width
    lines = [str(step)] if whole else [str(step).removesuffix(f" {step.command}"), f"  {step.command}"]
    following = [_unbroken(line, style="bold") for line in lines] if step.command else []
    return [*following, *([_unbroken(f"Report: {comparison.report}")] if comparison.report else [])]


def _noted(comparison: Comparison, width: int, *, room: int) -> list[Text]:
    """Return the remarks that there is room for, whole, and how many others there are.

    Args:
        comparison: what to show.
        width: columns to use.
        room: lines, without the one that counts the others.
    """
    remarks = gather_remarks(comparison.health)
    noted: list[Text] = []
    for one in remarks[:REMARKS]:
        whole = Text(f"! {one.sentence}")
        is_last = len(noted) + 1 == len(remarks)
        noted += [whole] if _height([*noted, whole], width) <= room + is_last else []
    left = len(remarks) - len(noted)
    more = "more " if noted else ""
    counted = [Text(f"! {left} {more}remark{'s' * (left > 1)}: --details")] if left else []
    search = [Text(comparison.search)] if comparison.search else []
    fits = _height([*noted, *search, *counted], width) <= room + bool(remarks)
    return [*noted, *(search if fits else ()), *counted]


def _unbroken(text: str, style: str = "") -> Text:
    """Return a line that only the terminal breaks: what is copied from it is one line."""
    return Text(text, style, no_wrap=True, overflow="ignore")


def _height(texts: Sequence[Text], width: int) -> int:
    """Return how many lines texts take."""
    console = Console(width=width)
    return sum(math.ceil(line.cell_len / width) or 1 for text in texts for line in text.wrap(console, width))


def standings_table(comparison: Comparison, *, width: int = 80) -> RenderableType:
    """Return answer, standings with the ends of the intervals, verdicts and health as one renderable.

    Args:
        comparison: what to show.
        width: columns to use.
    """
    majority, shades = majority_score(comparison.test_part), colours_of(comparison)
    standings = draw_standings(comparison.standings, width, majority, shades=shades, ends=True)
    parts: list[RenderableType] = [*_above(comparison), standings]
    notes = (f"{s.architecture}: {s.note}." for s in comparison.standings if s.note)
    under = (
        *notes,
        *comparison.data[:1],
        say_test_part(comparison.test_part),
        say_derived(comparison.standings),
        say_columns(comparison.standings, heads_of(comparison.standings)) if comparison.searched else "",
    )
    parts += [Text(line, style="dim") for line in under if line]
    if comparison.front:
        parts += [
            Text(""),
            Text(_front_title(comparison.front), style="bold"),
            _front(comparison.front, shades),
        ]
    parts += [Text(""), *_verdicts(comparison)]
    below = (*map(say_stop, comparison.stopped), comparison.search, comparison.conclusion)
    parts += [Text(line, style="dim") for line in below if line]
    for remark in gather_remarks(comparison.health):
        parts += _remark(remark)
    parts += _spending(comparison)
    if comparison.test_reads:
        parts.append(Text(f"Test part read: {say_reads(comparison.test_reads)}.", style="dim"))
    return Group(*parts, *_below(comparison, width))


def _front_title(front: Front) -> str:
    some = f", {SHOWN} of {len(front.points)}" if len(front.points) > SHOWN else ""
    return f"Front of {' against '.join(front.objectives)}{some} (*: beaten by none)"


def _front(front: Front, shades: Mapping[str, str]) -> Table:
    """Draw the points of the front, those of all architectures first where there is no room for more."""
    shown = sorted(front.points, key=lambda one: not one.of_all)[:SHOWN]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("  architecture", no_wrap=True)
    table.add_column("trial", justify="right")
    for name in front.objectives:
        table.add_column(name, justify="right", no_wrap=True)
    for one in sorted(shown, key=front.points.index):
        who = Text(f"{'*' if one.of_all else ' '} {one.architecture}", style=shades[one.architecture])
        cells = map(write_value, front.objectives, one.values)
        table.add_row(who, str(one.trial), *cells)
    return table


def _verdicts(comparison: Comparison) -> list[RenderableType]:
    between = [v for v in comparison.verdicts if not v.baseline]
    against = [v for v in comparison.verdicts if v.baseline]
    lines: list[RenderableType] = []
    for title, verdicts in (("Pairs", between), ("Against the baseline", against)):
        sentences = gather(verdicts)
        corrected = say_corrected(len(verdicts))
        head = f"{_heading(title, verdicts)}{f' ({corrected})' if corrected else ''}"
        lines += [Text(head, style="bold")] if verdicts else []
        lines += [_indented(f"{_MARKS[word]} {sentence}") for word, sentence in sentences[:SHOWN]]
        lines += (
            [_indented(f"... and {len(sentences) - SHOWN} more in the report")] if sentences[SHOWN:] else []
        )
    return lines


def _spending(comparison: Comparison) -> list[RenderableType]:
    """Which architecture for which time of search; one line where the search does not tell."""
    bought = comparison.bought
    sentences = say_spending(bought.time_curves)
    if sentences:
        of = f" ({bought.studies} whole searches)" if bought.studies else ""
        return [Text(f"What time buys{of}", style="bold"), *(_indented(f"* {one}") for one in sentences)]
    if not bought.next or not comparison.next:  # the report says it where nothing is left to decide
        return []
    refusal = Text(f"What a budget buys: {bought.refusal} The command for it:", style="dim")
    return [refusal, _unbroken(f"    {bought.next}", style="dim")]


def _remark(remark: HealthRemark) -> list[RenderableType]:
    """Return a remark with what comes next, and its command in a line of its own, which pastes."""
    words, program, rest = remark.next.partition("rnnsweep ")
    following = f" Next: {words}".rstrip() if remark.next else ""
    command = [_unbroken(f"    {program}{rest}")] if program else []
    return [_indented(f"! {remark.sentence}{following}"), *command]


def _indented(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, 2), expand=False)


def _heading(title: str, verdicts: Sequence[Verdict]) -> str:
    counts = [(word, sum(v.verdict == word for v in verdicts)) for word in _MARKS]
    return f"{title}: {', '.join(_counted(count, word) for word, count in counts if count)}"


def _counted(count: int, word: str) -> str:
    """Write ``1 needs more``, ``3 need more``, ``2 better``."""
    return f"{count} {word.replace('needs', 'need') if count > 1 else word}"
