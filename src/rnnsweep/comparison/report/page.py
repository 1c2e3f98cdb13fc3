"""The report: one HTML file that needs no network, with everything behind every figure in it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from rnnsweep.comparison.evidence.derived import say_derived
from rnnsweep.comparison.evidence.reads_of_test_part import TestReads, say_reads
from rnnsweep.comparison.evidence.records import OUTCOMES, Comparison, Spent, Standing
from rnnsweep.comparison.evidence.varied import folds_of, say_another
from rnnsweep.comparison.figures import scores_of_test_part, search as search_charts
from rnnsweep.comparison.figures.curves import curves_figure
from rnnsweep.comparison.figures.drawing import around, css
from rnnsweep.comparison.figures.figure import Figure, data_link, to_csv
from rnnsweep.comparison.figures.front import front_figure
from rnnsweep.comparison.figures.marginals import marginals_figure
from rnnsweep.comparison.mistakes import Example, Mistakes
from rnnsweep.comparison.predictions import majority_score
from rnnsweep.comparison.report import tables
from rnnsweep.comparison.report.standings import colours_of
from rnnsweep.comparison.report.templating import fill, write_whole
from rnnsweep.comparison.statistics.time_curves import say_spending
from rnnsweep.comparison.trials import INFEASIBLE
from rnnsweep.comparison.verdicts.answers import say_stop
from rnnsweep.comparison.verdicts.coverage import say_test_part
from rnnsweep.comparison.verdicts.sentences import gather_remarks, say_aside, say_claim, say_few, say_rule
from rnnsweep.comparison.words import apart, say_corrected
from rnnsweep.safety.shell import command_line
from rnnsweep.tasks import spec_of

_RUN_COLUMNS = (
    "run_id",
    "role",
    "architecture",
    "trial",
    "state",
    "seed",
    "validation",
    "test",
    "parameters",
    "seconds",
    "epochs",
)


CONFUSION_COLUMNS = ("architecture", "true", "predicted", "count")


def write_report(comparison: Comparison, path: Path | str) -> Path:
    """Write the report and give its path. An older one is replaced as a whole or not at all.

    Raises:
        OSError: the folder cannot be written to.
    """
    return write_whole(Path(path), render_report(comparison))


def render_report(comparison: Comparison) -> str:
    """Return the report as text."""
    return fill(
        "report.html.j2",
        comparison=comparison,
        bars=_bars(comparison.standings),
        figures={f.name: f for f in figures(comparison)},
        tables=tables,
        cells_of=[tables.standing_cells(s) for s in comparison.standings],
        command_line=command_line,
        networks=[s for s in comparison.standings if not s.baseline],
        audit=[_audit(s) for s in comparison.standings if not s.baseline],
        colours=colours_of(comparison),
        css=css,
        svg=Markup,
        centres=[s for s in comparison.standings if s.test.median],
        few=say_few(comparison.standings),
        apart=apart,
        baseline=spec_of(comparison.score).baseline,
        say_aside=say_aside,
        rule=say_rule(comparison.verdicts),
        folds=folds_of(comparison),
        another=say_another(comparison),
        claim=say_claim(comparison.verdicts),
        say_corrected=say_corrected,
        say_stop=say_stop,
        say_test_part=say_test_part,
        majority=majority_score(comparison.test_part),
        reads=_say_times(comparison.test_reads),
        derived=say_derived(comparison.standings),
        health=gather_remarks(comparison.health),
        spending=say_spending(comparison.bought.time_curves),
        confusions=_confusions(comparison.mistakes),
        confusion_link=data_link(confusion_csv(comparison.mistakes)),
        examples=_examples(comparison.mistakes),
        markdown=tables.standings_markdown(comparison) + "\n" + tables.verdicts_markdown(comparison),
        latex=tables.standings_latex(comparison) + "\n" + tables.verdicts_latex(comparison),
        runs_link=data_link(runs_csv(comparison.runs)),
        json_text=json.dumps(comparison.to_json(), indent=1),
    )


def _bars(standings: Sequence[Standing]) -> dict[str, dict[str, Any]]:
    """Return where each interval and mean lies, in percent of one scale for all rows."""
    known = [v for s in standings for v in (s.test.mean, s.test.low, s.test.high) if v is not None]
    low, high = around(known or (0.0, 1.0))

    def place(value: float | None) -> float | None:
        return None if value is None else 100 * (value - low) / (high - low)

    linear = place(next((s.test.mean for s in standings if s.baseline), None))
    return {
        s.architecture: {
            "tooltip": scores_of_test_part.say_test(s),
            "mean": place(s.test.mean),
            "low": place(s.test.low),
            "high": place(s.test.high),
            "linear": linear,
        }
        for s in standings
    }


def charts(comparison: Comparison) -> dict[str, Any]:
    """Return the report's charts as Vega-Altair's own objects by name, as for a notebook."""
    return {figure.name: figure.chart for figure in figures(comparison)}


def figures(comparison: Comparison) -> list[Figure]:
    """Draw the figures that the records allow."""
    drawn = (
        scores_of_test_part.pairs_figure(comparison),
        scores_of_test_part.replicates_figure(comparison),
        front_figure(comparison),
        scores_of_test_part.parameters_figure(comparison),
        curves_figure(comparison),
        search_charts.trials_figure(comparison),
        search_charts.importance_figure(comparison),
        marginals_figure(comparison),
        search_charts.budget_figure(comparison),
        search_charts.spending_figure(comparison),
    )
    shades = colours_of(comparison)
    return [replace(figure, colours=shades) for figure in drawn if figure is not None]


def _say_times(reads: TestReads | None) -> str:
    if reads is None:
        return ""
    times, _, who = say_reads(reads).partition(", ")
    return f"{times} {'time' if reads.total == 1 else 'times'}: {who}"


def _confusions(mistakes: Mistakes | None) -> list[dict[str, Any]]:
    """Each architecture's confusions as shares of the true label's rows, the best architecture first."""
    if mistakes is None:
        return []
    return [
        {"architecture": name, "rows": list(zip(mistakes.labels, _shares(counts_CC), strict=True))}
        for name, counts_CC in mistakes.confusion.items()
    ]


def _shares(counts_CC: NDArray[np.int64]) -> list[list[float]]:
    totals_C1 = np.maximum(counts_CC.sum(axis=1, keepdims=True), 1)
    shares: list[list[float]] = (counts_CC / totals_C1).tolist()
    return shares


def confusion_csv(mistakes: Mistakes | None) -> str:
    """Return how often each true label got each answer, by architecture; empty without predictions."""
    if mistakes is None:
        return ""
    rows = [
        (name, true, predicted, int(counts_CC[i, j]))
        for name, counts_CC in mistakes.confusion.items()
        for i, true in enumerate(mistakes.labels)
        for j, predicted in enumerate(mistakes.labels)
    ]
    return to_csv(CONFUSION_COLUMNS, rows)


def _examples(mistakes: Mistakes | None) -> list[tuple[str, list[Example]]]:
    """The examples by who is right in them."""
    grouped: dict[str, list[Example]] = {}
    for example in mistakes.examples if mistakes else ():
        grouped.setdefault(example.a, []).append(example)
    return list(grouped.items())


def _audit(standing: Standing) -> dict[str, Any]:
    """What each study spent, by outcome."""
    spent = [standing.spent[o] for o in OUTCOMES]
    above = standing.spent.get(INFEASIBLE)
    if above:  # trained to their end
        whole = spent[0]
        spent[0] = Spent(
            whole.trials + above.trials, whole.epochs + above.epochs, whole.seconds + above.seconds
        )
    return {
        "architecture": standing.architecture,
        "trials": [s.trials for s in spent],
        "epochs": [s.epochs for s in spent],
        "seconds": [s.seconds for s in spent],
    }


def runs_csv(runs: pd.DataFrame) -> str:
    """Return every run with its scores and the settings that varied."""
    columns = [c for c in _RUN_COLUMNS if c in runs]
    settings = [
        c for c in runs.columns if str(c).startswith(("model.", "optimizer.")) and runs[c].nunique() > 1
    ]
    table = runs[columns + settings].astype(object).where(runs[columns + settings].notna(), "")
    return to_csv(map(str, table.columns), table.itertuples(index=False))
