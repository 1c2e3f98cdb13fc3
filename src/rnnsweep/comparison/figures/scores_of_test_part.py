"""The figures on replicates and verdicts: pairs, test scores, score against parameters."""

from collections import Counter
from collections.abc import Sequence

import altair as alt

from rnnsweep.comparison.evidence.records import VERDICTS, Comparison, Standing, Verdict
from rnnsweep.comparison.evidence.varied import folds_of, say_another
from rnnsweep.comparison.figures.drawing import (
    MINUS,
    PAIRED,
    ROW,
    SOFT,
    VERSUS,
    WIDTH,
    around,
    dotted,
    hues,
    rows_of,
    scores,
    table,
    values,
)
from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.words import apart, say_corrected
from rnnsweep.tasks import Score
from rnnsweep.tasks.score import LOWER

MOST_PAIRS = 300  # drawn; thousands are no picture, and Vega refuses them
_HUES = {"better": "var(--good)", "worse": "var(--bad)", "equivalent": "var(--calm)"}


def bounds(standing: Standing) -> list[float]:
    """Return every natural number of a standing that its bar must show."""
    replicates = [standing.score.turned(one.test) for one in standing.replicates]
    return [*(value for value in standing.natural if value is not None), *replicates]


def say_test(standing: Standing) -> str:
    """Return a test score with its interval in words."""
    test, score = standing.test, standing.score
    words = "no test score yet" if test.mean is None else score.write(test.mean)
    if test.low is not None and test.high is not None:
        ends = score.turned_interval(test.low, test.high)
        words += f", 95 % interval {' to '.join(score.write(score.turned(end)) for end in ends)}"
    return f"{standing.architecture}: {words}"


def pairs_figure(comparison: Comparison) -> Figure | None:
    """Draw each pair's difference with its interval; of very many, those with the best architecture."""
    known = [v for v in comparison.verdicts if v.difference is not None]
    if not known:
        return None
    shown = known if len(known) <= MOST_PAIRS else _with_best(known, comparison.standings)
    score = comparison.score
    margin = score.factor * comparison.margin
    families = Counter(v.baseline for v in comparison.verdicts)
    lower = score.direction == LOWER
    data = table(
        [_pair(v, families[v.baseline]) for v in shown],
        "pair",
        "difference",
        "low",
        "high",
        "verdict",
        "tooltip",
    )
    # a pair of few replicates has no interval, so that a column may hold None alone
    reach = max(float(data[["difference", "low", "high"]].astype(float).abs().max().max()), margin)
    x = alt.X(**values("difference", _drawn(score), of=[-reach, reach]))
    verdicts = alt.Scale(domain=list(VERDICTS), range=[_HUES.get(word, SOFT) for word in VERDICTS])
    colours = alt.Color("verdict:N", scale=verdicts, legend=None)
    names = [_name(v) for v in shown]
    same = "seed and fold" if folds_of(comparison) else "seed"
    base = alt.Chart(data).encode(
        y=rows_of(names, "pair", most=PAIRED), color=colours, description="tooltip:N"
    )
    tolerated = table([(-margin, margin)], "low", "high")
    chart = alt.layer(
        alt.Chart(tolerated).mark_rect(color=SOFT, opacity=0.18).encode(x="low:Q", x2="high:Q"),
        alt.Chart(table([(0.0,)], "difference")).mark_rule(color=SOFT).encode(x="difference:Q"),
        base.mark_bar(height=8, cornerRadius=3, opacity=0.45).encode(x="low:Q", x2="high:Q"),
        base.mark_circle(size=40, opacity=1).encode(x=x),
        base.mark_text(align="left").encode(x=alt.value(WIDTH - 230), text="verdict:N", fill=colours),
    )
    columns = ("a", "b", "difference", "low", "high", "p", "verdict", "replicates_needed", "pairs")
    return Figure(
        name="pairs",
        title="Differences, pair by pair",
        label="Differences of test scores between pairs, with 95 % intervals",
        how=f"Each line is the mean {'advantage of the first' if lower else 'difference'} over replicates"
        f" with the same {same} and its 95 % interval; a "
        "line that keeps clear of the upright at 0 speaks for one side, one inside the grey band "
        f"(±{apart(score, comparison.margin)}) for no difference that matters. The word at the "
        "right also corrects for the number of pairs."
        + (" The numbers have first minus second, so their signs are the opposite." if lower else "")
        + (
            f" Of {len(known):,} pairs {len(shown):,} are drawn; the numbers have all."
            if shown != known
            else ""
        ),
        drawn=chart.properties(
            width=WIDTH - 240, height=alt.Step(ROW), padding={"left": 5, "top": 5, "bottom": 5, "right": 24}
        ),
        columns=columns,
        rows=[
            (v.a, v.b, *v.natural, v.p, v.verdict, v.replicates_needed, v.pairs) for v in comparison.verdicts
        ],
        architectures=(),
    )


