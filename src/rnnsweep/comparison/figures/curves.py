"""Learning curves, and how a line with its band is drawn for each architecture."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.figures.drawing import WIDTH, hues, scores, values
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.tasks.score import HIGHER

POINTS = 120  # of one drawn curve
BAR = 11  # pixels of an architecture's bar


def lines(data: pd.DataFrame, x: alt.X, y: alt.Y, colours: alt.Color) -> alt.LayerChart:
    """Draw a line an architecture on its band.

    An architecture with one row has no line: its value is a dot, and its band a bar.

    Args:
        data: with the `architecture`, `low`, `high` and `tooltip` of each point.
        x: the horizontal axis.
        y: the vertical axis.
        colours: of the architectures.

    Returns:
        the chart, without a title.
    """
    base = alt.Chart(data).encode(x=x, color=colours, description="tooltip:N")
    band = base.mark_area(opacity=0.12, clip=True).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(strokeWidth=2, strokeJoin="round", clip=True).encode(y=y)
    layers = [band, line]
    alone = data[~data["architecture"].duplicated(keep=False)]
    if len(alone):
        one = alt.Chart(alone).encode(x=x, color=colours, description="tooltip:N")
        bar = one.mark_bar(size=BAR, opacity=0.12, clip=True).encode(y="low:Q", y2="high:Q")
        layers += [bar, one.mark_circle(size=60, opacity=1, clip=True).encode(y=y)]
    return alt.layer(*layers).properties(width=WIDTH, height=300)


def curves_figure(comparison: Comparison) -> Figure | None:
    """Draw validation scores over epochs: the mean of the replicates, and from worst to best as a band."""
    data = _mean_curves(comparison)
    if data is None:
        return None
    names = tuple(data["architecture"].unique())
    last = data.groupby("architecture").tail(1)[["architecture", "mean", "epoch", "runs"]]
    tooltip = {
        name: f"{name}: {mean:.4f} at epoch {epoch:g}, mean of {runs} runs"
        for name, mean, epoch, runs in last.itertuples(index=False)
    }
    score = comparison.score
    worst, best = ("low", "high") if score.direction == HIGHER else ("high", "low")
    ends = data.sort_values(worst, key=score.turned)[worst]  # all but the worst tenth, where a curve begins
    frame = [ends.iloc[len(ends) // 10], *data[best]]
    y = alt.Y(**scores(score, "mean", "validation", of=frame))
    columns = ("architecture", "epoch", "mean", "low", "high", "runs")
    return Figure(
        name="curves",
        title="Learning curves",
        label=f"Validation {score.title} over epochs",
        how="Each line is the mean validation score of an architecture's replicates during training, its "
        "band the worst and the best of them: a line that still climbs at the right edge was stopped early.",
        drawn=lines(
            data.assign(tooltip=data["architecture"].map(tooltip)),
            alt.X(**values("epoch", "epoch")),
            y,
            hues(names),
        ),
        columns=columns,
        rows=[tuple(row) for row in data[list(columns)].itertuples(index=False)],
        architectures=names,
    )


def _mean_curves(comparison: Comparison) -> pd.DataFrame | None:
    curves, runs = comparison.curves, comparison.runs
    if curves is None or not len(curves):
        return None
    # one that was broken off would leave the mean in the middle of the line
    known = runs[(runs["role"] == "replicate") & (runs["state"] == "complete")]
    if not len(known):
        known = runs[runs["run_id"].isin([s.run_id for s in comparison.standings])]
    owner = dict(zip(known["run_id"].astype(str), known["architecture"].astype(str), strict=True))
    own = curves[
        (curves["key"] == f"validation/{comparison.score.name}")
        & curves["run_id"].astype(str).isin(set(owner))
    ]
    if not len(own):
        return None
    own = own.assign(architecture=own["run_id"].astype(str).map(owner), epoch=own["epoch"].astype(float))
    own = own.sort_values(["run_id", "step"], ignore_index=True)
    grouped = own.groupby(["architecture", *_places(own)])
    means = grouped.agg(
        epoch=("epoch", "mean"),
        mean=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        runs=("value", "count"),
    )
    return _thin(means.assign(epoch=means["epoch"].round(3)).reset_index())


def _places(curves: pd.DataFrame) -> "list[pd.Series[Any]]":
    """Return the epoch that each validation is in, and which of it; curves are in the order of steps.

    Replicates whose parts differ by a batch are validated at other fractions of an epoch, as 2.496 and 2.5.
    The end of an epoch is one place: all meet there, however many validations are before it.
    """
    at = curves["epoch"].round(6)
    within = np.ceil(at).rename("within")
    turn = curves.groupby(["run_id", within]).cumcount().astype(float).rename("turn")
    return [within, turn.mask(at == within, np.inf)]


def _thin(curves: pd.DataFrame) -> pd.DataFrame:
    """Return at most POINTS of each architecture, the last among them."""
    place = curves.groupby("architecture").cumcount(ascending=False)
    count = curves.groupby("architecture")["epoch"].transform("count")
    thin: pd.DataFrame = curves[place % np.ceil(count / POINTS) == 0]
    return thin
