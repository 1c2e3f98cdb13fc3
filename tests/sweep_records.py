"""Synthetic records of a sweep, in the columns of `tracking.runs()` and `tracking.curves()`."""

import json

import numpy as np
import pandas as pd

from rnnsweep.comparison.evidence.records import Replicate, Standing, TestScore

# what Optuna says of the searches: all architectures alike
SHARES = {
    name: {"optimizer.lr": 0.8, "model.hidden_size": 0.15, "model.pooling": 0.05}
    for name in ("bilstm", "gru", "lstm", "rnn")
}
LEVELS = {"bilstm": 0.712, "gru": 0.706, "lstm": 0.705, "rnn": 0.62}


def make_runs(
    levels=None, *, trials=20, replicates=10, spread=0.004, linear=0.654, seed=0, paired=0.0, pruning=True
) -> pd.DataFrame:
    """Runs of one study for each architecture, its replicates and the linear baseline."""
    rng = np.random.default_rng(seed)
    levels = LEVELS if levels is None else levels
    common = rng.normal(0, 1, replicates)
    rows = []
    for architecture, level in levels.items():
        own = [_trial(rng, architecture, level, number, pruning=pruning) for number in range(trials)]
        rows += own
        best = max((r for r in own if r["state"] == "complete"), key=lambda r: r["validation"], default=None)
        for i in range(replicates):
            noise = paired * common[i] + (1 - paired**2) ** 0.5 * rng.normal()
            rows.append(_replicate(architecture, best, i, level + spread * noise))
    if linear is not None:
        rows.append(
            {
                "role": "baseline",
                "architecture": "linear",
                "state": "complete",
                "validation": linear,
                "test": linear,
                "parameters": 180000,
                "seconds": 3.0,
                "overrides": "[]",
            }
        )
    table = pd.DataFrame(rows)
    table["run_id"] = [f"run{i}" for i in range(len(table))]
    table["started"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(len(table)), unit="min")
    return table


def _trial(rng, architecture, level, number, *, pruning=True):
    hidden, rate = int(rng.integers(8, 129)), float(10 ** rng.uniform(-4, -1))
    state = "failed" if rng.random() < 0.03 else "pruned" if rng.random() < 0.3 * pruning else "complete"
    score = (
        level - 0.04 * (np.log10(rate) + 2.3) ** 2 - 0.01 * abs(np.log2(hidden / 64)) + rng.normal(0, 0.004)
    )
    return {
        "role": "trial",
        "architecture": architecture,
        "trial": number,
        "state": state,
        "reason": "the loss is NaN: diverged" if state == "failed" else None,
        "seed": 0,
        "overrides": json.dumps(
            [f"model={architecture}", f"model.hidden_size={hidden}", f"optimizer.lr={rate:.5g}"]
        ),
        "validation": None if state == "failed" else score - (0.05 if state == "pruned" else 0),
        "parameters": 20000 + 400 * hidden,
        "seconds": float(rng.uniform(4, 9)) * (0.4 if state == "pruned" else 1),
        "samples_per_second": 9000.0,
        "epochs": 1.0 if state == "pruned" else 3.0,
        "model.hidden_size": hidden,
        "optimizer.lr": rate,
    }


def _replicate(architecture, best, seed, test):
    base = (
        {}
        if best is None
        else {k: best[k] for k in ("overrides", "parameters", "model.hidden_size", "optimizer.lr")}
    )
    overrides = json.loads(base.get("overrides", "[]"))
    return {
        **base,
        "role": "replicate",
        "architecture": architecture,
        "trial": None if best is None else best["trial"],
        "state": "complete",
        "seed": 1000 + seed,
        "overrides": json.dumps([*overrides, f"seed={1000 + seed}"]),
        "validation": test + 0.003,
        "test": test,
        "seconds": 7.0,
        "samples_per_second": 9100.0,
        "epochs": 3.0,
    }


def make_curves(runs: pd.DataFrame, *, validations=12, seed=1) -> pd.DataFrame:
    """A validation curve for each replicate, levelling off at its validation score."""
    rng = np.random.default_rng(seed)
    epochs = np.arange(1, validations + 1) / 4
    rows = [
        pd.DataFrame(
            {
                "run_id": run["run_id"],
                "key": "validation/accuracy",
                "step": np.arange(1, validations + 1) * 100,
                "epoch": epochs,
                "value": run["validation"] - 0.3 * np.exp(-3 * epochs) - 0.002 * rng.random(validations),
            }
        )
        for run in runs[runs["role"] == "replicate"].to_dict("records")
    ]
    return pd.concat(rows) if rows else pd.DataFrame(columns=["run_id", "key", "step", "epoch", "value"])


def make_standing(architecture, scores, *, baseline=False):
    """A standing of replicates with seeds 0, 1, ... and nothing else."""
    replicates = tuple(Replicate(str(seed), float(score)) for seed, score in enumerate(scores))
    mean = float(np.mean(scores)) if len(scores) else None
    test = TestScore(mean, None, None, len(scores))
    return Standing(architecture, {}, None, test, replicates, None, None, None, baseline=baseline)
