"""The trials of a sweep as rows of the table of runs: which count, in which order."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnsweep.json_text import read_list
from rnnsweep.sweepfile.search_space.limits import INFEASIBLE as INFEASIBLE
from rnnsweep.tasks import Score, score_named

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("validation", "test")  # columns that hold the score that decides
OBJECTIVE = ("validation",)
TEST_ROWS = "test_rows"  # column, and a value of an outcome: digest of the rows that a run was tested on
FOLD = "data.fold"
SPLIT = ("data.split_seed", FOLD)  # settings that say which rows are for validation
PIECES = "trainer.accumulate"  # pieces of a batch: how much memory a training takes, not what it learns
# keys that replicates set, one or several, as the sweep's `vary:` says
VARIED = {
    "seed": "seed",
    "data.split_seed": "split",
    "seeds.initialisation": "initialisation",
    "seeds.order": "order",
    FOLD: "fold",
}


def score_of(runs: "pd.DataFrame") -> Score:
    """Return the score that decides for a sweep's runs; records that name none are of the default task."""
    if "score" not in runs:
        return score_named()
    known = runs[runs["score"].notna()]
    return score_named(*known[["task", "score"]].iloc[-1]) if len(known) else score_named()


def turned_runs(runs: "pd.DataFrame", score: Score) -> "pd.DataFrame":
    """Return runs with `validation` and `test` turned so that more is better (or turned back)."""
    columns = [name for name in SCORES if name in runs]
    return runs.assign(**{name: score.turned(runs[name].astype(float)) for name in columns})


def last_attempts(trials: "pd.DataFrame") -> "pd.DataFrame":
    """Keep one run for each trial: a complete one, else the last that was started."""
    if not len(trials):
        return trials
    order = trials.assign(_done=trials["state"].eq("complete")).sort_values(
        ["_done", "started"], kind="stable", na_position="first"
    )
    numbered = order[order["trial"].notna()].drop_duplicates(["architecture", "trial"], keep="last")
    return numbered.drop(columns="_done").sort_values(["architecture", "trial"], kind="stable")


def ranked_trials(trials: "pd.DataFrame", objectives: Sequence[str] = OBJECTIVE) -> "pd.DataFrame":
    """Return the feasible complete trials, best validation first; of equals the first, as in the study."""
    done = feasible_trials(trials)
    keys = list(dict.fromkeys(["validation", *objectives]))
    return done.sort_values(keys, ascending=[key != "validation" for key in keys], kind="stable")


def feasible_trials(trials: "pd.DataFrame") -> "pd.DataFrame":
    """Return the complete trials that have a score and break no constraint."""
    done: pd.DataFrame = trials[trials["state"].eq("complete") & trials["validation"].notna()]
    return done[~infeasible(done)]


def infeasible(runs: "pd.DataFrame") -> "pd.Series[bool]":
    """Return for each run whether it is complete and yet above a constraint of its sweep."""
    named = runs["reason"].astype("string").str.startswith(INFEASIBLE).fillna(False).astype(bool)
    return named & runs["state"].eq("complete")


def diverged(trials: "pd.DataFrame") -> "pd.Series[bool]":
    """Return of each trial whether its loss left all numbers; earlier versions called such a trial pruned."""
    reasons = trials["reason"].astype("string").fillna("").str.lower()
    named = reasons.str.contains("diverg|the loss is nan|infinite").astype(bool)
    return named & trials["state"].isin(["pruned", "failed"])


def all_diverged(runs: "pd.DataFrame") -> bool:
    """Return whether there are trials and the last attempt of each diverged."""
    trials = last_attempts(runs[runs["role"].eq("trial")])
    return len(trials) > 0 and bool(diverged(trials).all())


def overrides_of(value: Any) -> tuple[str, ...]:
    """Return a run's overrides: a list, JSON of one, or words."""
    if isinstance(value, str):
        value = read_list(value) if value.startswith("[") else value.split()
    return tuple(map(str, value)) if isinstance(value, Iterable) else ()


def configuration_of(overrides: Any) -> tuple[str, ...]:
    """Return a run's overrides without what replicates vary, in one order.

    A run that lacked memory cut its batches into more pieces: its gradients are those of the others.
    """
    free = {*VARIED, "data.folds", PIECES}
    return tuple(sorted(o for o in overrides_of(overrides) if o.partition("=")[0].strip() not in free))


def split_of(overrides: Any) -> str:
    """Return the settings of a run that say which rows are for validation."""
    return " ".join(sorted(o for o in overrides_of(overrides) if o.partition("=")[0].strip() in SPLIT))


def seed_of(row: Mapping[Any, Any]) -> str:
    """Return the run's seed, and each other varied seed that differs from it: what pairs replicates."""
    seed = str(row["seed"])
    number = None if seed.isdecimal() else number_of(seed)  # of a long seed a float keeps 15 digits
    seed = seed if number is None else str(int(number))
    overrides = (o.partition("=") for o in overrides_of(row["overrides"]))
    varied = ((key, value) for key, _, value in overrides if key in VARIED)
    others = [f"{VARIED[key]} {value}" for key, value in varied if value != seed or key == FOLD]
    return ", ".join([seed, *sorted(others)])


def number_of(value: Any) -> float | None:
    """Return a finite number; None where there is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
