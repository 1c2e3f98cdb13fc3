"""All remarks on the health of a search, and those that are read from its trials and replicates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsweep.comparison.evidence.disagreement import say_disagreement
from rnnsweep.comparison.evidence.records import HealthRemark, Standing
from rnnsweep.comparison.health.convergence import (
    Again,
    Bounds,
    changed_space,
    more_trials,
    search_further,
)
from rnnsweep.comparison.health.gap import gap
from rnnsweep.comparison.health.replicates import GroupedRows, spread_of_replicates
from rnnsweep.comparison.health.validation import few_rows
from rnnsweep.comparison.mistakes import Mistakes
from rnnsweep.comparison.predictions import ValidationPart
from rnnsweep.comparison.replicate_plan import ReplicatePlan
from rnnsweep.comparison.trials import INFEASIBLE, diverged, last_attempts
from rnnsweep.comparison.words import apart, names_of
from rnnsweep.safety.shell import command_line, run_command
from rnnsweep.tasks import Score

MANY_FAILED = 0.1
MANY_PRUNED = 0.75
FEW_COMPLETE = 5  # trials: from so many on the best is chosen among enough
FEW_TRIED = 10  # trials: TPE, the default sampler, draws so many at random before it learns from their scores
UNEQUAL = 1.25  # times the smallest budget
EPOCHS = "trainer.max_epochs"


def check_health(
    runs: pd.DataFrame,
    standings: Sequence[Standing],
    *,
    curves: pd.DataFrame | None = None,
    bounds: Mapping[str, Mapping[str, Bounds]] | None = None,
    margin: float = 0.002,
    sweep: str = "SWEEP",
    early: bool = False,
    on: str | None = None,
    validation: ValidationPart | None = None,
    by_chance: Mapping[str, float] | None = None,
    rows: GroupedRows | None = None,
) -> tuple[HealthRemark, ...]:
    """Return one remark for each thing that is not well; none means that nothing was found.

    Args:
        runs: the sweep's runs, in the columns of `tracking.runs()`.
        standings: made of them.
        curves: of replicates or trials, of the score on the validation part, in natural values.
        bounds: of each architecture (low, high, log) of each searched range.
        margin: what counts as a difference.
        sweep: its name, for the next command.
        early: studies may end before their budget, as the sweep's `stop_after` or `target` says.
        on: the machine where its trials ran last, as ``--on`` takes it; None is this one.
        validation: the rows by which the search chose, where they are known.
        by_chance: of which architectures chance chose the configuration, as `chosen_by_chance` returns it.
        rows: of the test part, where they are in groups and all replicates were tested on the same ones.
    """
    trials = last_attempts(runs[runs["role"] == "trial"])
    networks = [s for s in standings if not s.baseline]
    again = partial(run_command, "sweep", sweep, on=on)
    remarks = list(_unequal_budgets(networks, again, early=early))
    remarks += _unequal_ranges(networks, trials, bounds or {})
    remarks += _few_tried(networks, trials, bounds or {}, again)
    if disagreement := say_disagreement(standings):
        remarks.append(HealthRemark(disagreement))
    remarks += few_rows(by_chance or {}, networks, validation)
    drawn = validation is None or validation.share is not None
    remarks += gap(standings, margin, curves=curves, drawn=drawn)
    remarks += spread_of_replicates(standings, margin, drawn=drawn, rows=rows)
    for standing in networks:
        own = trials[trials["architecture"] == standing.architecture]
        remarks += _outcomes(standing, own, sweep, again)
        ranges = (bounds or {}).get(standing.architecture, {})
        remarks += search_further(standing, own, ranges, margin=margin, again=again)
        remarks += _diverging(standing, own, again)
        remarks += _still_rising(standing, own, curves, margin)
    return tuple(remarks)


def search_continued(plan: ReplicatePlan) -> Iterator[HealthRemark]:
    """Name the architectures that changed, or were added, after test scores had been compared."""
    if changed := plan.changed():
        yield _sharing(
            f"The search continued after test scores had been compared, and {names_of(changed)} got another "
            "best configuration",
            changed,
        )
    if added := plan.added():
        were = "was" if len(added) == 1 else "were"
        yield _sharing(f"{names_of(added)} {were} added after test scores had been compared", added)


def _sharing(what: str, names: Sequence[str]) -> HealthRemark:
    whose = "its" if len(names) == 1 else "their"
    return HealthRemark(
        f"{what}: {whose} comparisons share the 5 % with the earlier ones, and can rarely claim anything. "
        "A new sweep has the whole 5 %: a file with another `name:` and `like:` this one."
    )


def never_predicted(mistakes: Mistakes | None) -> Iterator[HealthRemark]:
    """Name the labels that the test part has and an architecture answers in none of its replicates."""
    for name, counts_CC in ({} if mistakes is None else mistakes.confusion).items():
        missing = np.flatnonzero((counts_CC.sum(axis=1) > 0) & (counts_CC.sum(axis=0) == 0)).tolist()
        if mistakes is not None and missing:
            listed = ", ".join(repr(mistakes.labels[n]) for n in missing[:6])
            more = f" and {len(missing) - 6:,} more labels" if len(missing) > 6 else ""
            yield HealthRemark(
                f"{name} never predicts {listed}{more} on the test part.",
                "weigh the labels with task.class_weights=balanced, and compare by macro F1",
                name,
            )


def _few_tried(
    networks: Sequence[Standing],
    trials: pd.DataFrame,
    bounds: Mapping[str, Mapping[str, Bounds]],
    again: Again,
) -> Iterator[HealthRemark]:
    """Name the architectures of whose ranges a few configurations were tried."""
    tried = {s.architecture: s.trials["complete"] + s.trials["pruned"] for s in networks}
    few = [s for s in networks if bounds.get(s.architecture) and 0 < tried[s.architecture] < FEW_TRIED]
    if few:
        counts = ", ".join(f"{s.architecture} {tried[s.architecture]}" for s in few)
        yield HealthRemark(
            f"Few configurations were tried ({counts}): the verdicts hold for the best of these, and a longer"
            " search may put another architecture ahead.",
            more_trials(few[0], again, trials[trials["architecture"] == few[0].architecture]),
        )


def _unequal_budgets(networks: Sequence[Standing], again: Again, *, early: bool) -> Iterator[HealthRemark]:
    spent = {s.architecture: sum(s.trials.values()) for s in networks if s.spent}
    if spent and max(spent.values()) > UNEQUAL * min(spent.values()):
        least, most = min(spent, key=lambda a: spent[a]), max(spent, key=lambda a: spent[a])
        why = "The budgets are not equal, as studies end early" if early else "The budgets are not equal"
        yield HealthRemark(
            f"{why}: {most} had {spent[most]} trials, {least} {spent[least]}.",
            f"raise stop_after or target in the sweep's file, then: {again()}" if early else again(),
        )


def _unequal_ranges(
    networks: Sequence[Standing], trials: pd.DataFrame, bounds: Mapping[str, Mapping[str, Bounds]]
) -> Iterator[HealthRemark]:
    """Name keys that several architectures searched in different ranges, as `per_architecture:` may say."""
    searched: dict[str, dict[tuple[float, float], list[str]]] = {}
    for name in (network.architecture for network in networks):
        own = trials[trials["architecture"] == name]
        for key, (low, high, _) in bounds.get(name, {}).items():
            if key not in own or own[key].nunique() < 2:
                continue  # not searched here, as the width of hidden layers of a bag
            searched.setdefault(key, {}).setdefault((low, high), []).append(name)
    for key, ranges in searched.items():
        if len(ranges) > 1:
            listed = ", ".join(
                f"{low:g} to {high:g} of {names_of(who)}" for (low, high), who in ranges.items()
            )
            yield HealthRemark(
                f"{key} was searched in several ranges: {listed}. A difference may be one of the ranges,"
                " not of the networks."
            )


def _outcomes(standing: Standing, own: pd.DataFrame, sweep: str, again: Again) -> Iterator[HealthRemark]:
    name, trials = standing.architecture, standing.trials
    total = sum(trials.values())
    if trials["complete"] and trials["failed"] / total > MANY_FAILED:
        lost = int(diverged(own).sum())
        which = f", {lost} of them diverged" if lost else ""
        yield HealthRemark(
            f"{name}: {trials['failed']} of {total} trials failed{which}, so less of its space was seen.",
            command_line("status", sweep),
            name,
        )
    if 0 < trials["complete"] < FEW_COMPLETE and trials["pruned"] / total > MANY_PRUNED:
        yield HealthRemark(
            f"{name}: {trials['pruned']} of {total} trials were pruned, so the best was chosen among the "
            f"{trials['complete']} that ran to their end.",
            more_trials(standing, again, own),
            name,
        )
    above = trials.get(INFEASIBLE, 0)
    if above:
        yield HealthRemark(
            f"{name}: {above} of {total} trials are infeasible: they were trained, but are above a constraint"
            " and cannot win.",
            "",
            name,
        )
    if total and not trials["complete"]:
        yield HealthRemark(
            f"{name}: none of {total} trials completed, so it has no best configuration.",
            command_line("status", sweep) if trials["failed"] else again(),
            name,
        )


def _diverging(standing: Standing, trials: pd.DataFrame, again: Again) -> Iterator[HealthRemark]:
    key = "optimizer.lr"
    if key not in trials or not len(trials):
        return
    rate = divergence_rate(trials[key].to_numpy(dtype=np.float64), diverged(trials).to_numpy(dtype=bool))
    if rate is not None:
        yield HealthRemark(
            f"{standing.architecture}: from a learning rate of {rate:.2g} on, half of the trials diverge.",
            f"lower the upper end of space.{key} to {rate:.2g} in {changed_space(standing, again, trials)}",
            standing.architecture,
        )


def divergence_rate(rates: NDArray[np.float64], diverged: NDArray[np.bool_]) -> float | None:
    """Return the lowest diverged rate such that, of it and of any rate above, at least half diverged."""
    order = np.argsort(rates)[::-1]
    lost = diverged[order]
    share = np.cumsum(lost) / np.arange(1, len(lost) + 1)
    below = np.flatnonzero(share < 0.5)
    reached = lost[: below[0]] if len(below) else lost
    last = np.flatnonzero(reached)
    return float(rates[order][last[-1]]) if len(last) > 1 else None


def _still_rising(
    standing: Standing, trials: pd.DataFrame, curves: pd.DataFrame | None, margin: float
) -> Iterator[HealthRemark]:
    if curves is None or not len(curves):
        return
    ids = {r.run_id for r in standing.replicates} or {standing.run_id}
    own = curves[
        curves["run_id"].astype(str).isin(ids) & (curves["key"] == f"validation/{standing.score.name}")
    ]
    gains = [_last_gain(group, standing.score) for _, group in own.groupby("run_id")]
    gain = float(np.mean(gains)) if gains else 0.0  # where seeds learn at other times, the median may be 0
    if gain > margin:
        yield HealthRemark(
            f"{standing.architecture}: its validation score was still improving at the end, by "
            f"{apart(standing.score, gain)} in about the last quarter of training.",
            f"see what twice the epochs bring: {_longer(standing, trials)}",
            standing.architecture,
        )


def _longer(standing: Standing, trials: pd.DataFrame) -> str:
    """The command that trains the best configuration for twice as long."""
    done = float(np.nanmax(trials["epochs"].astype(float), initial=1.0))
    others = [one for one in standing.overrides if one.partition("=")[0] != EPOCHS]  # a key occurs once
    return command_line("train", *others, f"{EPOCHS}={2 * math.ceil(done)}")


def _last_gain(curve: pd.DataFrame, score: Score) -> float:
    values = score.turned(curve.sort_values("step")["value"].astype(float).to_numpy())
    last = max(1, len(values) // 4)
    return float(np.max(values[-last:]) - np.max(values[:-last])) if len(values) > last + 1 else 0.0