def _with_best(verdicts: Sequence[Verdict], standings: Sequence[Standing]) -> list[Verdict]:
    """Return the pairs with the best network, then those against the baseline."""
    best = next((s.architecture for s in standings if not s.baseline), "")
    return [v for v in verdicts if v.baseline or best in (v.a, v.b)][:MOST_PAIRS]


def _drawn(score: Score) -> str:
    """Return what the axis of differences shows: above 0 the first is better, for every score."""
    unit = score.words.removeprefix("of ")  # of a score that another tool measured
    if score.direction == LOWER:
        return f"advantage of the first in {unit} (lower {score.title} is better)"
    return f"difference in {unit} (right: the first is better)"


def _name(verdict: Verdict) -> str:
    """Return the name of a pair's row: of a subtraction only where a subtraction is drawn."""
    return f"{verdict.a}{VERSUS if verdict.score.direction == LOWER else MINUS}{verdict.b}"


def _pair(verdict: Verdict, pairs: int) -> tuple[object, ...]:
    """Return what is drawn of one of so many pairs.

    Differences stay turned, so that right is better for every score.
    """
    turned = (verdict.difference, verdict.low, verdict.high)
    ends = (None if end is None else verdict.score.factor * end for end in turned)
    name = _name(verdict)
    corrected = f" ({say_corrected(pairs)})" if pairs > 1 else ""
    return name, *ends, verdict.verdict, f"{name}: {verdict.sentence}{corrected}"


def replicates_figure(comparison: Comparison) -> Figure | None:
    """Draw every replicate's test score with mean and interval, one row an architecture."""
    shown = [s for s in comparison.standings if s.replicates]
    if not shown:
        return None
    names = tuple(s.architecture for s in shown)
    single = [
        (s.architecture, s.score.turned(r.test), f"{s.architecture}, seed {r.seed}: {s.score.write(r.test)}")
        for s in shown
        for r in s.replicates
    ]
    x = alt.X(
        **scores(comparison.score, "test", "test", of=[v for s in shown for v in bounds(s)], tickCount=7)
    )
    y, colours = rows_of(names), hues(names)
    each = alt.Chart(table(single, "architecture", "test", "tooltip"))
    mixing = (
        "Circles differ by fold, too, so how they mix says little: pairs are compared on the same fold."
        if folds_of(comparison)
        else "Circles of two architectures that mix freely mean that a single run could have come out either"
        " way."
    )
    rings = each.mark_point(size=50, filled=False, strokeWidth=1.6, opacity=1)
    chart = alt.layer(
        *_means([s for s in shown if not s.baseline], y, colours),
        rings.encode(x=x, y=y, color=colours, description="tooltip:N"),
    )
    return Figure(
        name="replicates",
        title="Test scores by replicate",
        label="Test scores of each replicate by architecture",
        how=f"Each small circle is one training with {say_another(comparison)}; the bar is the 95 % interval"
        f" of their mean. {mixing}",
        drawn=chart.properties(width=WIDTH, height=alt.Step(ROW)),
        columns=("architecture", "seed", "test", "run_id"),
        rows=[
            (s.architecture, r.seed, s.score.turned(r.test), r.run_id) for s in shown for r in s.replicates
        ],
        architectures=names,
    )


