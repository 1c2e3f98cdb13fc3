"""From the runs of a sweep to one standing an architecture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.comparison.evidence.records import (
    OUTCOMES,
    Replicate,
    Spent,
    Standing,
)
from rnnsweep.comparison.evidence.replicate_scores import describe_scores, fold_of, over_folds
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.comparison.trials import (
    INFEASIBLE,
    OBJECTIVE,
    TEST_ROWS,
    configuration_of,
    diverged,
    infeasible,
    last_attempts,
    number_of,
    overrides_of,
    ranked_trials,
    seed_of,
    split_of,
)
from rnnsweep.json_text import read_list
from rnnsweep.tasks import Score, score_named

if TYPE_CHECKING:
    import pandas as pd


def make_standings(
    runs: "pd.DataFrame", *, objectives: Sequence[str] = OBJECTIVE, score: Score | None = None
) -> tuple[Standing, ...]:
    """Return a standing for each architecture, best mean test score first, then best validation score.

    Args:
        runs: in the columns of `tracking.runs()`, `validation` and `test` turned so that more is better.
        objectives: of the sweep; of trials with equal validation, the best in the others wins.
        score: what they are values of; None is the default task's first.
    """
    named = runs[runs["architecture"].notna()]
    rest = named[named["role"] != "sweep"]
    standings = [_standing(str(n), group, objectives) for n, group in rest.groupby("architecture", sort=True)]
    score = score or score_named()
    return tuple(sorted((replace(one, score=score) for one in standings), key=_rank))


def margin_of(score: Score, standings: Sequence[Standing]) -> float:
    """Return the score's own margin; where that is a share, it is one of the baseline's test score."""
    means = [s.test.mean for s in sorted(standings, key=lambda s: not s.baseline) if s.test.mean is not None]
    return score.default_margin(means[0] if means else None)


def _baseline(fits: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Part the baseline's fit on the search's split from its replicates, the last for each seed."""
    keys = fits["key"].astype(str) if "key" in fits else fits["role"]
    repeated = keys.str.contains(r"-r\d+$").astype(bool)
    own = fits[~repeated].tail(1)
    return (own if len(own) else fits.tail(1)), _last_of_each_seed(fits[repeated & fits["test"].notna()])


