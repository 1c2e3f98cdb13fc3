"""What a network does with one text, token by token."""

import json

import numpy as np
import pytest
import torch

from rnnsweep.cli import main
from rnnsweep.cli.commands.inside import bar, shade
from rnnsweep.data import DataConfig, prepare
from rnnsweep.errors import UserError
from rnnsweep.inspection import draw, read, write_page
from rnnsweep.networks import ModelConfig, build

TEXT = "Oil $prices <fall> zebra fall"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    lines = [f"{'oil prices fall $' if n % 2 else 'goal match coach <'} {n},{'ab'[n % 2]}" for n in range(80)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def corpus(rows, tmp_path_factory):
    return prepare(DataConfig(corpus="files", train=str(rows)), tmp_path_factory.mktemp("cache"))


def network(corpus, **settings):
    torch.manual_seed(0)
    config = ModelConfig(**{"embedding_size": 6, "hidden_size": 5} | settings)
    return build(config, vocabulary=len(corpus.vocabulary), classes=2).eval()


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "bag"])
def test_the_classes_after_each_token_are_those_of_the_text_cut_there(corpus, cell, bidirectional, pooling):
    model = network(corpus, cell=cell, bidirectional=bidirectional, pooling=pooling)
    found = read(model, corpus, TEXT)
    part = corpus.encode([TEXT])
    for end in range(len(found.tokens)):
        tokens_1T = torch.from_numpy(part.ids[: end + 1].astype(np.int64))[None]
        expected = model(tokens_1T, torch.tensor([end + 1])).softmax(1)[0]
        np.testing.assert_allclose(found.probabilities_TC[end], expected.detach(), atol=1e-6)


def test_tokens_are_shown_as_they_are_read_and_unknown_ones_are_marked(corpus):
    found = read(network(corpus), corpus, TEXT)
    assert found.tokens == ("oil", "$", "prices", "<", "fall", ">", "zebra", "fall")
    assert found.known == (True, True, True, True, True, False, False, True)


def test_gates_and_states_of_every_layer_and_direction_are_those_of_the_network(corpus):
    model = network(corpus, cell="lstm", num_layers=2, bidirectional=True)
    found = read(model, corpus, TEXT)
    assert [layer.name for layer in found.layers] == [
        "layer 1 forward", "layer 1 backward", "layer 2 forward", "layer 2 backward"
    ]  # fmt: skip
    tokens_T1 = torch.from_numpy(corpus.encode([TEXT]).ids.astype(np.int64))[:, None]
    outputs_T1H = model.layers(model.embedding(tokens_T1))[0].detach()
    ours_TH = np.concatenate([layer.states_TH for layer in found.layers[2:]], axis=1)
    np.testing.assert_allclose(ours_TH, outputs_T1H[:, 0], atol=1e-6)
    assert set(found.layers[0].gates) == {"input", "forget", "output", "candidate"}
    assert found.layers[0].memory_TH.shape == (8, 5)


def test_saliency_is_the_gradient_that_a_small_change_shows(corpus):
    model = network(corpus, cell="gru", pooling="last").double()
    found = read(model, corpus, "oil prices")
    part = corpus.encode(["oil prices"])
    embedded_T1E = model.embedding(torch.from_numpy(part.ids.astype(np.int64))[:, None]).detach()
    answer = found.labels.index(found.answer)

    def score(values_T1E):
        return model.read(values_T1E, torch.tensor([2])).log_softmax(1)[0, answer].item()

    slopes_TE = np.zeros((2, 6))
    for step, number in np.ndindex(2, 6):
        moved = embedded_T1E.clone()
        moved[step, 0, number] += 1e-6
        slopes_TE[step, number] = (score(moved) - score(embedded_T1E)) / 1e-6
    norms = np.linalg.norm(slopes_TE, axis=1)
    np.testing.assert_allclose(found.saliency_T, norms / norms.max(), atol=1e-3)


def test_a_text_without_tokens_is_refused(corpus):
    with pytest.raises(UserError, match="has no token that the network could read"):
        read(network(corpus), corpus, "  \n ")


@pytest.mark.parametrize("settings", [{"cell": "lstm", "bidirectional": True}, {"cell": "bag"}], ids=str)
def test_the_page_needs_nothing_else_and_the_picture_is_one(corpus, tmp_path, settings):
    found = read(network(corpus, **settings), corpus, TEXT)
    picture = draw(found, title="a <run>")
    page = write_page(found, tmp_path / "page.html", title="a <run>", picture=picture).read_text()
    assert picture.startswith(b"\x89PNG")
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "a &lt;run&gt;" in page
    assert page.count("<tr>") == 1 + len(found.tokens)
    assert ("forget gate" in page) == (settings["cell"] == "lstm")


def test_bars_and_shades_go_from_empty_to_full():
    assert (bar(0, 4), bar(0.5, 4), bar(1, 4)) == ("", "██", "████")
    assert (shade(0.0), shade(0.5), shade(1.0)) == ("   0.00", "▒▒ 0.50", "██ 1.00")


@pytest.mark.slow
def test_a_recorded_run_is_inspected_and_keeps_the_pictures(home, rows, capsys):
    settings = ["data=files", f"data.train={rows}", "trainer.max_epochs=1", "model.hidden_size=4"]
    assert main(["train", *settings, "--json"]) == 0
    run_id = json.loads(capsys.readouterr().out)["run_id"]
    assert main(["inspect", run_id[:8], TEXT, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["answer"] in ("a", "b")
    assert np.shape(said["probabilities"]) == (8, 2)
    assert len(said["saliency"]) == len(said["tokens"]) == 8
    kept = {path.name for path in (home / "mlruns" / "artifacts").rglob("*") if path.is_file()}
    assert {"oil-prices-fall-zebra-fall.html", "oil-prices-fall-zebra-fall.png"} <= kept
    assert main(["inspect", run_id[:8], TEXT]) == 0
    shown = capsys.readouterr().out
    assert "[zebra]" in shown
    assert "[word]   not in the vocabulary" in shown
    assert max(len(line) for line in shown.splitlines() if not line.startswith(("page", "picture"))) <= 80


@pytest.mark.slow
def test_no_mark_of_unknown_words_is_explained_where_all_are_known(home, rows, capsys):
    settings = ["data=files", f"data.train={rows}", "trainer.max_epochs=1", "model.hidden_size=4"]
    assert main(["train", *settings, "--json"]) == 0
    run_id = json.loads(capsys.readouterr().out)["run_id"]
    assert main(["inspect", run_id[:8], "prices fall"]) == 0
    assert "not in the vocabulary" not in capsys.readouterr().out


def test_a_run_that_is_not_there_is_named(home, rows, capsys):
    assert main(["inspect", "0000absent", "text"]) == 2
    assert "run '0000absent' is not in the store" in capsys.readouterr().err
