"""The standings as a table of the terminal, with intervals drawn to one scale."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rnnsweep.comparison.evidence.records import Comparison, Standing
from rnnsweep.comparison.report.tables import decimal, initials, known_columns
from rnnsweep.comparison.words import DASH, interval, short, shorten
from rnnsweep.drawing.palette import colours

FIXED = 41  # columns that everything but names and intervals takes
NARROWEST = 12  # columns of a bar
ALWAYS = 4  # columns that are always there; the others where something is known of a network


def draw_standings(
    standings: Sequence[Standing],
    width: int,
    majority: float | None,
    *,
    shades: Mapping[str, str],
    ends: bool = False,
) -> Table:
    """Return the standings as a table.

    Args:
        standings: best first.
        width: columns to use.
        majority: score of one answer for every row; None: it is not known.
        shades: the colour of each architecture.
        ends: write the two ends of each interval, in place of a bar.

    Returns:
        A row for each architecture, and one of the most frequent label, or the best constant.
    """
    known = [v for s in standings for v in (s.test.mean, s.test.low, s.test.high) if v is not None]
    longest = max(12, *(len(s.architecture) for s in standings)) + 1
    room = max(NARROWEST, min(width - FIXED - longest, 40))
    named = max(12, width - FIXED - room - 1)
    rows = []
    for standing in standings:
        test = standing.test
        if ends:
            shown = interval(test.low, test.high, score=standing.score)
        else:
            shown = interval_bar(test.low, test.mean, test.high, known, room)
        rows.append(_row(standing, shown, named, shades[standing.architecture]))
    heads = heads_of(standings)
    filled = [n for n in known_columns(standings, rows) if n >= ALWAYS]
    table = Table(box=None, padding=(0, 1, 0, 0), width=width, pad_edge=False, header_style="bold")
    for n in (*range(ALWAYS), *filled):
        table.add_column(heads[n], justify="left" if n in (0, 2) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(row[n] for n in (*range(ALWAYS), *filled)))
    if majority is not None:
        score = standings[0].score
        name, written = score.constant or "majority", score.write(majority)
        table.add_row(name, written, *[""] * (len(table.columns) - 2), style="dim")
    return table


def heads_of(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Return the heads of the standings, short enough for 80 columns."""
    trials = initials(standings)
    return ("architecture", "test", "95 % interval", "n", "valid", trials, "params", "s/run")


def colours_of(comparison: Comparison) -> Mapping[str, str]:
    """Return the colour of each architecture of a comparison, the same wherever it is shown."""
    return colours([*(s.architecture for s in comparison.standings), *comparison.importances])


def _row(standing: Standing, shown: str, named: int, shade: str) -> list[RenderableType]:
    test = standing.test
    counts = "/".join(map(str, standing.trials.values())) if any(standing.trials.values()) else DASH
    trials = DASH if standing.baseline else counts
    return [
        Text(shorten(standing.architecture, named), style=shade),
        standing.score.write(test.mean),
        Text(shown, style=shade),
        DASH if standing.baseline and test.replicates < 2 else str(test.replicates),
        standing.score.write(standing.validation, 3),
        trials,
        DASH if standing.parameters is None else short(standing.parameters),
        decimal(standing.seconds, 1),
    ]


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
