"""The figure of the front: validation against the objective that is to be small."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.figures.drawing import WIDTH, dotted, hues, scores, table, values
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.statistics.pareto import FrontPoint, write_value

LABELS = {
    "parameters": "parameters (logarithmic)",
    "seconds": "seconds of a training (logarithmic)",
    "memory": "bytes of memory (logarithmic)",
}


def front_figure(comparison: Comparison) -> Figure | None:
    """Draw trials as dots and each architecture's front as a line through rings; None for one objective."""
    front = comparison.front
    if front is None:
        return None
    second = front.objectives[1]
    every = [*front.points, *front.others]
    names = tuple(dict.fromkeys(point.architecture for point in every))
    x = alt.X(**values("cost", LABELS[second], of=map(_cost, every), log=True))
    y = alt.Y(**scores(comparison.score, "validation", "validation", of=[point.values[0] for point in every]))
    colours = hues(names)
    own = alt.Chart(_data(front.points, front.objectives)).encode(x=x, y=y, color=colours)
    tooltip = own.encode(description="tooltip:N")
    others = _data(front.others, front.objectives)
    return Figure(
        name="front",
        title="What each size buys",
        label=f"Validation against {second}, with the front of each architecture",
        how="Rings are the trials that no other trial of their architecture beats in one objective without "
        "losing in another, filled ones those that none of any architecture beats; the line shows what each "
        "size can buy. Dots are the other trials. What lies higher and further left is better."
        + (" It shows the first two objectives; the numbers have all." if len(front.objectives) > 2 else ""),
        drawn=alt.layer(
            dotted(others, x, y, colours),
            # a line that rises only where a larger network is there to rise with
            tooltip.mark_line(interpolate="step-after", strokeWidth=1),
            tooltip.mark_point(size=64, strokeWidth=1.6, opacity=1, filled=False),
            tooltip.mark_circle(size=64, opacity=1).transform_filter("datum.best"),
        ).properties(width=WIDTH, height=300),
        columns=("architecture", "trial", *front.objectives, "front", "front_of_all", "run_id"),
        rows=[
            (point.architecture, point.trial, *point.values, on_front, point.of_all, point.run_id)
            for on_front, points in ((True, front.points), (False, front.others))
            for point in points
        ],
        architectures=names,
    )


def _cost(point: FrontPoint) -> float:
    return max(point.values[1], 1e-9)


def _data(points: Sequence[FrontPoint], objectives: Sequence[str]) -> pd.DataFrame:
    def tooltip(point: FrontPoint) -> str:
        written = (f"{name} {write_value(name, v)}" for name, v in zip(objectives, point.values, strict=True))
        return f"{point.architecture}: trial {point.trial}, {', '.join(written)}"

    rows = [(p.architecture, _cost(p), p.values[0], p.of_all, tooltip(p)) for p in points]
    return table(rows, "architecture", "cost", "validation", "best", "tooltip")
