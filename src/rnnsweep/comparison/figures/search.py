"""The figures on the search: trials' scores, importances, what trials and time buy."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.records import Comparison
from rnnsweep.comparison.figures.curves import BAR, lines
from rnnsweep.comparison.figures.drawing import ROW, WIDTH, around, hues, rows_of, scores, table, values
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.trials import last_attempts
from rnnsweep.tasks import Score

THIN = 5  # pixels of an architecture's bar, where there are many
MANY = 20  # architectures
BETWEEN = 15  # pixels between the bars of two settings
ENOUGH = 20  # complete trials: of fewer the importance of a setting is rough


def trials_figure(comparison: Comparison) -> Figure | None:
    """Draw box plots of all complete trials and of the best tenth, one row an architecture."""
    trials = last_attempts(comparison.runs[comparison.runs["role"] == "trial"])
    done = trials[(trials["state"] == "complete") & trials["validation"].notna()]
    score = comparison.score
    rows = [row for a, g in done.groupby("architecture") for row in _boxes(str(a), g["validation"], score)]
    if not rows:
        return None
    order = {s.architecture: i for i, s in enumerate(comparison.standings)}
    rows.sort(key=lambda row: (order.get(row[0], 99), row[1]))
    names = tuple(dict.fromkeys(row[0] for row in rows))
    columns = ("architecture", "trials", "count", "worst", "lower_quarter", "median", "upper_quarter", "best")
    every = [
        (*row, f"{row[0]}: {row[2]} trials, median {row[5]:.4f}, best {row[7]:.4f}") for row in rows[::2]
    ]
    tenth = [(*row, f"{row[0]}: best tenth from {row[3]:.4f} to {row[7]:.4f}") for row in rows[1::2]]
    every_value = [v for row in rows for v in row[3:]]
    x = alt.X(**scores(score, "median", "validation", of=every_value, tickCount=7))
    shared = {"y": rows_of(names), "color": hues(names), "description": alt.Description("tooltip:N")}
    whole = alt.Chart(table(every, *columns, "tooltip")).encode(**shared)
    best = alt.Chart(table(tenth, *columns, "tooltip")).encode(**shared)
    middle = whole.encode(x="lower_quarter:Q", x2="upper_quarter:Q")
    if all(row[2] == 1 for row in tenth):
        filled, overlap = "thick line at its end the best one", "thick lines close together"
    else:
        filled, overlap = "filled one the best tenth", "filled boxes that overlap"
    return Figure(
        name="trials",
        title="What the searches found",
        label="Validation scores of the trials of each search",
        how="The thin box holds the middle half of all complete trials (whiskers: worst and best), the "
        f"{filled}: a wide thin box means that the architecture needs its settings searched, {overlap} that "
        "the searches found about equally good settings.",
        drawn=alt.layer(
            whole.mark_rule().encode(x="worst:Q", x2="best:Q"),
            middle.mark_bar(height=16, filled=False, strokeWidth=1.4),
            whole.mark_tick(thickness=1.8, height=16).encode(x=x),
            best.mark_bar(height=8, opacity=0.45, strokeWidth=2).encode(
                x="worst:Q",
                x2="best:Q",
                stroke=hues(names),  # also where both are one trial
            ),
        ).properties(width=WIDTH, height=alt.Step(ROW)),
        columns=columns,
        rows=rows,
        architectures=names,
    )


def _boxes(architecture: str, values: "pd.Series[Any]", score: Score) -> list[tuple[Any, ...]]:
    """Return worst, quarters, median and best of all values and of the best tenth, in natural values."""
    turned = np.sort(score.turned(values.to_numpy(dtype=float)))
    parts = (("all", turned), ("best tenth", turned[-max(1, len(turned) // 10) :]))
    return [
        (architecture, name, len(v), *map(float, score.turned(np.percentile(v, [0, 25, 50, 75, 100]))))
        for name, v in parts
    ]


def importance_figure(comparison: Comparison) -> Figure | None:
    """Draw the share of each parameter, grouped by parameter, one bar an architecture."""
    shares = comparison.importances
    if not shares:
        return None
    rows = [(name, key, share) for name, own in shares.items() for key, share in own.items()]
    data = table([(*row, f"{row[0]}: {row[1]}, {100 * row[2]:.0f} %") for row in rows], *_SHARES, "tooltip")
    data["share"] *= 100
    totals = data.groupby("parameter")["share"].sum().sort_values(ascending=False)
    names = tuple(shares)
    bar = BAR if len(names) <= MANY else THIN
    gap = BETWEEN / (BETWEEN + bar * len(names))
    y = rows_of([str(key) for key in totals.index], "parameter", most=28, gap=gap)
    x = alt.X(**values("share", "share of the importance (%)", domain=(0, 100)))
    method = f" (computed by {comparison.importance_method})" if comparison.importance_method else ""
    return Figure(
        name="importance",
        title="Which settings mattered",
        label="Importance of each parameter by architecture",
        how="The longer the bar, the more the validation scores of the trials depended on the "
        f"parameter{method}: search the long ones with care, and leave the short ones alone."
        f"{_say_few(comparison)}{_say_left_out(comparison)}",
        drawn=alt.Chart(data)
        .mark_bar(height=bar - bar // 5)
        .encode(
            x=x,
            y=y,
            yOffset=alt.YOffset("architecture:N", sort=list(names)),
            color=hues(names),
            description="tooltip:N",
        )
        .properties(width=WIDTH - 60, height={"step": bar, "for": "offset"}),
        columns=_SHARES,
        rows=rows,
        architectures=names,
    )


_SHARES = ("architecture", "parameter", "share")


def _say_few(comparison: Comparison) -> str:
    """Return how few trials the importances are of, where they are few."""
    own = [s for s in comparison.standings if s.architecture in comparison.importances]
    complete = [s.trials["complete"] for s in own] or [
        sum(s.trials["complete"] for s in comparison.standings)
    ]
    fewest, most = min(complete), max(complete)
    if fewest >= ENOUGH:
        return ""
    number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return (
        f" They are of {number} complete trials: with so few, only large differences of bars say something."
    )


def _say_left_out(comparison: Comparison) -> str:
    """Return which searches have no importances; where none has its own, all are taken together."""
    own = {s.architecture: s.trials["complete"] for s in comparison.standings if not s.baseline}
    left_out = [f"{name} ({own[name]})" for name in own if name not in comparison.importances]
    if not left_out or len(left_out) == len(own):
        return ""
    return f" Left out, with too few complete trials or equal scores: {', '.join(left_out)}."


def budget_figure(comparison: Comparison) -> Figure | None:
    """Draw the expected best validation score against the number of trials."""
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
    return _bought(
        comparison, comparison.bought.curves, "trials", name="budget", title="What a budget buys", how=how
    )


def spending_figure(comparison: Comparison) -> Figure | None:
    """Draw the expected best validation score against the seconds of search."""
    order = "that its search had" if comparison.bought.studies else "that chance may give"
    how = (
        "The same, by time: trials one after another, each counted once it has ended, in the order "
        f"{order}. An architecture whose trainings are quick gets more of them for the same time."
    )
    return _bought(
        comparison, comparison.bought.time_curves, "seconds", name="spending", title="What time buys", how=how
    )


_SPENT = {"trials": "number of trials", "seconds": "seconds of search"}


def _bought(
    comparison: Comparison, curves: Any, spent: str, *, name: str, title: str, how: str
) -> Figure | None:
    if not curves:
        return None
    columns = ("architecture", spent, "expected", "low", "high")
    score = comparison.score
    rows = [
        (architecture, float(at), *map(float, score.turned(np.array(row))))
        for architecture, c in curves.items()
        for at, *row in zip(getattr(c, spent), c.expected, c.low, c.high, strict=True)
    ]
    tooltip = {
        a: f"{a}: {score.write(c.expected[-1])} expected after {getattr(c, spent)[-1]:.0f}"
        for a, c in curves.items()
    }
    data = table(rows, *columns)
    log = spent == "seconds"
    x = alt.X(
        **values(
            spent,
            "seconds of search (logarithmic)" if log else spent,
            domain=around(data[spent], log=log),
            log=log,
        )
    )
    ends = [float(v) for c in curves.values() for v in (c.expected[0], c.expected[-1], c.high[-1])]
    y = alt.Y(**scores(score, "expected", "expected best validation", of=map(score.turned, ends)))
    return Figure(
        name=name,
        title=title,
        label=f"Expected best validation score by {_SPENT[spent]}",
        how=how,
        drawn=lines(data.assign(tooltip=data["architecture"].map(tooltip)), x, y, hues(curves)),
        columns=columns,
        rows=rows,
        architectures=tuple(curves),
    )
