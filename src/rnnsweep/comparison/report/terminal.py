"""The comparison in a terminal of 80 columns, and as plain text where there is none."""

import sys
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnnsweep.comparison.evidence.derived import say_derived
from rnnsweep.comparison.evidence.reads_of_test_part import say_reads
from rnnsweep.comparison.evidence.records import HERE, Comparison, HealthRemark, Standing, Verdict
from rnnsweep.comparison.predictions import majority_score
from rnnsweep.comparison.report.tables import DASH, decimal, interval
from rnnsweep.comparison.statistics.pareto import Front, write_value
from rnnsweep.comparison.statistics.time_curves import say_spending
from rnnsweep.comparison.trials import INFEASIBLE
from rnnsweep.comparison.verdicts.answers import say_stop, say_test_part
from rnnsweep.comparison.verdicts.sentences import gather, gather_remarks
from rnnsweep.comparison.words import short, shorten
from rnnsweep.drawing.palette import colour

FIXED = 41  # columns that everything but names and intervals takes
NARROWEST = 12  # columns of a bar
SHOWN = 10  # verdicts printed one by one; more are in the report
LINES = 20  # of the last screen: a terminal has 24, of which some are for lines after it and the prompt
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
}


def print_comparison(comparison: Comparison, console: Console, *, details: bool = True) -> None:
    """Print question, answer and standings, with `details` each verdict and remark."""
    width = min(console.width, 120)
    lines = LINES if console.is_terminal else None  # a file is as long as it must be
    shown = standings_table(comparison, width=width) if details else last_screen(comparison, width, lines)
    console.print(shown)


def last_screen(comparison: Comparison, width: int = 80, lines: int | None = LINES) -> RenderableType:
    """Return question, answer, standings, counts of verdicts and the next command.

    Remarks, then rows of the standings, are left out where there is no room for all of them.

    Args:
        comparison: what to show.
        width: columns to use.
        lines: at most, where there is room for the rest; None shows everything whole.
    """
    above = [Text(comparison.question, style="bold")] if comparison.question else []
    answer = comparison.answer.removesuffix(f" Next: {comparison.next}")  # it has a line of its own below
    above += [Text(answer), Text("")]
    counts = [Text("")]
    for title, against in (("Pairs", False), ("Against the baseline", True)):
        verdicts = [one for one in comparison.verdicts if one.baseline == against]
        counts += [Text(_heading(title, verdicts))] if any(one.pairs for one in verdicts) else []
    below = [Text(f"Next: {comparison.next}", style="bold", overflow="fold")] if comparison.next else []
    if comparison.report:
        below.append(Text(f"Report: {comparison.report}", overflow="fold"))
    room = (sys.maxsize if lines is None else lines) - _height([*above, *counts, *below], width)
    remarks, standings = gather_remarks(comparison.health), comparison.standings
    rows_read = say_test_part(comparison.test_part)
    head = 1 + (_majority(comparison) is not None) + bool(rows_read)
    shown = min(REMARKS, len(remarks), max(0, room - head - len(standings)))
    rows = len(standings) if head + len(standings) <= room else max(FEWEST_ROWS, room - head - 1)
    noted = _noted(remarks[:shown], width, room=room - head - rows)
    table: list[RenderableType] = [_table(standings[:rows], width, _majority(comparison))]
    if len(standings) > rows:
        table.append(Text(f"  and {len(standings) - rows} more", style="dim"))
    table += [Text(rows_read, style="dim")] if rows_read else []
    return Group(*above, *table, *counts, *noted, *below)


def _noted(remarks: Sequence[HealthRemark], width: int, *, room: int) -> list[Text]:
    """Return remarks in full while there is room for their lines, and else cut to one."""
    noted: list[Text] = []
    for left, one in zip(range(len(remarks) - 1, -1, -1), remarks, strict=True):
        whole = Text(f"! {one.sentence}")
        fits = _height([*noted, whole], width) + left <= room
        noted.append(whole if fits else Text(whole.plain, no_wrap=True, overflow="ellipsis"))
    return noted


def _height(texts: Sequence[Text], width: int) -> int:
    """Return how many lines texts take."""
    console = Console(width=width)
    return sum(len(text.wrap(console, width)) for text in texts)


def standings_table(comparison: Comparison, *, width: int = 80) -> RenderableType:
    """Return answer, standings with the ends of the intervals, verdicts and health as one renderable.

    Args:
        comparison: what to show.
        width: columns to use.
    """
    parts: list[RenderableType] = [Text(comparison.question, style="bold")] if comparison.question else []
    standings = _table(comparison.standings, width, _majority(comparison), ends=True)
    parts += [Text(comparison.answer), Text(""), standings]
    notes = (f"{s.architecture}: {s.note}." for s in comparison.standings if s.note)
    under = (
        *notes,
        *comparison.data[:1],
        say_test_part(comparison.test_part),
        say_derived(comparison.standings),
    )
    parts += [Text(line, style="dim") for line in under if line]
    if comparison.front:
        parts += [Text(""), Text(_front_title(comparison.front), style="bold"), _front(comparison.front)]
    parts += [Text(""), *_verdicts(comparison)]
    below = (*map(say_stop, comparison.stopped), comparison.conclusion)
    parts += [Text(line, style="dim") for line in below if line]
    for remark in gather_remarks(comparison.health):
        parts.append(_indented(f"! {remark.sentence}" + (f" Next: {remark.next}." if remark.next else "")))
    parts += _spending(comparison)
    if comparison.test_reads:
        parts.append(Text(f"Test part read: {say_reads(comparison.test_reads)}.", style="dim"))
    if comparison.report:
        parts.append(Text(f"Report: {comparison.report}", overflow="fold"))
    return Group(*parts)


