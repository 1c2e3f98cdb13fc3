"""Which settings mattered: permutation importance of a random forest over the trials of a sweep."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnsweep.comparison.trials import last_attempts

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 8  # trials with a score; of fewer a forest learns nothing
POOLED = "all together"  # in an architecture's place where none has enough trials of its own
_GROUPS = ("data.", "model.", "optimizer.", "trainer.")


def forest_importances(runs: "pd.DataFrame", *, seed: int = 0) -> dict[str, dict[str, float]]:
    """Give {architecture: {parameter: share}}, adding up to 1, where there are enough trials.

    The drop of a random forest's fit when one parameter's values are shuffled (Breiman 2001), of trials
    that ended with a score. Pruned trials count with the score they had. Where no architecture has enough
    trials, all are taken together under the name `POOLED`, each score less its architecture's mean.
    """
    trials = last_attempts(runs[runs["role"] == "trial"])
    scored = trials[trials["validation"].notna()]
    groups = {str(name): group for name, group in scored.groupby("architecture")}
    shares = {name: _shares(group, varied_parameters(group), seed) for name, group in groups.items()}
    found = {name: share for name, share in shares.items() if share}
    return found or _pooled(groups, seed)


def _pooled(groups: "dict[str, pd.DataFrame]", seed: int) -> dict[str, dict[str, float]]:
    import pandas as pd

    if not groups:
        return {}
    level = [g.assign(validation=g["validation"] - g["validation"].mean()) for g in groups.values()]
    varied = sorted({key for group in groups.values() for key in varied_parameters(group)})
    share = _shares(pd.concat(level), varied, seed)
    return {POOLED: share} if share else {}


def _shares(trials: "pd.DataFrame", varied: list[str], seed: int) -> dict[str, float]:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    if len(trials) < FEWEST or not varied:
        return {}
    x = np.column_stack([_as_numbers(trials[key]) for key in varied])
    y = trials["validation"].astype(float).to_numpy()
    forest = RandomForestRegressor(60, min_samples_leaf=2, random_state=seed).fit(x, y)
    drop = permutation_importance(forest, x, y, n_repeats=5, random_state=seed).importances_mean
    drop = np.maximum(drop, 0)
    total = float(drop.sum())
    return {key: float(d / total) for key, d in zip(varied, drop, strict=True)} if total > 0 else {}


def varied_parameters(trials: "pd.DataFrame") -> list[str]:
    """Settings with more than one value among the trials."""
    columns = [c for c in trials.columns if str(c).startswith(_GROUPS)]
    return [c for c in columns if trials[c].map(str).nunique() > 1 and trials[c].notna().any()]


def _as_numbers(column: "pd.Series[Any]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Numbers as they are, on their ranks' order for a forest; anything else by the order of its text."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return np.asarray(numbers, dtype=np.float64)
    return np.asarray(pd.factorize(column.map(str), sort=True)[0], dtype=np.float64)
