"""Statistics, verdicts, tables and the report: pure functions of the records and of plain arrays."""

from importlib import import_module
from typing import Any

_HOMES = {
    "budget": "BudgetCurve budget_curve expected_best study_curve",
    "compare": "MARGIN compare_records",
    "corpora": "CorporaComparison RankedPair compare_corpora",
    "corpora_report": "corpora_table render_corpora write_corpora_report",
    "figure_files": "write_figures",
    "improvement": "McNemar mcnemar meets_rule noether_pairs probability_of_improvement "
    "probability_over_all_pairs",
    "importance": "forest_importances",
    "intervals": "Interval bca_interval difference_interval interquartile_mean interquartile_mean_interval "
    "mean_interval median_interval stratified_mean_interval t_interval",
    "permutation": "fewest_pairs holm one_sample_p sign_flip_p smallest_p",
    "power": "equivalence_p minimum_detectable_difference replicates_to_equate replicates_to_separate "
    "separation_power",
    "ranks": "Friedman friedman nemenyi_difference",
    "records": "Comparison Remark Replicate Standing TestScore Verdict",
    "report": "render_report write_report",
    "sequential": "Step look_factor next_step",
    "spending": "Bought TimeCurve leads say_spending study_time_curve time_curve",
    "tables": "standings_latex standings_markdown verdicts_latex verdicts_markdown",
    "terminal": "print_comparison standings_table",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Import what is asked for: scipy, pandas and jinja2 are heavy, and most commands need none of them."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
