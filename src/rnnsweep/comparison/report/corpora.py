"""Several corpora on a page and in a terminal: ranks, the critical-difference diagram, pairs."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import altair as alt
from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnnsweep.comparison.corpora.ranks import CorporaComparison, groups, say_iman_davenport
from rnnsweep.comparison.figures.drawing import INK, ROW, WIDTH, css, hues, rows_of, table
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.report.tables import decimal
from rnnsweep.comparison.report.templating import fill, write_whole
from rnnsweep.comparison.words import P, say_corrected, shorten
from rnnsweep.drawing.palette import colours

NAMES = 18  # columns of a name in the terminal


def ranks_figure(comparison: CorporaComparison) -> Figure:
    """Draw the critical-difference diagram of Demsar 2006: mean ranks, bars over what is not separated."""
    names = comparison.architectures
    rows = list(zip(names, comparison.ranks, strict=True))
    ranks = dict(rows)
    dots = [(*row, f"{row[0]}: mean rank {row[1]:.2f}") for row in rows]
    scale = alt.Scale(domain=[1, len(names)], nice=False, zero=False, padding=8)
    ticks: dict[str, Any] = {"orient": "top", "title": None, "values": list(range(1, len(names) + 1))}
    shared = alt.X("rank:Q", scale=scale, axis=alt.Axis(format="d", **ticks))
    chart: Any = (
        alt.Chart(table(dots, "architecture", "rank", "tooltip"))
        .mark_circle(size=80, opacity=1)
        .encode(x=shared, y=rows_of(names), color=hues(names), description="tooltip:N")
        .properties(width=WIDTH, height=alt.Step(ROW))
    )
    if bars := _bars(comparison):
        ties = [
            (ranks[bar[0]], ranks[bar[-1]], n, f"not separated: {', '.join(bar)}")
            for n, bar in enumerate(bars)
        ]
        chart = alt.vconcat(
            alt.Chart(table(ties, "rank", "last", "bar", "tooltip"))
            .mark_bar(height=5, cornerRadius=2, color=INK)
            .encode(x=shared, x2="last:Q", y=alt.Y("bar:N", axis=None), description="tooltip:N")
            .properties(width=WIDTH, height=alt.Step(12)),
            chart.encode(x=alt.X("rank:Q", scale=scale, axis=alt.Axis(labels=False, **ticks))),
            spacing=6,
        )
    how = (
        "Each dot is an architecture's mean rank over the corpora, 1 is best. A bar spans those with ranks "
        "within Nemenyi's critical difference"
        + (f" ({comparison.critical_difference:.2f})" if comparison.critical_difference else "")
        + ": nothing is shown of their order."
    )
    label = "Mean ranks over the corpora, 1 is best"
    columns = ("architecture", "mean_rank")
    return Figure("ranks", "Mean ranks", label, how, chart, columns, rows, tuple(names))


def _bars(comparison: CorporaComparison) -> list[tuple[str, ...]]:
    difference = comparison.critical_difference
    return [] if difference is None else groups(comparison.architectures, comparison.ranks, difference)


def write_corpora_report(comparison: CorporaComparison, path: Path) -> Path:
    """Write the page and give its path; one file that needs no network.

    Raises:
        OSError: the folder cannot be written to.
    """
    return write_whole(path, render_corpora(comparison))


def render_corpora(comparison: CorporaComparison) -> str:
    """Return the page as text."""
    return fill(
        "corpora.html.j2",
        found=comparison,
        say_iman_davenport=say_iman_davenport,
        say_corrected=say_corrected,
        p_head=P,
        rows=list(zip(comparison.architectures, comparison.ranks, comparison.scores.T.tolist(), strict=True)),
        figure=ranks_figure(comparison),
        colours=colours(comparison.architectures),
        css=css,
        svg=Markup,
        decimal=decimal,
        json_text=json.dumps(comparison.to_json(), indent=1),
    )


def corpora_table(comparison: CorporaComparison, *, width: int = 80) -> RenderableType:
    """Return answer, scores, the critical-difference diagram and pairs as one renderable."""
    parts: list[RenderableType] = [Text(comparison.answer), Text(""), _scores(comparison), Text("")]
    parts += [Text("Mean ranks, 1 is best", style="bold"), *_diagram(comparison, width)]
    if comparison.friedman:
        test = comparison.friedman
        parts.append(
            Text(
                f"Friedman: p = {test.p:.3f}; {say_iman_davenport(test)}; "
                f"critical difference (Nemenyi): {comparison.critical_difference:.2f}",
                style="dim",
            )
        )
    tested = "; ".join(filter(None, ("Wilcoxon", say_corrected(len(comparison.pairs)))))
    parts += [Text(f"Pairs over corpora ({tested})", style="bold"), *_pairs(comparison)]
    if comparison.left_out:
        parts.append(Text(f"Not in every sweep, so left out: {', '.join(comparison.left_out)}", style="dim"))
    return Group(*parts)


def _pairs(comparison: CorporaComparison) -> Iterator[RenderableType]:
    corpora = len(comparison.sweeps)
    for p in comparison.pairs:
        line = f"{p.a} : {p.b}  ahead on {p.wins} of {corpora} corpora, p = {p.p:.3f}"
        yield Padding(Text(f"{'+' if p.separated else '~'} {line}"), (0, 0, 0, 2), expand=False)


def _scores(comparison: CorporaComparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("architecture", no_wrap=True)
    table.add_column("rank", justify="right")
    for name in comparison.sweeps:
        table.add_column(name, justify="right", overflow="fold")
    shades = colours(comparison.architectures)
    for name, rank, scores in zip(
        comparison.architectures, comparison.ranks, comparison.scores.T.tolist(), strict=True
    ):
        table.add_row(Text(name, style=shades[name]), f"{rank:.2f}", *map(decimal, scores))
    return table


def _diagram(comparison: CorporaComparison, width: int) -> list[RenderableType]:
    room, count = max(20, width - NAMES - 2), len(comparison.architectures)

    def place(rank: float) -> int:
        return round((rank - 1) / max(count - 1, 1) * (room - 1))

    axis = [" "] * room
    for tick in range(1, count + 1):
        axis[place(tick)] = str(tick)[-1]
    shades = colours(comparison.architectures)
    lines = [Text(" " * NAMES + "".join(axis), style="dim")]
    for name, rank in zip(comparison.architectures, comparison.ranks, strict=True):
        line = " " * place(rank) + "●"
        lines.append(Text(f"{shorten(name, NAMES - 1):<{NAMES}}") + Text(line, style=shades[name]))
    return [*lines, *_ties(comparison, place)]


def _ties(comparison: CorporaComparison, place: Callable[[float], int]) -> Sequence[Text]:
    ranks = dict(zip(comparison.architectures, comparison.ranks, strict=True))
    lines = []
    for bar in _bars(comparison):
        first, last = place(ranks[bar[0]]), place(ranks[bar[-1]])
        lines.append(Text(f"{'not separated':<{NAMES}}" + " " * first + "━" * (last - first + 1)))
    return lines
