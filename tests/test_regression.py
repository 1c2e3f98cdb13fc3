"""The second task, from a file of numbers to a verdict and a model that answers with numbers."""

import json
import random

import pytest
from test_models_scoring import ask

import rnnsweep
from rnnsweep.cli import main
from rnnsweep.errors import UserError

WORTH = {"apple": 100.0, "plum": 140.0, "iron": -60.0, "zinc": 20.0}
SWEEP = """# Which reads prices best?
architectures: [bag, gru]
trials: 2
replicates: 3
overrides: [task=regression, data=files, data.train=prices.csv, data.label=price, trainer.max_epochs=3,
            model.hidden_size=8, model.embedding_size=8]
space: {optimizer.lr: [0.01, 0.03]}
sampler: random
slots: 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    draw = random.Random(0)
    lines = []
    for number in range(500):
        words = draw.choices(list(WORTH), k=3)
        lines.append(f"{' '.join(words)} n{number},{sum(map(WORTH.get, words)):.1f}")
    (tmp_path / "prices.csv").write_text("\n".join(["text,price", *lines]) + "\n")
    (tmp_path / "prices.yaml").write_text(SWEEP)
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.setenv("RNNSWEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_training_prints_its_score_with_unit_and_direction(project, capsys):
    settings = ["task=regression", "data.train=prices.csv", "data.label=price", "trainer.max_epochs=2"]
    assert main(["train", *settings, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score"] == {"name": "rmse", "unit": "units of the target", "direction": "lower"}
    assert 0 < found["validation"] < 300


@pytest.mark.slow
@pytest.mark.parametrize("trained", [True, False])
def test_a_training_says_what_one_number_for_every_row_scores_and_whether_it_is_better(
    project, capsys, trained
):
    rates = ["trainer.max_epochs=4", "optimizer.lr=0.03"] if trained else ["optimizer.lr=1e-9"]
    settings = ["task=regression", "data.train=prices.csv", "data.label=price", "objective=mae", *rates]
    asked = [*settings, "trainer.max_epochs=1"] if not trained else settings
    result = rnnsweep.train(asked)
    assert 20 < result.constant < 200
    constant = f"always answering the median of the training rows scores {result.constant:.4f}\n"
    assert main(["train", *asked]) == 0
    shown = capsys.readouterr().out
    worse = f"the network is no better than one number for every row: {constant}"
    assert constant in shown
    assert (worse in shown) is (result.validation >= result.constant)
    assert (result.validation < result.constant) is trained
    if not trained:
        assert main(["train", *asked, "--json"]) == 0
        said = capsys.readouterr()
        assert worse in said.err
        json.loads(said.out)


@pytest.mark.slow
def test_a_sweep_of_numbers_ends_with_a_verdict_a_report_and_a_model_that_answers_in_their_unit(project):
    result = rnnsweep.sweep("prices.yaml")
    comparison = result.comparison
    assert result.state == "finished"
    assert comparison.score.name == "rmse"
    found = comparison.to_json()
    assert found["score"]["direction"] == "lower"
    tested = [s["test"]["mean"] for s in found["standings"]]
    assert tested == sorted(tested)  # the smallest error first
    assert all(v["sentence"] for v in found["verdicts"])
    page = comparison.report.read_text()
    assert "mean RMSE on the test part" in page
    assert "<td>the mean of the training rows for every row</td>" in page
    assert comparison.test_part.naming < 0, "turned: an error of the constant"
    runs = rnnsweep.runs("prices")
    assert set(runs["score"]) == {"rmse"}
    trials = runs[(runs["role"] == "trial") & (runs["state"] == "complete")]
    assert rnnsweep.best("prices").validation == trials["validation"].min()
    model = rnnsweep.load_model(rnnsweep.best("prices").run_id)
    dear, cheap = model.predict(["plum plum plum", "iron iron iron"])
    assert dear.value > cheap.value
    # `better` is the side with the smaller error
    means = {s["architecture"]: s["test"]["mean"] for s in found["standings"]}
    for verdict in found["verdicts"]:
        ahead = verdict["a"] if verdict["verdict"] == "better" else verdict["b"]
        if verdict["verdict"] in ("better", "worse"):
            behind = ({verdict["a"], verdict["b"]} - {ahead}).pop()
            assert means[ahead] < means[behind]
    serve_and_describe(model, project)


def serve_and_describe(model, project):
    """A model of numbers is served and described as one of classes is."""
    from rnnsweep.models.scoring import application

    texts = ["plum plum plum", "iron iron iron"]
    status, body = ask(application(model), json.dumps({"inputs": texts}).encode())
    assert status == 200
    answers = json.loads(body)["predictions"]
    assert [one["value"] for one in answers] == pytest.approx(
        [a.value for a in model.predict(texts)], rel=1e-5
    )
    with pytest.raises(
        UserError, match="only models of classes can be exported; this one answers with a number"
    ):
        rnnsweep.export_model(project / "prices.onnx", model="prices")
    card = next((project / "mlruns").rglob("card.md")).read_text()
    assert "RMSE" in card
    assert "accuracy" not in card.lower()


LINEAR = """# Which is nearer?
architectures:
  blind: [model=bag, trainer.max_epochs=1, optimizer.lr=0.000001]
  seeing: [model=bag, trainer.max_epochs=3]
trials: 1
replicates: 6
baseline: false
overrides: [task=regression, data=files, data.train=prices.csv, data.label=price, model.hidden_size=8,
            model.embedding_size=8, optimizer.lr=0.03]
space: {}
slots: 1
"""


@pytest.mark.slow
def test_the_smaller_error_is_better_in_the_json_of_compare(project, capsys):
    (project / "near.yaml").write_text(LINEAR)
    assert main(["sweep", "near.yaml"]) == 0
    capsys.readouterr()
    assert main(["compare", "near", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score"] == {"name": "rmse", "unit": "units of the target", "direction": "lower"}
    assert [s["architecture"] for s in found["standings"]] == ["seeing", "blind"]
    assert found["standings"][0]["test"]["mean"] < found["standings"][1]["test"]["mean"]
    (verdict,) = found["verdicts"]
    ahead = verdict["a"] if verdict["verdict"] == "better" else verdict["b"]
    assert verdict["verdict"] in ("better", "worse")
    assert ahead == "seeing"
