"""The standings and the verdicts as Markdown and as LaTeX (booktabs)."""

from collections.abc import Callable, Sequence

from rnnsweep.comparison.verdicts.records import Comparison, Standing, Verdict

DASH = "–"
STANDING_HEADS = (
    "architecture",
    "test",
    "95 % interval",
    "replicates",
    "validation",
    "complete / pruned / failed",
    "parameters",
    "seconds",
    "samples/s",
)
CENTRE_HEADS = (
    *("architecture", "mean", "interval", "median", "interval", "interquartile mean", "interval"),
    *("spread", "worst", "best"),
)
VERDICT_HEADS = ("pair", "verdict", "difference", "95 % interval", "p (Holm)", "P(A>B)", "further replicates")


def decimal(value: float | None, digits: int = 4) -> str:
    """Write a number with fixed digits, or a dash."""
    return DASH if value is None or value != value else f"{value:.{digits}f}"


def whole(value: float | None) -> str:
    """Write a whole number with thousands apart, or a dash."""
    return DASH if value is None or value != value else f"{value:,.0f}"


def interval(low: float | None, high: float | None, *, sign: bool = False) -> str:
    """Write an interval, or a dash where it is withheld."""
    if low is None or high is None:
        return DASH
    return f"{low:+.4f} to {high:+.4f}" if sign else f"{low:.4f} to {high:.4f}"


def standing_cells(standing: Standing) -> list[str]:
    """Give the cells of one row of the standings, under STANDING_HEADS."""
    test = standing.test
    trials = "one fit" if standing.baseline else " / ".join(map(str, standing.trials.values()))
    return [
        standing.architecture,
        decimal(test.mean),
        interval(test.low, test.high),
        DASH if standing.baseline else str(test.replicates),
        decimal(standing.validation),
        trials,
        whole(standing.parameters),
        decimal(standing.seconds, 1),
        whole(standing.samples_per_second),
    ]


def centre_cells(standing: Standing) -> list[str]:
    """Give the cells of one row of means, medians and interquartile means, under CENTRE_HEADS."""
    test = standing.test
    scores = [r.test for r in standing.replicates]
    cells = [standing.architecture, decimal(test.mean), interval(test.low, test.high)]
    for found in (test.median, test.interquartile_mean):
        cells += [DASH, DASH] if found is None else [decimal(found.estimate), interval(found.low, found.high)]
    worst, best = (decimal(end(scores)) if scores else DASH for end in (min, max))
    return [*cells, decimal(test.spread), worst, best]


def verdict_cells(verdict: Verdict) -> list[str]:
    """Give the cells of one pair, under VERDICT_HEADS."""
    difference = DASH if verdict.difference is None else f"{verdict.difference:+.4f}"
    needed = verdict.replicates_needed
    return [
        f"{verdict.a} : {verdict.b}",
        verdict.verdict,
        difference,
        interval(verdict.low, verdict.high, sign=True),
        decimal(verdict.p),
        decimal(verdict.improvement.estimate, 2) if verdict.improvement else DASH,
        DASH if needed is None else str(needed),
    ]


def standings_markdown(comparison: Comparison) -> str:
    """Write the standings as a Markdown table, numbers to the right."""
    return _markdown(STANDING_HEADS, [standing_cells(s) for s in comparison.standings], left=1)


def verdicts_markdown(comparison: Comparison) -> str:
    """Write the verdicts as a Markdown table."""
    return _markdown(VERDICT_HEADS, [verdict_cells(v) for v in comparison.verdicts], left=2)


def standings_latex(comparison: Comparison) -> str:
    """Write the standings as a LaTeX tabular; needs the package booktabs."""
    return _latex(STANDING_HEADS, [standing_cells(s) for s in comparison.standings], left=1)


def verdicts_latex(comparison: Comparison) -> str:
    """Write the verdicts as a LaTeX tabular; needs the package booktabs."""
    return _latex(VERDICT_HEADS, [verdict_cells(v) for v in comparison.verdicts], left=2)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    rule = ["---" if i < left else "---:" for i in range(len(heads))]
    escape: Callable[[str], str] = lambda cell: cell.replace("|", "\\|")  # noqa: E731
    lines = ["| " + " | ".join(map(escape, row)) + " |" for row in (heads, rule, *rows)]
    return "\n".join(lines) + "\n"


_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    DASH: "--",
    ">": r"\textgreater{}",
    "<": r"\textless{}",
}


def _latex(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_SPECIAL.get(c, c) for c in cell) for cell in cells) + r" \\"

    columns = "l" * left + "r" * (len(heads) - left)
    body = [line(row) for row in rows]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line(heads),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )
