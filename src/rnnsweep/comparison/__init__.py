"""Statistics, verdicts, tables and the report: pure functions of the records and of plain arrays."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.comparison.corpora.ranks import (
        CorporaComparison as CorporaComparison,
        compare_corpora as compare_corpora,
    )
    from rnnsweep.comparison.evidence.records import (
        Comparison as Comparison,
        HealthRemark as HealthRemark,
        Replicate as Replicate,
        Standing as Standing,
        Stop as Stop,
        TestScore as TestScore,
    )
    from rnnsweep.comparison.health.validation import WIDER_VALIDATION as WIDER_VALIDATION
    from rnnsweep.comparison.replicate_plan import (
        Reach as Reach,
        ReplicatePlan as ReplicatePlan,
        reach_of as reach_of,
    )
    from rnnsweep.comparison.report.corpora import (
        corpora_table as corpora_table,
        write_corpora_report as write_corpora_report,
    )
    from rnnsweep.comparison.report.page import charts as charts, write_report as write_report
    from rnnsweep.comparison.report.tables import standings_markdown as standings_markdown
    from rnnsweep.comparison.report.terminal import print_comparison as print_comparison
    from rnnsweep.comparison.statistics.group_sequential import plan_looks as plan_looks
    from rnnsweep.comparison.statistics.new_rows import (
        groups_counted as groups_counted,
        reach_on_new_rows as reach_on_new_rows,
        share_error as share_error,
    )
    from rnnsweep.comparison.statistics.ranks import friedman as friedman
    from rnnsweep.comparison.verdicts.advice import next_total as next_total, open_names as open_names
    from rnnsweep.comparison.verdicts.compare import compare_records as compare_records
    from rnnsweep.comparison.verdicts.coverage import say_few_rows as say_few_rows
    from rnnsweep.comparison.verdicts.foreign import compare_foreign as compare_foreign
    from rnnsweep.comparison.verdicts.racing import race as race

lazy_names(__name__)
