"""Pictures that stand among a run's artifacts; drawn by the shipper, so that no training imports matplotlib.

Shapes: C classes.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnsweep.drawing.fonts import NOTE, fonts_for
from rnnsweep.tasks import LOSS, Score
from rnnsweep.tasks.score import HIGHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[int, float]]  # (optimiser step, value), by step
MOST_CLASSES = 60  # of a confusion matrix that can still be read
MOST_NUMBERS = 25  # classes at which each cell still has room for its number
_DPI = 100  # dots an inch


def curves_of(score: Score) -> dict[str, tuple[str, str]]:
    """Return the curves of each panel: on the validation part, and behind it on the training part."""
    return {
        title: (f"validation/{name}", f"train/{name}")
        for title, name in ((score.title, score.name), (LOSS, LOSS))
    }


def draw_curves(curves: Mapping[str, Points], *, title: str, colour: str, score: Score) -> bytes:
    """Return a picture, as PNG, of a score and the loss over optimiser steps, the best validation marked.

    Args:
        curves: metric -> its points.
        title: of the picture.
        colour: of the architecture.
        score: which is drawn.
    """
    with fonts_for([], title=title) as write:
        return _draw_curves(curves, write(title), colour, score)


def _draw_curves(curves: Mapping[str, Points], title: str, colour: str, score: Score) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.6), dpi=_DPI)  # no automatic layout: it would draw everything twice
    figure.subplots_adjust(left=0.07, right=0.985, bottom=0.135, top=0.83, wspace=0.16)
    panels = curves_of(score)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (panel, names) in zip(axes, panels.items(), strict=True):
        for name, shade, style in zip(names, (colour, "#999999"), ("-", "--"), strict=True):
            _curve(axis, name, curves.get(name, ()), shade, style)
        highest = panel != LOSS and score.direction == HIGHER
        _mark_best(axis, max if highest else min, curves.get(names[0], ()), colour)
        axis.set_title(panel, fontsize=10, loc="left")
        axis.set_xlabel("optimiser steps", fontsize=8)
        axis.margins(0.09)
        axis.grid(visible=True, alpha=0.25)
        if axis.lines:
            axis.legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=11)
    return _png(figure)


def _curve(axis: "Axes", name: str, points: Points, shade: str, style: str) -> None:
    if points:
        steps, values = zip(*points, strict=True)
        mark = "." if len(points) < 40 else None
        axis.plot(steps, values, style, color=shade, marker=mark, label=name.partition("/")[0])


def _mark_best(axis: "Axes", best: Callable[..., tuple[int, float]], points: Points, colour: str) -> None:
    known = [point for point in points if point[1] == point[1]]  # NaN is not itself
    if known:
        step, value = best(known, key=lambda point: point[1])
        axis.plot([step], [value], "o", color=colour, markersize=7, fillstyle="none")
        axis.annotate(f"{value:.4f}", (step, value), fontsize=8, xytext=(0, 7), textcoords="offset points")


def draw_confusion(table: str) -> bytes:
    """Draw a table of true labels (rows) by predictions (columns), shaded by its share of the row, as PNG.

    Raises:
        ValueError: no square table of counts, or more classes than can be read.
    """
    labels, counts_CC = _read_table(table)
    with fonts_for(labels) as write:
        names = [write(label) for label in labels]
        return _draw_confusion([name[:24] for name in names], counts_CC, noted=names != labels)


def _draw_confusion(names: Sequence[str], counts_CC: list[list[int]], *, noted: bool) -> bytes:
    from matplotlib.figure import Figure

    side = max(2.0, 0.45 * len(names) + 0.5)  # inches of the cells; the names beside them come on top
    figure = Figure(figsize=(side, side), dpi=_DPI)
    axis = figure.add_axes((0, 0, 1, 1))
    shares_CC = [[count / (sum(row) or 1) for count in row] for row in counts_CC]
    axis.imshow(shares_CC, cmap="Blues", vmin=0.0, vmax=1.0)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel(f"predicted\n{NOTE}" if noted else "predicted", fontsize=9)
    axis.set_ylabel("true (shade: share of the row)", fontsize=9)
    if len(names) <= MOST_NUMBERS:
        _number_cells(axis, counts_CC, shares_CC)
    right = sum(row[place] for place, row in enumerate(counts_CC))
    total = sum(map(sum, counts_CC))
    axis.set_title(f"{right:,} of {total:,} right", fontsize=10)
    return _png(figure, bbox_inches="tight")


def _read_table(table: str) -> tuple[list[str], list[list[int]]]:
    rows = list(csv.reader(io.StringIO(table)))
    labels = rows[0][1:] if rows else []
    counts_CC = [[int(cell) for cell in row[1:]] for row in rows[1:]]
    square = len(counts_CC) == len(labels) and all(len(row) == len(labels) for row in counts_CC)
    if not square or not 1 <= len(labels) <= MOST_CLASSES:
        raise ValueError(f"a table of {len(labels)} classes and {len(counts_CC)} rows")
    return labels, counts_CC


def _number_cells(axis: "Axes", counts_CC: list[list[int]], shares_CC: list[list[float]]) -> None:
    for row, counts in enumerate(counts_CC):
        for place, count in enumerate(counts):
            shade = "white" if shares_CC[row][place] > 0.6 else "black"
            axis.text(place, row, f"{count:,}", ha="center", va="center", fontsize=8, color=shade)


def _png(figure: "Figure", **how: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, **how)
    return file.getvalue()


def warm_up() -> None:
    """Import what draws and find the fonts, which takes seconds the first time on a machine."""
    draw_confusion("true,a\na,1\n")
