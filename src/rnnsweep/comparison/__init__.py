"""Statistics, verdicts, tables and the report: pure functions of the records and of plain arrays."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.comparison.evidence.records import (
        Comparison as Comparison,
        Replicate as Replicate,
        Standing as Standing,
        Stop as Stop,
        TestScore as TestScore,
        Verdict as Verdict,
    )
    from rnnsweep.comparison.health.validation import WIDER_VALIDATION as WIDER_VALIDATION
    from rnnsweep.comparison.predictions import TestPart as TestPart
    from rnnsweep.comparison.replicate_plan import (
        Reach as Reach,
        ReplicatePlan as ReplicatePlan,
        reach_of as reach_of,
    )
    from rnnsweep.comparison.report.corpora import (
        corpora_table as corpora_table,
        render_corpora as render_corpora,
        write_corpora_report as write_corpora_report,
    )
    from rnnsweep.comparison.report.figure_files import write_figures as write_figures
    from rnnsweep.comparison.report.page import (
        charts as charts,
        render_report as render_report,
        write_report as write_report,
    )
    from rnnsweep.comparison.report.tables import (
        standings_latex as standings_latex,
        standings_markdown as standings_markdown,
        verdicts_latex as verdicts_latex,
        verdicts_markdown as verdicts_markdown,
    )
    from rnnsweep.comparison.report.terminal import (
        print_comparison as print_comparison,
        standings_table as standings_table,
    )
    from rnnsweep.comparison.statistics.budget import (
        BudgetCurve as BudgetCurve,
        budget_curve as budget_curve,
        study_curve as study_curve,
    )
    from rnnsweep.comparison.statistics.group_sequential import (
        Look as Look,
        plan_looks as plan_looks,
        sequential_p as sequential_p,
        spent as spent,
    )
    from rnnsweep.comparison.statistics.improvement import (
        McNemar as McNemar,
        mcnemar as mcnemar,
        meets_rule as meets_rule,
        probability_of_improvement as probability_of_improvement,
    )
    from rnnsweep.comparison.statistics.intervals import (
        Interval as Interval,
        bca_interval as bca_interval,
        difference_interval as difference_interval,
        interquartile_mean as interquartile_mean,
        interquartile_mean_interval as interquartile_mean_interval,
        mean_interval as mean_interval,
        median_interval as median_interval,
        t_interval as t_interval,
    )
    from rnnsweep.comparison.statistics.new_rows import (
        NewRows as NewRows,
        fewest_rows as fewest_rows,
        new_rows as new_rows,
        reach_on_new_rows as reach_on_new_rows,
        row_values as row_values,
        rows_needed as rows_needed,
        share_error as share_error,
    )
    from rnnsweep.comparison.statistics.permutation import (
        fewest_pairs as fewest_pairs,
        holm as holm,
        one_sample_p as one_sample_p,
        sign_flip_p as sign_flip_p,
        smallest_p as smallest_p,
    )
    from rnnsweep.comparison.statistics.power import (
        equivalence_p as equivalence_p,
        minimum_detectable_difference as minimum_detectable_difference,
        replicates_to_equate as replicates_to_equate,
        replicates_to_separate as replicates_to_separate,
        separation_power as separation_power,
    )
    from rnnsweep.comparison.statistics.ranks import (
        Friedman as Friedman,
        friedman as friedman,
        nemenyi_difference as nemenyi_difference,
    )
    from rnnsweep.comparison.statistics.time_curves import (
        Bought as Bought,
        TimeCurve as TimeCurve,
        leads as leads,
        say_spending as say_spending,
        study_time_curve as study_time_curve,
        time_curve as time_curve,
    )
    from rnnsweep.comparison.verdicts.advice import (
        next_command as next_command,
        next_total as next_total,
        open_names as open_names,
    )
    from rnnsweep.comparison.verdicts.compare import compare_records as compare_records
    from rnnsweep.comparison.verdicts.corpora import (
        CorporaComparison as CorporaComparison,
        RankedPair as RankedPair,
        compare_corpora as compare_corpora,
    )
    from rnnsweep.comparison.verdicts.coverage import say_few_rows as say_few_rows
    from rnnsweep.comparison.verdicts.decisions import Decision as Decision, decide as decide
    from rnnsweep.comparison.verdicts.foreign import compare_foreign as compare_foreign
    from rnnsweep.comparison.verdicts.racing import Race as Race, race as race

lazy_names(__name__)