def _means(standings: Sequence[Standing], y: alt.Y, colours: alt.Color) -> tuple[alt.Chart, ...]:
    """Draw mean test scores as dots on their intervals, lying."""
    rows = [(s.architecture, *s.natural, say_test(s)) for s in standings if s.test.mean is not None]
    base = alt.Chart(table(rows, "architecture", "test", "low", "high", "tooltip"))
    shared = {"y": y, "color": colours, "description": alt.Description("tooltip:N")}
    return (
        base.mark_bar(height=8, cornerRadius=3, opacity=0.45).encode(x="low:Q", x2="high:Q", **shared),
        base.mark_circle(size=40, opacity=1).encode(x="test:Q", **shared),
    )


def parameters_figure(comparison: Comparison) -> Figure | None:
    """Draw scores against the number of parameters: trials small, the mean of replicates large."""
    trials = _scored_trials(comparison)
    means = [s for s in comparison.standings if s.parameters and s.test.mean is not None]
    if not trials and not means:
        return None
    names = tuple(dict.fromkeys([*(t[0] for t in trials), *(s.architecture for s in means)]))
    # trials that never learnt would press everything else into one line
    score = comparison.score
    scores_by_size = sorted((t[2] for t in trials), key=score.turned)
    shown = [
        *scores_by_size[len(scores_by_size) // 10 :],
        *(v for s in means for v in s.natural if v is not None),
    ]
    sizes = [float(t[1]) for t in trials] + [float(s.parameters or 1) for s in means]
    x = alt.X(**values("parameters", "parameters (logarithmic)", of=sizes, log=True))
    y = alt.Y(**scores(score, "score", "", of=shown))
    colours = hues(names)
    rows = [
        (s.architecture, s.parameters, *s.natural, f"{s.architecture}: {s.parameters:,.0f} parameters, test"
         f" {score.write(s.test.mean)}")
        for s in means
    ]  # fmt: skip
    base = alt.Chart(table(rows, "architecture", "parameters", "score", "low", "high", "tooltip"))
    large = base.encode(x=x, color=colours, description="tooltip:N")
    dots = [(a, n, v, f"{a}: trial of {n:,} parameters, validation {v:.4f}") for a, n, v, _ in trials]
    small = table(dots, "architecture", "parameters", "score", "tooltip")
    low, high = around(shown)
    hidden = sum(not low <= value <= high for value in scores_by_size)
    return Figure(
        name="parameters",
        title="Score against parameters",
        label="Scores against the number of parameters",
        how="Small dots are trials of the search (validation), large ones the mean test score of the chosen "
        "configuration with its interval: what lies higher and further left gets more from fewer parameters."
        + (f" {hidden} {'trial' if hidden == 1 else 'trials'} scored outside the frame." if hidden else ""),
        drawn=alt.layer(
            dotted(small, x, y, colours),
            large.mark_rule(strokeWidth=1.8).encode(y="low:Q", y2="high:Q"),
            large.mark_circle(size=113, opacity=1).encode(y=y),
        ).properties(width=WIDTH, height=300),
        columns=("architecture", "parameters", "validation", "run_id"),
        rows=trials,
        architectures=names,
    )


def _scored_trials(comparison: Comparison) -> list[tuple[str, int, float, str]]:
    runs = comparison.runs
    scored = runs[(runs["role"] == "trial") & (runs["state"] == "complete") & runs["validation"].notna()]
    scored = scored[scored["parameters"].notna()].sort_values("architecture", kind="stable")
    columns = (scored[c] for c in ("architecture", "parameters", "validation", "run_id"))
    return [(str(a), int(p), float(v), str(r)) for a, p, v, r in zip(*columns, strict=True)]
