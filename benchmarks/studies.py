"""Trials an hour: a sweep beside plain Optuna and Lightning as documented, on AG News rows.

Theirs: `study.optimize` in as many processes as there are slots, on one journal; a LightningModule with an
embedding, a packed LSTM and a masked mean; a DataLoader that pads; torch.optim.Adam; a callback that reports
each epoch and raises TrialPruned. It gets the corpus ready made and writes no records. Ours: the command of
the terminal, its imports, its MLflow records and its comparison included. The same network, space,
configurations, pruner, epochs and validation rows; both by the clock, one after the other.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._plain import open_study
from benchmarks._workload import BATCH, FIXED, SHARED

TRIALS, PROCESSES = 40, 2
BEST = 4  # trials whose mean says how good a search was: the best alone is luck by half a point
SWEEP = """\
# How many trials an hour?
name: studies
architectures: [lstm]
trials: {trials}
replicates: 0
baseline: false
sampler: random
pruner: {{name: median, startup: 4}}
overrides: {overrides}
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-2, log: true}}
  model.hidden_size: {{type: int, low: 16, high: 64}}
"""


def mean_of_best(scores: list[float]) -> float:
    """Return the mean of the best few validation accuracies."""
    best = sorted(scores, reverse=True)[:BEST]
    return sum(best) / len(best)


def plain(folder: Path, configurations: list[dict[str, Any]]) -> tuple[float, float]:
    """Run the plain study over these configurations; give its seconds for each trial and the mean of its best
    validation accuracies."""
    journal = str(folder / "plain.log")
    study = open_study(journal)
    for params in configurations:
        study.enqueue_trial(params)
    words = [sys.executable, "-m", "benchmarks._plain", journal]
    log = (folder / "plain.txt").open("w")
    began = time.perf_counter()
    with log:
        processes = [subprocess.Popen(words, stdout=log, stderr=log) for _ in range(PROCESSES)]
        assert [process.wait() for process in processes] == [0] * PROCESSES, (
            folder / "plain.txt"
        ).read_text()
    seconds = time.perf_counter() - began
    # the two processes may both take what one of them then finds gone: a trial more
    scores = [trial.value for trial in study.trials if trial.value is not None]
    return seconds / len(study.trials), mean_of_best(scores)


def sweep(folder: Path, trials: int) -> tuple[float, float, list[dict[str, Any]]]:
    """Run the sweep; give its seconds, the mean of its best validation accuracies and its configurations."""
    from rnnsweep.engine import export

    (folder / "sweeps").mkdir()
    (folder / "conf").symlink_to(Path(__file__).parents[1] / "conf")
    path = folder / "sweeps" / "studies.yaml"
    overrides = [*FIXED, "trainer.validate_every=1"]
    path.write_text(SWEEP.format(trials=trials, overrides=json.dumps(overrides)), encoding="utf-8")
    words = [sys.executable, "-m", "rnnsweep", "sweep", "studies", "--slots", str(PROCESSES)]
    began = time.perf_counter()
    done = subprocess.run(
        words, env={**os.environ, "RNNSWEEP_HOME": str(folder)}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    table = export(folder / "mlruns", "studies").sort_values("number")
    keys = ("optimizer.lr", "model.hidden_size")
    configurations = [
        {key: row[f"params_{key}"] for key in keys} for row in json.loads(table.to_json(orient="records"))
    ]
    scores = table.loc[table["state"] == "COMPLETE", "value"]
    return seconds, mean_of_best([float(score) for score in scores]), configurations


def run(trials: int = TRIALS) -> list[dict]:
    """Run ours, then theirs with the configurations that ours drew."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    from rnnsweep.config import compose
    from rnnsweep.data import prepare

    prepare(compose([*FIXED, "model=lstm"]).data)  # the corpus is tokenised for both beforehand
    with tempfile.TemporaryDirectory() as folder:
        ours, best, configurations = sweep(Path(folder), trials)
        for params in configurations:
            params["model.hidden_size"] = int(params["model.hidden_size"])
        other, their_best = plain(Path(folder), configurations)
    return [
        {
            "case": f"trials an hour, lstm, batch {BATCH}, AG News rows, {PROCESSES} slots",
            "ours": 3600 * trials / ours,
            "other": 3600 / other,
            "other_name": "plain Optuna and Lightning as documented, as many processes",
            "ratio": other * trials / ours,
            "unit": "trials/h",
            "note": f"mean of the best {BEST} validation accuracies {best:.4f}, theirs {their_best:.4f}: "
            + "within half a point: "
            + ("yes" if abs(best - their_best) <= 0.005 else "no"),
        }
    ]
