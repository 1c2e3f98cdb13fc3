"""From the records of a sweep to its comparison."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rnnsweep.comparison.evidence.left_out import left_out
from rnnsweep.comparison.evidence.protocol import describe_plan, describe_sweep
from rnnsweep.comparison.evidence.reads_of_test_part import say_reads, sort_reads
from rnnsweep.comparison.evidence.records import Comparison, Stop
from rnnsweep.comparison.evidence.replicate_scores import first_scored
from rnnsweep.comparison.evidence.studies import find_bought
from rnnsweep.comparison.evidence.tested_rows import (
    changed_test_part,
    groups_of_rows,
    of_each_part,
    read_by_baseline,
    with_tested,
)
from rnnsweep.comparison.health.checks import (
    check_health,
    never_predicted,
    search_continued,
)
from rnnsweep.comparison.health.convergence import converged, say_converged, searched_ranges
from rnnsweep.comparison.health.cut_texts import cut_texts
from rnnsweep.comparison.health.recurrence import plain_networks, without_recurrence
from rnnsweep.comparison.health.replicates import GroupedRows
from rnnsweep.comparison.health.validation import chosen_by_chance, say_luck
from rnnsweep.comparison.mistakes import Texts, find_mistakes
from rnnsweep.comparison.predictions import (
    Predictions,
    ValidationPart,
    describe_test_part,
    majority_score,
    row_values,
)
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.statistics.marginals import forest_marginals
from rnnsweep.comparison.statistics.pareto import find_front
from rnnsweep.comparison.trials import (
    OBJECTIVE,
    all_diverged,
    feasible_trials,
    last_attempts,
    score_of,
    turned_runs,
)
from rnnsweep.comparison.verdicts.advice import Step, next_step
from rnnsweep.comparison.verdicts.answers import failed_search, say_answer, say_unfinished
from rnnsweep.comparison.verdicts.coverage import say_conclusion, say_few
from rnnsweep.comparison.verdicts.standings import gather_predictions, make_standings, margin_of
from rnnsweep.comparison.verdicts.verdicts import make_verdicts
from rnnsweep.data.large_groups import LargeGroups
from rnnsweep.errors import UserError, refuse_unless
from rnnsweep.safety.shell import run_command
from rnnsweep.sweepfile import Sweep
from rnnsweep.tasks import Score
from rnnsweep.tasks.score import LOWER

READS = "counted reads of the test part"
COLUMNS = [
    "run_id",
    "role",
    "architecture",
    "trial",
    "state",
    "reason",
    "seed",
    "overrides",
    "validation",
    "test",
    "parameters",
    "seconds",
    "samples_per_second",
    "epochs",
    "memory",
    "started",
]


def compare_records(
    runs: pd.DataFrame,
    curves: pd.DataFrame | None = None,
    *,
    sweep: Sweep | str = "",
    score: Score | None = None,
    margin: float | None = None,
    importances: Mapping[str, Mapping[str, float]] | None = None,
    importance_method: str = "",
    facts: Mapping[str, str] | None = None,
    predictions: Mapping[str, Predictions] | None = None,
    labels: Sequence[str] = (),
    data: Sequence[str] = (),
    texts: Texts | None = None,
    test_reads: Mapping[str, int] | None = None,
    plan: ReplicatePlan | None = None,
    groups: ArrayLike | None = None,
    large: LargeGroups | None = None,
    trained: NDArray[Any] | None = None,
    test_share: float | None = None,
    validation: ValidationPart | None = None,
    cut: float = 0.0,
    rows_known: bool = True,
    studies: Sequence[pd.DataFrame] = (),
    behind: int = 0,
    stopped: Sequence[Stop] = (),
    on: str | None = None,
) -> Comparison:
    """Judge the architectures of a sweep by its records. Trains nothing and reads no data.

    Args:
        runs: the columns of `tracking.runs()`.
        curves: the columns of `tracking.curves()`, of as many runs as are to be shown.
        sweep: the sweep, or only its name.
        score: what `validation` and `test` are values of; None: as the runs name it.
        margin: smallest difference of test scores that matters, in the score's unit (0.002 of accuracy:
            two rows in a thousand); None is the score's own; 0 means that nothing is called equivalent.
        importances: share of each parameter for each architecture.
        importance_method: how `importances` were computed, in a few words.
        facts: what the report's appendix tells: versions, digests, hardware, command.
        predictions: {run_id: what a replicate said of the test rows}: gives `correct`, confusions, examples.
        labels: the classes' names.
        data: what was read, a line each.
        texts: gives the texts of test rows, to show those where the best two disagree.
        test_reads: {run's name: times that it read the test part}, as they were counted.
        plan: of the replicates, and the looks at them that decided on more; every p pays for each look.
        groups: of the test rows, where rows belong together, as the sentences of one document; with folds
            of the rows of all that were tested, fold after fold.
        large: the largest of these groups by name.
        trained: targets of the training rows: numbers give the score of one number for every row.
        test_share: of all rows, drawn for the test; 0: the rows are given; None: not known.
        validation: the rows by which the search chose, where they are known.
        cut: share of the texts that are longer than what networks read.
        rows_known: False: rows belong together in groups that nobody knows; nothing is said of new rows.
        studies: runs of further whole studies, the same sweep with other seeds: what a budget buys is then
            said of whole studies, for any sampler and pruner.
        behind: runs of the sweep that the store does not have yet.
        stopped: who got no further replicates at a planned look.
        on: the machine where its trials ran last, as ``--on`` takes it; None is this one.

    Returns:
        Standings, verdicts, remarks and what figures and report need.

    Raises:
        UserError: no runs, or a margin out of range.
    """
    name = sweep if isinstance(sweep, str) else sweep.name
    score = score or score_of(runs)
    _refuse_margin(score, margin)
    if not len(runs):
        raise UserError(f"sweep {name!r} has no runs yet; start it with: {run_command('sweep', name, on=on)}")
    natural = _with_columns(runs)
    table = turned_runs(natural, score)
    objectives = OBJECTIVE if isinstance(sweep, str) else sweep.objectives
    standings = make_standings(table, objectives=objectives, score=score)
    standings = with_tested(standings, predictions or {})
    margin = margin_of(score, standings) if margin is None else margin
    tested = of_each_part(standings, predictions or {}, first=str(first_scored(natural).get("run_id", "")))
    predictions = next(iter(tested.values()))  # of the first fold, where there are folds
    plan = replace(plan or ReplicatePlan(), now={s.architecture: s.configuration for s in standings})
    by_row = row_values(gather_predictions(standings, predictions, baseline=True), score)
    if not rows_known or any(one.folds for s in standings for one in s.replicates):
        by_row = {}  # or replicates were tested on other rows each
    verdicts = make_verdicts(
        standings, margin=margin, correct=by_row, plan=plan, groups=groups, test_share=test_share
    )
    part = describe_test_part(tested, score, groups, trained, large)
    lowest = 0.0 if score.unit == "share" and score.rows is not None else None
    floor = majority_score(part) if part else lowest
    failed = failed_search(standings, floor)
    varies = not isinstance(sweep, str) and sweep.vary in ("all", "split")
    refit = varies and any(v.single for v in verdicts)
    bounds = searched_ranges(sweep)
    ended = converged(table, standings, bounds=bounds, margin=margin)
    by_chance = chosen_by_chance(table, standings, validation, margin=margin)
    all_ended = len(ended) == sum(not s.baseline for s in standings)
    following = next_step(
        name,
        standings,
        verdicts,
        plan=plan,
        failed=failed,
        converged=all_ended,
        behind=behind,
        refit=refit,
        diverged=all_diverged(table),
        on=on,
    )
    plain = plain_networks(table, [s.architecture for s in standings if not s.baseline])
    parts = groups_of_rows(standings, verdicts)
    answer = say_answer(standings, verdicts, floor=floor, converged=all_ended, plain=plain, parts=parts)
    caveat = "" if failed or len(parts) > 1 else say_luck(by_chance, standings, verdicts, validation)
    if len(parts) < 2 and (too_few := say_few(verdicts, part)):
        answer, caveat, following = too_few, "", following if behind or not plan.finished else Step()
    reads = None if test_reads is None else sort_reads(test_reads)
    bought = find_bought(
        table,
        sweep,
        architectures=[s.architecture for s in standings],
        further=[turned_runs(_with_columns(one), score) for one in studies],
        on=on,
    )
    shares = importances or {}
    by_part = [gather_predictions(standings, each) for each in tested.values()]
    mistakes = find_mistakes(*by_part, labels=labels, texts=texts)
    return Comparison(
        sweep=name,
        question="" if isinstance(sweep, str) else sweep.question,
        answer=" ".join(
            part
            for part in (
                say_unfinished(plan, behind=behind),
                answer,
                caveat,
                str(following),
            )
            if part
        ),
        standings=standings,
        verdicts=verdicts,
        health=(
            *changed_test_part(standings),
            *read_by_baseline(standings, parts),
            *left_out(table, standings, verdicts, sweep=name),
            *without_recurrence(table, standings, verdicts),
            *cut_texts(table, standings, verdicts, share=cut),
            *check_health(
                table,
                standings,
                curves=curves,
                bounds=bounds,
                margin=margin,
                sweep=name,
                early=not isinstance(sweep, str) and (sweep.stop_after or sweep.target) is not None,
                on=on,
                validation=validation,
                by_chance=by_chance,
                rows=GroupedRows(by_row, groups, large) if groups is not None and large else None,
            ),
            *search_continued(plan),
            *never_predicted(mistakes),
        ),
        margin=margin,
        runs=natural,
        score=score,
        curves=curves,
        importances=shares,
        importance_method=importance_method,
        marginals=forest_marginals(table, shares),
        bought=bought,
        facts={
            **describe_sweep(table, sweep, score=score),
            **({READS: say_reads(reads)} if reads else {}),
            **describe_plan(plan, standings),
            **{k: str(v) for k, v in (facts or {}).items()},
        },
        front=find_front(
            feasible_trials(last_attempts(natural[natural["role"] == "trial"])),
            objectives,
            lower=score.direction == LOWER,
        ),
        mistakes=mistakes,
        data=tuple(data),
        test_reads=reads,
        test_part=part,
        next=following.command,
        aim=following.aim,
        stopped=tuple(stopped),
        on=on,
        search=say_converged([name for name in ended if name not in by_chance], standings),
        caveat=caveat,
        conclusion=say_conclusion(verdicts, part, vary="" if isinstance(sweep, str) else sweep.vary),
    )


def _refuse_margin(score: Score, margin: float | None) -> None:
    if margin is None:
        return
    if score.unit == "share":
        refuse_unless(0 <= margin < 1, "margin", margin, "at least 0 and below 1 (a share, as 0.002)")
    refuse_unless(0 <= margin < math.inf, "margin", margin, f"0 or more, in {score.unit}")


def _with_columns(runs: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in COLUMNS if column not in runs]
    return runs.assign(**{column: np.nan for column in missing}) if missing else runs
