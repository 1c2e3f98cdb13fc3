"""Statistics, verdicts, tables and the report: pure functions of the records and of plain arrays."""

from rnnsweep.runtime.lazy import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".statistics.budget": "BudgetCurve budget_curve study_curve",
        ".verdicts.compare": "compare_records",
        ".verdicts.foreign": "compare_foreign",
        ".verdicts.corpora": "CorporaComparison RankedPair compare_corpora",
        ".report.corpora": "corpora_table render_corpora write_corpora_report",
        ".report.figure_files": "write_figures",
        ".statistics.improvement": "McNemar mcnemar meets_rule probability_of_improvement",
        ".statistics.intervals": "Interval bca_interval difference_interval interquartile_mean "
        "interquartile_mean_interval mean_interval median_interval t_interval",
        ".statistics.permutation": "fewest_pairs holm one_sample_p sign_flip_p smallest_p",
        ".statistics.power": "equivalence_p minimum_detectable_difference replicates_to_equate "
        "replicates_to_separate separation_power",
        ".statistics.ranks": "Friedman friedman nemenyi_difference",
        ".evidence.records": "Comparison Remark Replicate Standing Stop TestScore Verdict",
        ".report.page": "charts render_report write_report",
        ".predictions": "TestPart",
        ".replicate_plan": "Reach ReplicatePlan reach_of",
        ".statistics.group_sequential": "Look plan_looks sequential_p spent",
        ".statistics.new_rows": "NewRows new_rows reach_on_new_rows row_values rows_needed",
        ".verdicts.advice": "next_command next_total open_names",
        ".verdicts.racing": "Race race",
        ".verdicts.decisions": "Decision decide",
        ".statistics.time_curves": "Bought TimeCurve leads say_spending study_time_curve time_curve",
        ".report.tables": "standings_latex standings_markdown verdicts_latex verdicts_markdown",
        ".report.terminal": "print_comparison standings_table",
    },
)