def _table(standings: Sequence[Standing], width: int, majority: float | None, *, ends: bool = False) -> Table:
    """Return the standings, each interval as a bar or, with `ends`, by its two ends."""
    table = Table(box=None, padding=(0, 1, 0, 0), width=width, pad_edge=False, header_style="bold")
    table.add_column("architecture", no_wrap=True)
    table.add_column("test", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    outcomes = "c/p/f/i" if any(INFEASIBLE in s.spent for s in standings) else "c/p/f"
    for head in ("n", "valid", outcomes, "params", "s/run"):
        table.add_column(head, justify="right", no_wrap=True)
    known = [v for s in standings for v in (s.test.mean, s.test.low, s.test.high) if v is not None]
    longest = max(12, *(len(s.architecture) for s in standings)) + 1
    room = max(NARROWEST, min(width - FIXED - longest, 40))
    named = max(12, width - FIXED - room - 1)
    for standing in standings:
        test = standing.test
        if ends:
            shown = interval(test.low, test.high, score=standing.score)
        else:
            shown = interval_bar(test.low, test.mean, test.high, known, room)
        table.add_row(*_row(standing, shown, named))
    if majority is not None:
        score = standings[0].score.write(majority)
        table.add_row("majority", score, *[""] * (len(table.columns) - 2), style="dim")
    return table


def _majority(comparison: Comparison) -> float | None:
    return majority_score(comparison.score, comparison.test_part)


def _row(standing: Standing, shown: str, named: int) -> list[RenderableType]:
    test = standing.test
    trials = _fits(standing) if standing.baseline else "/".join(map(str, standing.trials.values()))
    return [
        Text(shorten(standing.architecture, named), style=colour(standing.architecture)),
        standing.score.write(test.mean),
        Text(shown, style=colour(standing.architecture)),
        DASH if standing.baseline and test.replicates < 2 else str(test.replicates),
        standing.score.write(standing.validation, 3),
        trials,
        DASH if standing.parameters is None else short(standing.parameters),
        decimal(standing.seconds, 1),
    ]


def _fits(standing: Standing) -> str:
    return "one fit" if standing.test.replicates < 2 else "-"


def _front_title(front: Front) -> str:
    some = f", {SHOWN} of {len(front.points)}" if len(front.points) > SHOWN else ""
    return f"Front of {' against '.join(front.objectives)}{some} (*: beaten by none)"


def _front(front: Front) -> Table:
    """Draw the points of the front, those of all architectures first where there is no room for more."""
    shown = sorted(front.points, key=lambda one: not one.of_all)[:SHOWN]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("  architecture", no_wrap=True)
    table.add_column("trial", justify="right")
    for name in front.objectives:
        table.add_column(name, justify="right", no_wrap=True)
    for one in sorted(shown, key=front.points.index):
        who = Text(f"{'*' if one.of_all else ' '} {one.architecture}", style=colour(one.architecture))
        cells = map(write_value, front.objectives, one.values)
        table.add_row(who, str(one.trial), *cells)
    return table


def interval_bar(
    low: float | None, mean: float | None, high: float | None, known: Sequence[float], room: int
) -> str:
    """Return an interval as a line of `room` characters: ``  ├──●──┤ ``.

    Args:
        low: lower end; None draws the mean alone.
        mean: None gives a line of blanks.
        high: upper end.
        known: all numbers of the table: the smallest stands at the left edge, the largest at the right.
        room: characters.
    """
    if mean is None or not known:
        return " " * room
    start, span = min(known), (max(known) - min(known)) or 1.0

    def place(value: float) -> int:
        return round((value - start) / span * (room - 1))

    cells = [" "] * room
    if low is not None and high is not None:
        first, last = place(low), place(high)
        cells[first : last + 1] = "─" * (last + 1 - first)
        cells[first], cells[last] = "├", "┤"
    cells[place(mean)] = "●"
    return "".join(cells)


def _verdicts(comparison: Comparison) -> list[RenderableType]:
    between = [v for v in comparison.verdicts if not v.baseline]
    against = [v for v in comparison.verdicts if v.baseline]
    lines: list[RenderableType] = []
    for title, verdicts in (("Pairs", between), ("Against the baseline", against)):
        sentences = gather(verdicts)
        lines += [Text(_heading(title, verdicts), style="bold")] if verdicts else []
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
    if not bought.next:
        return []
    return [Text(f"What a budget buys: {bought.refusal} Next: {bought.next}", style="dim")]


def _indented(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, 2), expand=False)


def _heading(title: str, verdicts: Sequence[Verdict]) -> str:
    counts = [(word, sum(v.verdict == word for v in verdicts)) for word in _MARKS]
    return f"{title}: {', '.join(_counted(count, word) for word, count in counts if count)}"


def _counted(count: int, word: str) -> str:
    """Write ``1 needs more``, ``3 need more``, ``2 better``."""
    return f"{count} {word.replace('needs', 'need') if count > 1 else word}"
