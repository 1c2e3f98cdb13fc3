"""The figure of the front: validation against the objective that is to be small."""

from collections.abc import Sequence

from rnnsweep.comparison.figures.charts import WIDTH, css
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.figures.svg import Picture, Scale, fit, number
from rnnsweep.comparison.statistics.pareto import Front, FrontPoint, write_value
from rnnsweep.comparison.verdicts.records import Comparison

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
    every = [*front.points, *front.others]
    x = fit([max(one.values[1], 1e-9) for one in every], 64, WIDTH - 20, log=True)
    y = fit([one.values[0] for one in every], 316, 24)
    second = front.objectives[1]
    picture = Picture(WIDTH, 366, f"Validation against {second}, with the front of each architecture")
    picture.y_axis(y, 58, WIDTH - 20, label="validation accuracy")
    picture.x_axis(x, 322, 24, label=LABELS[second])
    for name in dict.fromkeys(one.architecture for one in every):
        _draw(picture, name, front, x, y)
    others = len(front.objectives) - 2
    how = (
        "Rings are the trials that no other trial of their architecture beats in one objective without "
        "losing in another, filled ones those that none of any architecture beats; the line shows what each "
        "size can buy. Dots are the other trials. What lies higher and further left is better."
        + (" It shows the first two objectives; the numbers have all." if others else "")
    )
    columns = ("architecture", "trial", *front.objectives, "front", "front_of_all", "run_id")
    rows = [
        (one.architecture, one.trial, *one.values, own, one.of_all, one.run_id)
        for own, points in ((True, front.points), (False, front.others))
        for one in points
    ]
    return Figure("front", "What each size buys", how, picture.render(), columns, rows)


def _draw(picture: Picture, name: str, front: Front, x: Scale, y: Scale) -> None:
    own = sorted((p for p in front.points if p.architecture == name), key=lambda p: p.values[1])
    picture.open(class_=css(name), data_a=name)
    for one in front.others:
        if one.architecture == name:
            _mark(picture, one, front.objectives, x, y, radius=2, kind="interval")
    if len(own) > 1:
        picture.add("polyline", points=_steps(own, x, y), class_="line thin")
    for one in own:
        kind = "dot" if one.of_all else "ring"
        _mark(picture, one, front.objectives, x, y, radius=4.5, kind=kind)
    picture.close()


def _steps(points: Sequence[FrontPoint], x: Scale, y: Scale) -> str:
    """Give a line that rises only where a larger network is there to rise with."""
    corners: list[tuple[float, float]] = []
    for one in points:
        place = x(max(one.values[1], 1e-9)), y(one.values[0])
        if corners:
            corners.append((place[0], corners[-1][1]))
        corners.append(place)
    return " ".join(f"{number(a)},{number(b)}" for a, b in corners)


def _mark(
    picture: Picture,
    point: FrontPoint,
    objectives: Sequence[str],
    x: Scale,
    y: Scale,
    *,
    radius: float,
    kind: str,
) -> None:
    values = zip(objectives, point.values, strict=True)
    said = ", ".join(f"{name} {write_value(name, value)}" for name, value in values)
    title = f"{point.architecture}, trial {point.trial}: {said}"
    place = {"cx": number(x(max(point.values[1], 1e-9))), "cy": number(y(point.values[0]))}
    picture.add("circle", title=title, r=radius, class_=kind, **place)