def _winner(
    trials: "pd.DataFrame", group: "pd.DataFrame", objectives: Sequence[str]
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return the trial that stands for an architecture, and its replicates.

    While a later, better trial has no replicate, the trial that was replicated stands: what is shown of
    validation and of test is of one configuration.
    """
    ranked = ranked_trials(trials, objectives)
    repeats = _replicates(group, ranked.head(1))
    if len(repeats) and len(ranked):
        numbers = repeats["trial"].dropna().unique()
        own = ranked[ranked["trial"].isin(numbers)]
        if len(own) and ranked["trial"].iloc[0] not in numbers:
            return own.head(1), repeats
    return ranked.head(1), repeats


def _last_of_each_seed(runs: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    seeds = [seed_of(row) for row in runs.to_dict("records")]
    return runs.loc[~pd.Series(seeds, index=runs.index, dtype=object).duplicated(keep="last")]


def _rank(standing: Standing) -> tuple[float, float, str]:
    several = standing.baseline or standing.test.replicates > 1  # one seed ranks nothing
    mean = standing.test.mean if several and standing.test.mean is not None else -math.inf
    validation = standing.validation if standing.validation is not None else -math.inf
    return -mean, -validation, standing.architecture


def _unfitted(architecture: str, fits: "pd.DataFrame") -> Standing:
    """Return the standing of a baseline of which no fit is complete: its reason and no scores."""
    reasons = [str(reason) for reason in fits["reason"].dropna() if str(reason)]
    why = reasons[-1] if reasons else "no fit is complete yet"
    return Standing(
        architecture=architecture,
        spent={},
        validation=None,
        test=describe_scores([]),
        replicates=(),
        parameters=None,
        seconds=None,
        samples_per_second=None,
        baseline=True,
        note=f"the baseline has no score: {why}",
    )


def _note(fits: "pd.DataFrame") -> str:
    notes = fits["note"].dropna() if "note" in fits else ()
    return next((str(note) for note in notes if str(note)), "")


def _standing(architecture: str, group: "pd.DataFrame", objectives: Sequence[str]) -> Standing:
    trials = last_attempts(group[group["role"] == "trial"])
    baseline = group[(group["role"] == "baseline") & (group["state"] == "complete")]
    if not len(baseline) and len(group) and (group["role"] == "baseline").all():
        return _unfitted(architecture, group)
    if len(baseline):
        winner, repeats = _baseline(baseline)
    else:
        winner, repeats = _winner(trials, group, objectives)
    measured = repeats if len(repeats) else winner
    scores = tuple(
        Replicate(
            seed_of(row),
            float(row["test"]),
            str(row["run_id"]),
            **fold_of(overrides_of(row["overrides"])),
            validation=number_of(row["validation"]),
            split=split_of(row["overrides"]),
            tested=tested if isinstance(tested := row.get(TEST_ROWS), str) else "",
        )
        for row in (repeats if len(repeats) or not len(baseline) else winner).to_dict("records")
        if number_of(row["test"]) is not None
    )
    return Standing(
        architecture=architecture,
        spent=_spent(trials),
        validation=_first(winner, "validation"),
        test=over_folds(scores)
        or describe_scores([r.test for r in scores], single=bool(len(baseline)) and not len(repeats)),
        replicates=scores,
        parameters=_whole(_mean(measured, "parameters")),
        seconds=_mean(measured, "seconds"),
        samples_per_second=_mean(measured, "samples_per_second"),
        overrides=overrides_of(winner["overrides"].iloc[0]) if len(winner) else (),
        run_id=str(winner["run_id"].iloc[0]) if len(winner) else "",
        baseline=bool(len(baseline)),
        derived=_derived(winner),
        note=_note(baseline),
    )


def _replicates(group: "pd.DataFrame", winner: "pd.DataFrame") -> "pd.DataFrame":
    """Complete replicates of one configuration, the last for each seed.

    A budget raised later may find a better configuration: replicates of the earlier one are left out
    as soon as there is one of the later, and never pooled with it.
    """
    done = group[(group["role"] == "replicate") & (group["state"] == "complete") & group["test"].notna()]
    if not len(done):
        return done
    done = done.sort_values("started", kind="stable", na_position="first")
    keys = done["overrides"].map(configuration_of)
    chosen = configuration_of(winner["overrides"].iloc[0]) if len(winner) else None
    configuration = chosen if chosen in set(keys) else keys.iloc[-1]
    same = done[keys == configuration]
    return _last_of_each_seed(same)


def _derived(winner: "pd.DataFrame") -> tuple[dict[str, Any], ...]:
    """The widths that followed a budget of parameters, as they were noted with the trial."""
    note = winner["derived"].iloc[0] if len(winner) and "derived" in winner else None
    notes = read_list(note) if isinstance(note, str) else []
    return tuple(each for each in notes if isinstance(each, dict))


def _spent(trials: "pd.DataFrame") -> dict[str, Spent]:
    """What trials used up, by outcome; infeasible ones apart where there are any."""
    above = infeasible(trials)
    states = trials["state"].mask(diverged(trials), "failed")
    parts = {outcome: trials[(states == outcome) & ~above] for outcome in OUTCOMES}
    if above.any():
        parts[INFEASIBLE] = trials[above]
    return {outcome: _sum(part) for outcome, part in parts.items()}


def _sum(trials: "pd.DataFrame") -> Spent:
    epochs, seconds = (float(np.nansum(trials[c].astype(float))) for c in ("epochs", "seconds"))
    return Spent(len(trials), epochs, seconds)


def _first(rows: "pd.DataFrame", column: str) -> float | None:
    return number_of(rows[column].iloc[0]) if len(rows) else None


def _mean(rows: "pd.DataFrame", column: str) -> float | None:
    """Return the mean, which is what the MLflow UI shows of a group of runs."""
    return number_of(rows[column].astype(float).mean()) if len(rows) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def gather_predictions(
    standings: Sequence[Standing], predictions: Mapping[str, Predictions], *, baseline: bool = False
) -> dict[str, dict[str, Predictions]]:
    """Return {architecture: {seed: predictions}} of the replicates that saw one and the same test part.

    The baseline is among them where `baseline` says so.
    """
    by_architecture = {
        s.architecture: {r.seed: predictions[r.run_id] for r in s.replicates if r.run_id in predictions}
        for s in standings
        if baseline or not s.baseline
    }
    first = next((p for own in by_architecture.values() for p in own.values()), None)
    same = {
        name: {seed: p for seed, p in own.items() if np.array_equal(p.targets_N, first.targets_N)}
        for name, own in by_architecture.items()
        if first is not None
    }
    return {name: own for name, own in same.items() if own}
