"""A whole sweep that another score than the task's first decides, and early stopping by a third number."""

import random

import pytest

import rnnsweep
from rnnsweep.tracking import sync

SWEEP = """# Which is better where one class is rare?
architectures: [bag, gru]
trials: 3
replicates: 3
objective: macro_f1
overrides: [data=files, data.train=rare.csv, trainer.monitor=loss, trainer.patience=1, trainer.max_epochs=6,
            trainer.validate_every=0.5, model.hidden_size=8, model.embedding_size=8]
space: {optimizer.lr: [0.003, 0.03, 0.3]}
sampler: random
slots: 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    draw = random.Random(1)
    words = {"common": ["grey", "brown", "plain"], "rare": ["red", "plain", "grey"]}
    rows = [("rare" if draw.random() < 0.15 else "common") for _ in range(400)]
    lines = [f"{' '.join(draw.choices(words[label], k=4))} n{n},{label}" for n, label in enumerate(rows)]
    (tmp_path / "rare.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    (tmp_path / "rare.yaml").write_text(SWEEP)
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_macro_f1_decides_a_sweep_from_the_search_to_the_verdict_and_the_loss_stops_its_trainings(project):
    result = rnnsweep.sweep("rare.yaml")
    while sync(project / "mlruns").waiting:  # all points must be in the store
        pass
    runs = rnnsweep.runs("rare")
    assert set(runs["score"]) == {"macro_f1"}
    trained = runs[runs["role"].isin(["trial", "replicate"]) & (runs["state"] == "complete")]

    # best weights: the reported value is the largest macro F1 of the run's own curve
    curves = rnnsweep.curves("rare", ["validation/macro_f1", "validation/loss"])
    for _, run in trained.iterrows():
        own = curves[curves["run_id"] == run["run_id"]]
        f1, loss = (
            own[own["key"] == f"validation/{name}"]["value"].tolist() for name in ("macro_f1", "loss")
        )
        assert run["validation"] == pytest.approx(max(f1), abs=1e-6)
        worse = [later >= min(loss[:n]) for n, later in enumerate(loss) if n]
        assert not any(worse[:-1])  # patience 1: the first loss that is no better is the last
    assert trained["epochs"].min() < 6

    # winner, replicates and standings are of macro F1
    for architecture in ("bag", "gru"):
        own = trained[trained["architecture"] == architecture]
        trials = own[own["role"] == "trial"]
        best = rnnsweep.best("rare", architecture)
        assert best.validation == trials["validation"].max()
        assert {str(one) for one in own[own["role"] == "replicate"]["optimizer.lr"]} == {
            str(trials.loc[trials["validation"].idxmax(), "optimizer.lr"])
        }
        (standing,) = [one for one in result.comparison.standings if one.architecture == architecture]
        tests = own[own["role"] == "replicate"]["test"]
        assert standing.test.mean == pytest.approx(tests.mean())
        assert "test_accuracy" in runs  # beside the score that decides
    compared = result.comparison.to_json()
    assert (compared["score"]["name"], compared["score"]["direction"]) == ("macro_f1", "higher")
    assert "macro F1" in result.comparison.report.read_text()
