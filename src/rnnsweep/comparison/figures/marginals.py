"""The figure of marginals: how the score goes with each setting that mattered, one panel a setting."""

from collections.abc import Sequence
from typing import Any, cast

import altair as alt

from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.figures.drawing import WIDTH, hues, scores, table, values
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.statistics.marginals import Marginal
from rnnsweep.tasks import Score

ACROSS = 2
_COLUMNS = ("architecture", "parameter", "value", "predicted")


def marginals_figure(comparison: Comparison) -> Figure | None:
    """Draw the marginals of the most important settings, a line an architecture."""
    marginals = comparison.marginals
    if not marginals:
        return None
    names = tuple(dict.fromkeys(m.architecture for m in marginals))
    score = comparison.score
    every = [float(score.turned(value)) for m in marginals for value in m.scores]
    panels = [
        _panel(key, [m for m in marginals if m.parameter == key], every, names, score)
        for key in dict.fromkeys(m.parameter for m in marginals)
    ]
    return Figure(
        name="marginals",
        title="How the score goes with each setting",
        label="Predicted score by each setting, whatever the others are",
        how="The score that a random forest predicts at each value of a setting, averaged over what else the "
        "trials had: a flat line means that the setting can be left alone, a peak where to search.",
        drawn=alt.concat(*panels, columns=ACROSS, spacing=24),
        columns=_COLUMNS,
        rows=[
            (m.architecture, m.parameter, value, float(score.turned(predicted)))
            for m in marginals
            for value, predicted in zip(m.values, m.scores, strict=True)
        ],
        architectures=names,
    )


def _panel(
    key: str, own: Sequence[Marginal], every: Sequence[float], names: Sequence[str], score: Score
) -> alt.Chart:
    numeric = all(m.numeric for m in own)
    rows: list[tuple[Any, ...]] = [
        (
            m.architecture,
            float(cast(float, value)) if numeric else str(value),
            float(score.turned(predicted)),
            f"{m.architecture}: {value}, {score.write(predicted)}",
        )
        for m in own
        for value, predicted in zip(m.values, m.scores, strict=True)
    ]
    y = alt.Y(**scores(score, "predicted", "", of=every, tickCount=4)).title(None)
    data = table(rows, "architecture", "value", "predicted", "tooltip")
    base = alt.Chart(data).encode(y=y, color=hues(names), description="tooltip:N")
    if numeric:
        low, high = (end(row[1] for row in rows) for end in (min, max))
        axis = {"log": low > 0 and high / low >= 8, "format": "~s" if low >= 1 else "~g", "tickCount": 4}
        chart = base.mark_line(strokeWidth=2, strokeJoin="round").encode(
            x=alt.X(**values("value", "", **axis))
        )
    else:
        x = alt.X("value:N", axis=alt.Axis(title=None, grid=False, labelAngle=0), sort=None)
        offset = alt.XOffset("architecture:N", sort=list(names))
        chart = base.mark_circle(size=50, opacity=1).encode(x=x, xOffset=offset)
    return chart.properties(title=key, width=WIDTH / ACROSS - 20, height=110)
