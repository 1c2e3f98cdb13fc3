"""The figures on replicates and verdicts: standings' bars, pairs, test scores, score against parameters."""

from collections.abc import Iterable, Sequence

from rnnsweep.comparison.figures.figure import Figure
from rnnsweep.comparison.figures.svg import Picture, Scale, fit, number, shorten
from rnnsweep.comparison.verdicts.records import Comparison, Standing, TestScore, Verdict
from rnnsweep.comparison.verdicts.sentences import apart

WIDTH = 720
LEFT = 150
ROW = 26
NAMED, PAIRED = 17, 15  # characters of a name that there is room for, alone and in a pair


def bounds(standing: Standing) -> list[float]:
    """Every number of a standing that its bar must show."""
    test = standing.test
    known = [test.mean, test.low, test.high, *(r.test for r in standing.replicates)]
    return [v for v in known if v is not None]


def standing_bars(standings: Sequence[Standing]) -> dict[str, str]:
    """Give a small SVG for each row of the standings: interval and mean, all on one scale."""
    scale = fit(
        [v for s in standings for v in (s.test.mean, s.test.low, s.test.high) if v is not None], 4, 176
    )
    linear = next((s.test.mean for s in standings if s.baseline), None)
    return {s.architecture: _bar(s, scale, linear) for s in standings}


def _bar(standing: Standing, scale: Scale, linear: float | None) -> str:
    test = standing.test
    words = f"{test.mean:.4f}" if test.mean is not None else "no test score yet"
    if test.low is not None and test.high is not None:
        words += f", 95 % interval {test.low:.4f} to {test.high:.4f}"
    picture = Picture(180, 18, f"{standing.architecture}: {words}")
    if linear is not None:
        x = number(scale(linear))
        picture.add("line", x1=x, x2=x, y1=0, y2=18, class_="linear")
    if test.mean is not None:
        mark(picture, test.mean, test.low, test.high, scale, 9, title=f"{standing.architecture}: {words}")
    return picture.render()


def mark(
    picture: Picture,
    mean: float,
    low: float | None,
    high: float | None,
    scale: Scale,
    y: float,
    *,
    title: str,
) -> None:
    """Draw a mean as a dot on its interval, lying."""
    if low is not None and high is not None:
        x = number(scale(low))
        wide = number(max(scale(high) - scale(low), 1))
        picture.add("rect", title=title, x=x, y=number(y - 4), width=wide, height=8, rx=3, class_="interval")
    picture.add("circle", title=title, cx=number(scale(mean)), cy=number(y), r=3.5, class_="dot")


def pairs_figure(comparison: Comparison) -> Figure | None:
    """Draw each pair's difference with its interval."""
    shown = [v for v in comparison.verdicts if v.difference is not None]
    if not shown:
        return None
    reach = max(abs(x) for v in shown for x in (v.low, v.high, v.difference) if x is not None)
    scale = fit([-reach, reach], 250, WIDTH - 130)
    height = ROW * len(shown) + 56
    picture = Picture(WIDTH, height, "Differences of test scores between pairs, with 95 % intervals")
    floor = height - 44.0
    picture.x_axis(
        _percent(scale),
        floor,
        4,
        label=f"difference in {comparison.score.words} (right: the first is better)",
    )
    band = scale(comparison.margin) - scale(-comparison.margin)
    picture.add(
        "rect",
        x=number(scale(-comparison.margin)),
        y=4,
        width=number(band),
        height=floor - 4,
        class_="margin",
    )
    zero = number(scale(0))
    picture.add("line", x1=zero, x2=zero, y1=4, y2=floor, class_="zero")
    for i, verdict in enumerate(shown):
        _pair_row(picture, verdict, scale, ROW * i + 18)
    columns = ("a", "b", "difference", "low", "high", "p", "verdict", "replicates_needed", "pairs")
    rows = [[getattr(v, c) for c in columns] for v in comparison.verdicts]
    how = (
        "Each line is the mean difference over replicates with the same seed and its 95 % interval; a line "
        "that keeps clear of the upright at 0 speaks for one side, one inside the grey band "
        f"(±{apart(comparison.score, comparison.margin)}) for no difference that matters. The word at the "
        "right also corrects for the number of pairs."
    )
    return Figure("pairs", "Differences, pair by pair", how, picture.render(), columns, rows)


def _percent(scale: Scale) -> Scale:
    return Scale(100 * scale.low, 100 * scale.high, scale.start, scale.end)


def _pair_row(picture: Picture, verdict: Verdict, scale: Scale, y: float) -> None:
    kind = verdict.verdict.replace(" ", "-")
    picture.open(class_=f"pair {kind}", data_a=verdict.a, data_b=verdict.b)
    name = " − ".join(shorten(who, PAIRED) for who in (verdict.a, verdict.b))
    picture.add(
        "text", name, title=f"{verdict.a} − {verdict.b}", x=238, y=y + 4, class_="name", text_anchor="end"
    )
    difference = verdict.difference or 0.0
    mark(picture, difference, verdict.low, verdict.high, scale, y, title=verdict.sentence)
    picture.add("text", verdict.verdict, x=WIDTH - 120, y=y + 4, class_="word")
    picture.close()


