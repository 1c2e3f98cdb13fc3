"""The standings and the verdicts as Markdown and as LaTeX (booktabs)."""

from collections.abc import Callable, Sequence

from rnnsweep.comparison.evidence.records import OUTCOMES, Comparison, Standing, Verdict
from rnnsweep.comparison.trials import INFEASIBLE
from rnnsweep.comparison.words import DASH, P_ON_NEW_ROWS, P, interval
from rnnsweep.tasks.score import LOWER

STANDING_HEADS = (
    "architecture",
    "test",
    "95 % interval",
    "replicates",
    "best validation",
    "complete / pruned / failed",
    "parameters",
    "seconds",
    "samples/s",
)
CENTRE_HEADS = (
    *("architecture", "mean", "interval", "median", "interval", "interquartile mean", "interval"),
    *("spread", "worst", "best"),
)
VERDICT_HEADS = (
    *("pair", "verdict", "difference", "95 % interval", P),
    *("on new rows", P_ON_NEW_ROWS, "P(A>B)"),
)


def decimal(value: float | None, digits: int = 4) -> str:
    """Write a number with fixed digits, or a dash."""
    return DASH if value is None or value != value else f"{value:.{digits}f}"


def whole(value: float | None) -> str:
    """Write a whole number with thousands apart, or a dash."""
    return DASH if value is None or value != value else f"{value:,.0f}"


def standing_cells(standing: Standing) -> list[str]:
    """Return the cells of one row of the standings, under STANDING_HEADS."""
    test = standing.test
    single = standing.baseline and test.replicates < 2
    counts = " / ".join(map(str, standing.trials.values())) if any(standing.trials.values()) else DASH
    trials = DASH if standing.baseline else counts
    return [
        standing.architecture,
        standing.score.write(test.mean),
        interval(test.low, test.high, score=standing.score),
        DASH if single else str(test.replicates),
        standing.score.write(standing.validation),
        trials,
        whole(standing.parameters),
        decimal(standing.seconds, 1),
        whole(standing.samples_per_second),
    ]


def outcomes_of(standings: Sequence[Standing]) -> list[str]:
    """Return how trials ended, in the order of their column; infeasible is among them where one was."""
    return [*OUTCOMES, INFEASIBLE] if any(INFEASIBLE in s.spent for s in standings) else list(OUTCOMES)


def initials(standings: Sequence[Standing]) -> str:
    """Return the short head of the trials' column: ``c/p/f``."""
    return "/".join(outcome[0] for outcome in outcomes_of(standings))


def say_columns(standings: Sequence[Standing], heads: Sequence[str]) -> str:
    """Return what the columns of the standings from the validation score on are; `heads` are their names."""
    known = [n for n in known_columns(standings, [*map(standing_cells, standings)]) if n < len(heads)]
    *others, last = outcomes_of(standings)
    kept = any(s.baseline and s.parameters is not None and s.seconds is None for s in standings)
    cached = "; no seconds of the baseline, whose fits were read from the cache" if kept else ""
    meanings = {
        (4,): "the best trial of the search, whose configuration the replicates repeat;"
        " of the baseline, its fit on the same split",
        (5,): f"trials that are {', '.join(others)} and {last}",
        (6, 7, 8): f"means over the replicates; of the best trial where there are none{cached}",
    }
    said = [(", ".join(heads[n] for n in which if n in known), what) for which, what in meanings.items()]
    return " ".join(f"{names}: {what}." for names, what in said if names)


def known_columns(standings: Sequence[Standing], rows: Sequence[Sequence[object]]) -> list[int]:
    """Return which columns of the standings some network has a value in; scores of other tools fill few."""
    own = [row for one, row in zip(standings, rows, strict=True) if not one.baseline] or list(rows)
    return [n for n, cells in enumerate(zip(*own, strict=True)) if any(cell != DASH for cell in cells)]


def standings_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the heads of the standings and the cells under them, without empty columns."""
    rows = [standing_cells(s) for s in comparison.standings]
    known = known_columns(comparison.standings, rows)
    return [STANDING_HEADS[n] for n in known], [[row[n] for n in known] for row in rows]


def centre_cells(standing: Standing) -> list[str]:
    """Return the cells of one row of means, medians and interquartile means, under CENTRE_HEADS."""
    test, score = standing.test, standing.score
    scores = [r.test for r in standing.replicates]
    cells = [standing.architecture, score.write(test.mean), interval(test.low, test.high, score=score)]
    for statistic in (test.median, test.interquartile_mean):
        cells += (
            [DASH, DASH]
            if statistic is None
            else [score.write(statistic.estimate), interval(statistic.low, statistic.high, score=score)]
        )
    worst, best = (score.write(end(scores)) if scores else DASH for end in (min, max))
    return [*cells, decimal(test.spread), worst, best]


def verdict_cells(verdict: Verdict) -> list[str]:
    """Return the cells of one pair, under VERDICT_HEADS."""
    natural = verdict.natural[0]
    difference = DASH if natural is None else f"{natural:+.4f}"
    return [
        f"{verdict.a} : {verdict.b}",
        verdict.verdict,
        difference,
        interval(verdict.low, verdict.high, score=verdict.score, sign=True),
        decimal(verdict.p),
        DASH
        if verdict.new_rows is None
        else interval(verdict.new_rows.low, verdict.new_rows.high, score=verdict.score, sign=True),
        decimal(verdict.new_rows.p) if verdict.new_rows else DASH,
        decimal(verdict.improvement.estimate, 2) if verdict.improvement else DASH,
    ]


def standings_markdown(comparison: Comparison) -> str:
    """Write the standings as a Markdown table, numbers to the right."""
    return _markdown(*standings_rows(comparison), left=1)


def _verdict_heads(comparison: Comparison) -> list[str]:
    """Return VERDICT_HEADS; of a score whose lower values are better, with what a sign then means."""
    lower = comparison.score.direction == LOWER
    return [f"{head} (lower is better)" if lower and head == "difference" else head for head in VERDICT_HEADS]


def verdicts_markdown(comparison: Comparison) -> str:
    """Write the verdicts as a Markdown table."""
    return _markdown(_verdict_heads(comparison), [verdict_cells(v) for v in comparison.verdicts], left=2)


def standings_latex(comparison: Comparison) -> str:
    """Write the standings as a LaTeX tabular; needs the package booktabs."""
    return _latex(*standings_rows(comparison), left=1)


def verdicts_latex(comparison: Comparison) -> str:
    """Write the verdicts as a LaTeX tabular; needs the package booktabs."""
    return _latex(_verdict_heads(comparison), [verdict_cells(v) for v in comparison.verdicts], left=2)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    rule = ["---" if i < left else "---:" for i in range(len(heads))]
    escape: Callable[[str], str] = lambda cell: cell.replace("|", "\\|")  # noqa: E731
    lines = ["| " + " | ".join(map(escape, row)) + " |" for row in (heads, rule, *rows)]
    return "\n".join(lines) + "\n"


_SPECIAL = {DASH: "--", ">": r"\textgreater{}", "<": r"\textless{}"}  # what pandas leaves as it is


def _latex(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    import pandas as pd

    columns = "l" * left + "r" * (len(heads) - left)
    frame = pd.DataFrame(list(rows), columns=pd.Index(heads), dtype=object)
    text: str = frame.to_latex(index=False, escape=True, column_format=columns)
    return "".join(_SPECIAL.get(c, c) for c in text)
