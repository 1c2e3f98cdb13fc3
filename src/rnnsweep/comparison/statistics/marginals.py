"""How the score goes with one setting, whatever the others: marginals of a random forest over the trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsweep.comparison.trials import last_attempts

FEWEST = 8  # trials with a score; of fewer a forest learns nothing
POINTS = 12  # of a marginal
ROWS = 300  # trials that a marginal is averaged over, at most
MOST = 4  # settings that are shown
_GROUPS = ("data.", "model.", "optimizer.", "trainer.")


@dataclass(frozen=True)
class Marginal:
    """Mean predicted score at values of one setting, over what else the trials had; arrays of one length."""

    architecture: str
    parameter: str
    values: tuple[float, ...] | tuple[str, ...]
    scores: NDArray[np.float64]

    @property
    def numeric(self) -> bool:
        """Whether the values lie on a scale."""
        return not self.values or isinstance(self.values[0], float)


def forest_marginals(
    runs: pd.DataFrame, importances: Mapping[str, Mapping[str, float]], *, seed: int = 0
) -> tuple[Marginal, ...]:
    """Return the marginals of the settings that matter most, for each architecture with enough trials.

    The marginal of functional ANOVA (Hutter, Hoos, Leyton-Brown 2014), with the mean over the trials in
    place of the integral over the space; the two agree for trials that were drawn at random.

    Args:
        runs: in the columns of `tracking.runs()`.
        importances: {architecture: {parameter: share}}; the largest shares are shown.
        seed: of the forest.
    """
    trials = last_attempts(runs[runs["role"] == "trial"])
    scored = trials[trials["validation"].notna() & trials["state"].eq("complete")]
    chosen = _largest(importances)
    groups = {str(name): group for name, group in scored.groupby("architecture")}
    return tuple(
        marginal
        for name, group in groups.items()
        if len(group) >= FEWEST
        for marginal in _marginals(name, group, chosen, seed)
    )


def _largest(importances: Mapping[str, Mapping[str, float]]) -> list[str]:
    totals: dict[str, float] = {}
    for own in importances.values():
        for key, share in own.items():
            totals[key] = totals.get(key, 0.0) + share
    return sorted(totals, key=lambda key: -totals[key])[:MOST]


def _marginals(name: str, trials: pd.DataFrame, chosen: Sequence[str], seed: int) -> list[Marginal]:
    from sklearn.ensemble import RandomForestRegressor

    varied = _varied_parameters(trials)
    if not varied:
        return []
    columns = {key: _codes(trials[key]) for key in varied}
    x = np.column_stack([codes for codes, _ in columns.values()])
    forest = RandomForestRegressor(60, min_samples_leaf=2, random_state=seed)
    forest.fit(x, trials["validation"].astype(float).to_numpy())
    rows = x[np.random.default_rng(seed).permutation(len(x))[:ROWS]]

    def means_at(column: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = np.repeat(rows[None], len(values), axis=0)
        moved[:, :, column] = values[:, None]
        every = forest.predict(moved.reshape(-1, rows.shape[1]))  # one call: each costs more than its rows
        return np.asarray(every.reshape(len(values), -1).mean(axis=1))

    marginals = []
    for key in (key for key in chosen if key in columns):
        codes, names = columns[key]
        at = np.arange(len(names)) if names else np.unique(np.quantile(codes, np.linspace(0, 1, POINTS)))
        scores = means_at(varied.index(key), np.asarray(at, dtype=np.float64))
        values = tuple(names) if names else tuple(map(float, at))
        marginals.append(Marginal(name, key, values, scores))
    return marginals


def _varied_parameters(trials: pd.DataFrame) -> list[str]:
    """Settings with more than one value among the trials."""
    columns = [c for c in trials.columns if str(c).startswith(_GROUPS)]
    return [c for c in columns if trials[c].map(str).nunique() > 1 and trials[c].notna().any()]


def _codes(column: "pd.Series[Any]") -> tuple[NDArray[np.float64], list[str]]:
    """Numbers as they are; anything else by its place among the sorted names, which are given too."""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return numbers.to_numpy(dtype=np.float64), []
    codes, names = pd.factorize(column.map(str), sort=True)
    return codes.astype(np.float64), [str(name) for name in names]