def replicates_figure(comparison: Comparison) -> Figure | None:
    """Draw every replicate's test score with mean and interval, one row an architecture."""
    shown = [s for s in comparison.standings if s.replicates]
    if not shown:
        return None
    scale = fit([v for s in shown for v in bounds(s)], LEFT, WIDTH - 20)
    height = ROW * len(shown) + 56
    picture = Picture(WIDTH, height, "Test scores of each replicate by architecture")
    floor = height - 44.0
    picture.x_axis(scale, floor, 4, label="test accuracy", count=7)
    for i, standing in enumerate(shown):
        _replicate_row(picture, standing, scale, ROW * i + 18)
    rows = [(s.architecture, r.seed, r.test, r.run_id) for s in shown for r in s.replicates]
    how = (
        "Each small circle is one training with another seed, the bar the 95 % interval of their mean: "
        "circles of two architectures that mix freely mean that a single run could have come out either way."
    )
    columns = ("architecture", "seed", "test", "run_id")
    return Figure("replicates", "Test scores by replicate", how, picture.render(), columns, rows)


def _replicate_row(picture: Picture, standing: Standing, scale: Scale, y: float) -> None:
    picture.open(class_=css(standing.architecture), data_a=standing.architecture)
    write_name(picture, standing.architecture, y)
    test = standing.test
    if test.mean is not None and not standing.baseline:
        title = f"{standing.architecture}: mean {test.mean:.4f} of {test.replicates}"
        mark(picture, test.mean, test.low, test.high, scale, y, title=title)
    for replicate in standing.replicates:
        title = f"{standing.architecture}, seed {replicate.seed}: {replicate.test:.4f}"
        x = number(scale(replicate.test))
        picture.add("circle", title=title, cx=x, cy=number(y), r=4, class_="ring")
    picture.close()


def write_name(picture: Picture, name: str, y: float) -> None:
    """Write an architecture's name at the left of its row, shortened where there is no room for it."""
    shown = shorten(name, NAMED)
    picture.add("text", shown, title=name, x=LEFT - 10, y=y + 4, class_="name", text_anchor="end")


def css(architecture: str) -> str:
    """Give the class that carries an architecture's colour."""
    return "a-" + "".join(c if c.isalnum() else "-" for c in architecture)


def parameters_figure(comparison: Comparison) -> Figure | None:
    """Draw scores against the number of parameters: trials small, the mean of replicates large."""
    trials = _scored_trials(comparison)
    means = [
        (s.architecture, s.parameters, s.test)
        for s in comparison.standings
        if s.parameters and s.test.mean is not None
    ]
    if not trials and not means:
        return None
    sizes = [float(t[1]) for t in trials] + [float(p) for _, p, _ in means]
    # trials that never learnt would press everything else into one line
    scores = sorted(t[2] for t in trials)
    kept = scores[len(scores) // 10 :] + [
        m for _, _, t in means for m in (t.mean, t.low, t.high) if m is not None
    ]
    x, y = fit(sizes, 64, WIDTH - 20, log=True), fit(kept, 316, 24)
    picture = Picture(WIDTH, 366, "Scores against the number of parameters")
    picture.y_axis(y, 58, WIDTH - 20, label="accuracy")
    picture.x_axis(x, 322, 24, label="parameters (logarithmic)")
    hidden = _draw_trials(picture, trials, x, y)
    for name, size, test in means:
        _draw_mean(picture, name, float(size or 1), test, x, y)
    how = (
        "Small dots are trials of the search (validation), large ones the mean test score of the chosen "
        "configuration with its interval: what lies higher and further left gets more from fewer parameters."
        + (f" {hidden} trials scored below the frame." if hidden else "")
    )
    columns = ("architecture", "parameters", "validation", "run_id")
    return Figure("parameters", "Score against parameters", how, picture.render(), columns, trials)


def _scored_trials(comparison: Comparison) -> list[tuple[str, int, float, str]]:
    runs = comparison.runs
    kept = runs[(runs["role"] == "trial") & (runs["state"] == "complete") & runs["validation"].notna()]
    kept = kept[kept["parameters"].notna()].sort_values("architecture", kind="stable")
    columns = (kept[c] for c in ("architecture", "parameters", "validation", "run_id"))
    return [(str(a), int(p), float(v), str(r)) for a, p, v, r in zip(*columns, strict=True)]


def _draw_trials(picture: Picture, trials: Iterable[tuple[str, int, float, str]], x: Scale, y: Scale) -> int:
    """One path an architecture, a dot being a line of no length: 10,000 trials stay small."""
    paths: dict[str, list[str]] = {}
    hidden = 0
    for name, size, score, _ in trials:
        if score < y.low:
            hidden += 1
            continue
        paths.setdefault(name, []).append(f"M{number(x(size))} {number(y(score))}h0")
    for name, path in paths.items():
        picture.add("path", d="".join(path), class_=f"trials {css(name)}", data_a=name)
    return hidden


def _draw_mean(picture: Picture, name: str, size: float, test: TestScore, x: Scale, y: Scale) -> None:
    at = number(x(size))
    picture.open(class_=css(name), data_a=name)
    if test.low is not None and test.high is not None:
        picture.add("line", x1=at, x2=at, y1=number(y(test.low)), y2=number(y(test.high)), class_="whisker")
    mean = test.mean or 0.0
    title = f"{name}: {size:,.0f} parameters, test {mean:.4f}"
    picture.add("circle", title=title, cx=at, cy=number(y(mean)), r=6, class_="dot")
    picture.close()
