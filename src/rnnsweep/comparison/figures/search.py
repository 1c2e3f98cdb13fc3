"""The figures on the search: learning curves, trials' scores, parameter importance, budget curves."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.comparison.figures.charts import LEFT, ROW, WIDTH, css, write_name
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.figures.svg import Picture, Scale, fit, number, shorten
from rnnsweep.comparison.trials import last_attempts
from rnnsweep.comparison.verdicts.records import Comparison

if TYPE_CHECKING:
    import pandas as pd

KEY = "validation/accuracy"
POINTS = 120  # of one drawn curve


def curves_figure(comparison: Comparison) -> Figure | None:
    """Draw validation scores over epochs: the mean of the replicates, and from worst to best as a band."""
    table = _mean_curves(comparison)
    if table is None:
        return None
    x, y = fit(table["epoch"].tolist(), 64, WIDTH - 20, room=0.02), fit(_frame(table), 316, 24)
    picture = Picture(WIDTH, 366, "Validation accuracy over epochs")
    picture.y_axis(y, 58, WIDTH - 20, label="validation accuracy")
    picture.x_axis(x, 322, 24, label="epoch")
    for name, group in table.groupby("architecture", sort=False):
        _draw_curve(picture, str(name), group, x, y)
    columns = ("architecture", "epoch", "mean", "low", "high", "runs")
    how = (
        "Each line is the mean validation score of an architecture's replicates as training goes on, its "
        "band the worst and the best of them: a line that still climbs at the right edge was stopped early."
    )
    rows = [tuple(row) for row in table[list(columns)].itertuples(index=False)]
    return Figure("curves", "Learning curves", how, picture.render(), columns, rows)


def _frame(table: "pd.DataFrame") -> list[float]:
    """Values that the picture must hold: all but the lowest tenth, where every curve begins."""
    lows = np.sort(table["low"].to_numpy())
    return [float(lows[len(lows) // 10]), float(table["high"].max())]


def _mean_curves(comparison: Comparison) -> "pd.DataFrame | None":
    curves, runs = comparison.curves, comparison.runs
    if curves is None or not len(curves):
        return None
    known = runs[runs["role"] == "replicate"]
    if not len(known):
        known = runs[runs["run_id"].isin([s.run_id for s in comparison.standings])]
    owner = dict(zip(known["run_id"].astype(str), known["architecture"].astype(str), strict=True))
    own = curves[(curves["key"] == KEY) & curves["run_id"].astype(str).isin(set(owner))]
    if not len(own):
        return None
    own = own.assign(
        architecture=own["run_id"].astype(str).map(owner), epoch=own["epoch"].astype(float).round(3)
    )
    grouped = own.groupby(["architecture", "epoch"])["value"]
    table = grouped.agg(mean="mean", low="min", high="max", runs="count").reset_index()
    return _thin(table)


def _thin(table: "pd.DataFrame") -> "pd.DataFrame":
    """Keep at most POINTS of each architecture, the last among them."""
    place = table.groupby("architecture").cumcount(ascending=False)
    count = table.groupby("architecture")["epoch"].transform("count")
    every = np.ceil(count / POINTS)
    kept: pd.DataFrame = table[place % every == 0]
    return kept


def _draw_curve(picture: Picture, name: str, group: "pd.DataFrame", x: Scale, y: Scale) -> None:
    def path(column: str, *, back: bool = False) -> str:
        rows = group[::-1] if back else group
        pairs = zip(rows["epoch"], rows[column], strict=True)
        return " ".join(f"{number(x(e))},{number(y(max(v, y.low)))}" for e, v in pairs)

    picture.open(class_=css(name), data_a=name)
    picture.add("polygon", points=f"{path('high')} {path('low', back=True)}", class_="band")
    last = group.iloc[-1]
    title = f"{name}: {last['mean']:.4f} at epoch {last['epoch']:g}, mean of {last['runs']} runs"
    picture.add("polyline", title=title, points=path("mean"), class_="line")
    picture.close()


def trials_figure(comparison: Comparison) -> Figure | None:
    """Draw box plots of all complete trials and of the best tenth, one row an architecture."""
    trials = last_attempts(comparison.runs[comparison.runs["role"] == "trial"])
    done = trials[(trials["state"] == "complete") & trials["validation"].notna()]
    rows = [row for a, g in done.groupby("architecture") for row in _boxes(str(a), g["validation"])]
    if not rows:
        return None
    order = {s.architecture: i for i, s in enumerate(comparison.standings)}
    rows.sort(key=lambda row: (order.get(row[0], 99), row[1]))
    scale = fit([v for row in rows for v in row[3:]], LEFT, WIDTH - 20)
    height = ROW * (len(rows) // 2) + 56
    picture = Picture(WIDTH, height, "Validation scores of the trials of each search")
    picture.x_axis(scale, height - 44, 4, label="validation accuracy of complete trials", count=7)
    for i in range(0, len(rows), 2):
        _draw_boxes(picture, rows[i], rows[i + 1], scale, ROW * (i // 2) + 18)
    how = (
        "The thin box holds the middle half of all complete trials (whiskers: worst and best), the filled "
        "one the best tenth: a wide thin box means that the architecture needs its settings searched, filled "
        "boxes that overlap that the searches ended level."
    )
    columns = ("architecture", "trials", "count", "worst", "lower_quarter", "median", "upper_quarter", "best")
    return Figure("trials", "What the searches found", how, picture.render(), columns, rows)


def _boxes(architecture: str, scores: "pd.Series[Any]") -> list[tuple[Any, ...]]:
    values = np.sort(scores.to_numpy(dtype=float))
    best = values[-max(1, len(values) // 10) :]
    parts = (("all", values), ("best tenth", best))
    return [
        (architecture, name, len(v), *map(float, np.percentile(v, [0, 25, 50, 75, 100]))) for name, v in parts
    ]


def _draw_boxes(picture: Picture, every: Any, best: Any, scale: Scale, y: float) -> None:
    name = every[0]
    picture.open(class_=css(name), data_a=name)
    write_name(picture, name, y)
    low, first, middle, third, high = (scale(v) for v in every[3:])
    picture.add("line", x1=number(low), x2=number(high), y1=y, y2=y, class_="whisker thin")
    title = f"{name}: {every[2]} trials, median {every[5]:.4f}, best {every[7]:.4f}"
    wide = number(max(third - first, 1))
    picture.add("rect", title=title, x=number(first), y=y - 8, width=wide, height=16, class_="box")
    picture.add("line", x1=number(middle), x2=number(middle), y1=y - 8, y2=y + 8, class_="whisker")
    start, end = scale(best[3]), scale(best[7])
    title = f"{name}: best tenth from {best[3]:.4f} to {best[7]:.4f}"
    wide = number(max(end - start, 3))
    picture.add("rect", title=title, x=number(start), y=y - 4, width=wide, height=8, class_="interval")
    picture.close()


def importance_figure(comparison: Comparison) -> Figure | None:
    """Draw the share of each parameter, grouped by parameter, one bar an architecture."""
    shares = comparison.importances
    if not shares:
        return None
    totals: dict[str, float] = {}
    for own in shares.values():
        for key, share in own.items():
            totals[key] = totals.get(key, 0.0) + share
    keys = sorted(totals, key=lambda k: -totals[k])
    group = 11 * len(shares) + 16
    height = group * len(keys) + 56
    picture = Picture(WIDTH, height, "Importance of each parameter by architecture")
    scale = Scale(0, 100, 220, WIDTH - 60)
    picture.x_axis(scale, height - 44, 4, label="share of the importance (%)")
    for i, key in enumerate(keys):
        y = number(group * i + group / 2 + 4)
        picture.add("text", shorten(key, 28), title=key, x=210, y=y, class_="name", text_anchor="end")
        for j, (name, own) in enumerate(shares.items()):
            _draw_share(picture, name, key, own.get(key, 0.0), scale, group * i + 8 + 11 * j)
    method = f" (computed by {comparison.importance_method})" if comparison.importance_method else ""
    how = (
        "The longer the bar, the more the validation scores of the trials depended on the "
        f"parameter{method}: search the long ones with care, and leave the short ones alone."
    )
    rows = [(name, key, share) for name, own in shares.items() for key, share in own.items()]
    columns = ("architecture", "parameter", "share")
    return Figure("importance", "Which settings mattered", how, picture.render(), columns, rows)


def _draw_share(picture: Picture, name: str, key: str, share: float, scale: Scale, y: float) -> None:
    picture.open(class_=css(name), data_a=name)
    wide = number(max(scale(100 * share) - scale.start, 1))
    title = f"{name}, {key}: {100 * share:.0f} %"
    picture.add("rect", title=title, x=number(scale.start), y=y, width=wide, height=9, class_="solid")
    picture.close()


def budget_figure(comparison: Comparison) -> Figure | None:
    """Draw the expected best validation score against the number of trials."""
    found = comparison.bought.curves
    if not found:
        return None
    longest = max(len(c.trials) for c in found.values())
    x = Scale(1, max(longest, 2), 64, WIDTH - 20)
    y = fit([float(v) for c in found.values() for v in (c.expected[0], c.expected[-1], c.high[-1])], 316, 24)
    picture = Picture(WIDTH, 366, "Expected best validation score by number of trials")
    picture.y_axis(y, 58, WIDTH - 20, label="expected best validation accuracy")
    picture.x_axis(x, 322, 24, label="trials")
    rows = []
    for name, curve in found.items():
        rows += [
            (name, *map(float, row))
            for row in zip(curve.trials, curve.expected, curve.low, curve.high, strict=True)
        ]
        _draw_over(picture, name, curve.trials, curve, x, y)
    studies = comparison.bought.studies
    how = (
        f"The best validation score to expect of so many trials, with a 95 % band, from {studies} whole "
        "searches with other seeds: where two lines cross, the better choice depends on what you can "
        "spend. Each search counts as one, since its trials depend on each other."
        if studies
        else "The best validation score to expect of so many random trials, with a 95 % band: where two "
        "lines cross, the better choice depends on what you can spend. Said of the first half of the "
        "budget, beyond which it would rest on too few trials."
    )
    columns = ("architecture", "trials", "expected", "low", "high")
    return Figure("budget", "What a budget buys", how, picture.render(), columns, rows)


def spending_figure(comparison: Comparison) -> Figure | None:
    """Draw the expected best validation score against the seconds of search."""
    found = comparison.bought.time_curves
    if not found:
        return None
    times = [float(t) for c in found.values() for t in (c.seconds[0], c.seconds[-1])]
    x = fit(times, 64, WIDTH - 20, log=True)
    y = fit([float(v) for c in found.values() for v in (c.expected[0], c.expected[-1], c.high[-1])], 316, 24)
    picture = Picture(WIDTH, 366, "Expected best validation score by seconds of search")
    picture.y_axis(y, 58, WIDTH - 20, label="expected best validation accuracy")
    picture.x_axis(x, 322, 24, label="seconds of search (logarithmic)")
    rows = []
    for name, curve in found.items():
        values = zip(curve.seconds, curve.expected, curve.low, curve.high, strict=True)
        rows += [(name, *map(float, row)) for row in values]
        _draw_over(picture, name, curve.seconds, curve, x, y)
    order = "that its search had" if comparison.bought.studies else "that chance may give"
    how = (
        "The same, by time: trials one after another, each counted once it has ended, in the order "
        f"{order}. An architecture whose trainings are quick gets more of them for the same time."
    )
    columns = ("architecture", "seconds", "expected", "low", "high")
    return Figure("spending", "What time buys", how, picture.render(), columns, rows)


def _draw_over(picture: Picture, name: str, at: Any, curve: Any, x: Scale, y: Scale) -> None:
    def path(values: Any, step: int = 1) -> list[str]:
        inside = np.clip(values, y.low, y.high)
        return [f"{number(x(t))},{number(y(v))}" for t, v in zip(at, inside, strict=True)][::step]

    picture.open(class_=css(name), data_a=name)
    picture.add("polygon", points=" ".join(path(curve.high) + path(curve.low, -1)), class_="band")
    title = f"{name}: {curve.expected[-1]:.4f} expected after {at[-1]:.0f}"
    picture.add("polyline", title=title, points=" ".join(path(curve.expected)), class_="line")
    picture.close()
