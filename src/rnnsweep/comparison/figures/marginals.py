"""The figure of marginals: how the score goes with each setting that mattered, one panel a setting."""

from collections.abc import Sequence

from rnnsweep.comparison.figures.charts import WIDTH, css
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.figures.svg import Picture, Scale, fit, number
from rnnsweep.comparison.statistics.marginals import Marginal
from rnnsweep.comparison.verdicts.records import Comparison

PANEL = 190  # height of one
ACROSS = 2


def marginals_figure(comparison: Comparison) -> Figure | None:
    """Draw the marginals of the most important settings, a line an architecture."""
    found = comparison.marginals
    if not found:
        return None
    keys = list(dict.fromkeys(m.parameter for m in found))
    height = PANEL * -(-len(keys) // ACROSS) + 8
    picture = Picture(WIDTH, height, "Predicted score by each setting, whatever the others are")
    y_values = [float(s) for m in found for s in m.scores]
    for i, key in enumerate(keys):
        own = [m for m in found if m.parameter == key]
        _draw_panel(
            picture, key, own, y_values, left=(i % ACROSS) * WIDTH / ACROSS, top=(i // ACROSS) * PANEL
        )
    rows = [
        (m.architecture, m.parameter, value, float(score))
        for m in found
        for value, score in zip(m.values, m.scores, strict=True)
    ]
    how = (
        "The score that a random forest predicts at each value of a setting, averaged over what else the "
        "trials had: a flat line means that the setting can be left alone, a peak where to search."
    )
    columns = ("architecture", "parameter", "value", "predicted")
    return Figure("marginals", "How the score goes with each setting", how, picture.render(), columns, rows)


def _draw_panel(
    picture: Picture, key: str, own: Sequence[Marginal], scores: Sequence[float], *, left: float, top: float
) -> None:
    y = fit(scores, top + PANEL - 48, top + 26)
    right = left + WIDTH / ACROSS - 16
    picture.y_axis(y, left + 50, right, count=4)
    picture.add("text", key, x=number(left + 56), y=number(top + 18), class_="axis")
    floor = top + PANEL - 44
    if all(m.numeric for m in own):
        x = _scale([float(v) for m in own for v in m.values], left + 56, right)
        picture.x_axis(x, floor, top + 26, count=4)
        for m in own:
            _draw_line(picture, m, [x(float(v)) for v in m.values], y)
    else:
        _draw_choices(picture, own, y, left=left + 56, right=right, floor=floor)


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    return fit(values, start, end, log=low > 0 and high / low >= 8, room=0.03)


def _draw_line(picture: Picture, marginal: Marginal, xs: Sequence[float], y: Scale) -> None:
    picture.open(class_=css(marginal.architecture), data_a=marginal.architecture)
    points = " ".join(f"{number(x)},{number(y(float(s)))}" for x, s in zip(xs, marginal.scores, strict=True))
    title = f"{marginal.architecture}: {marginal.parameter}"
    picture.add("polyline", title=title, points=points, class_="line")
    picture.close()


def _draw_choices(
    picture: Picture, own: Sequence[Marginal], y: Scale, *, left: float, right: float, floor: float
) -> None:
    """A dot for each choice and architecture, side by side."""
    names = list(dict.fromkeys(str(v) for m in own for v in m.values))
    room = (right - left) / len(names)
    for i, name in enumerate(names):
        x = number(left + room * (i + 0.5))
        picture.add("text", name, x=x, y=number(floor + 16), class_="tick", text_anchor="middle")
    for j, m in enumerate(own):
        picture.open(class_=css(m.architecture), data_a=m.architecture)
        for value, score in zip(m.values, m.scores, strict=True):
            at = left + room * (names.index(str(value)) + (j + 1) / (len(own) + 1))
            title = f"{m.architecture}, {value}: {score:.4f}"
            picture.add("circle", title=title, cx=number(at), cy=number(y(float(score))), r=4, class_="dot")
        picture.close()
