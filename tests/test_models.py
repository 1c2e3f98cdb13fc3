"""Models as folders: what is written is read again, any text is answered, foreign folders are refused."""

import json
import os
import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from small_models import LABELS, small_model

from rnnsweep.data.tokens import Tokeniser
from rnnsweep.errors import UserError
from rnnsweep.models import Card, read_model, write_model
from rnnsweep.models.folder import CODE

TEXTS = [
    "the cat sat",
    "",
    "oil prices ran far " * 40,
    "zebra",
    "\U0001f40d THE\u0000 Dog\n",
    "\ud800 cat",
    ".",
]


@pytest.fixture
def folder(tmp_path):
    return write_model(small_model(cell="gru", bidirectional=True), tmp_path / "model", card="# a card")


@pytest.fixture
def trap(tmp_path):
    """Something that leaves a file where anybody runs it."""
    mark = tmp_path / "was-run"

    class Trap:
        def __reduce__(self):
            return (os.system, (f"touch {mark}",))

    return pickle.dumps(Trap()), mark


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "bag"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_a_model_that_is_read_again_gives_the_same_answers(tmp_path, cell, pooling):
    model = small_model(cell=cell, pooling=pooling, bidirectional=cell != "bag", num_layers=2)
    again = read_model(write_model(model, tmp_path / "m"))
    assert again.predict(TEXTS) == model.predict(TEXTS)
    assert (again.labels, again.vocabulary, again.cutting) == (model.labels, model.vocabulary, model.cutting)
    assert again.facts == model.facts


def test_a_model_in_double_precision_stays_so(tmp_path):
    model = small_model()
    model.network.double()
    again = read_model(write_model(model, tmp_path / "m"))
    assert again.predict("the cat") == model.predict("the cat")
    assert {str(value.dtype) for value in again.network.parameters()} == {"torch.float64"}


def test_a_prediction_names_the_likeliest_label_and_what_was_known_of_the_text():
    model = small_model(cutting=Tokeniser(max_length=4))
    (answer,) = model.predict("The cat ate a mat and more")
    assert answer.label == max(answer.probabilities, key=answer.probabilities.__getitem__)
    assert answer.probability == max(answer.probabilities.values())
    assert tuple(answer.probabilities) == LABELS
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert (answer.tokens, answer.known) == (4, 3)


def test_a_prompt_shows_what_a_model_answers_in_one_line_however_many_words_it_knows():
    model = small_model()
    assert repr(model) == f"TextModel(small: labels {', '.join(LABELS)}; {len(model.vocabulary)} words)"
    many = replace(model, labels=tuple(f"label{n}" for n in range(9)), vocabulary=("word",) * 20_000)
    assert repr(many).endswith("label4, label5 and 3 more; 20,000 words)")


def test_an_empty_text_has_no_token_and_a_defined_answer():
    (empty, strange) = small_model().predict(["", "zebra"])
    assert (empty.tokens, empty.known) == (0, 0)
    assert (strange.tokens, strange.known) == (1, 0)
    assert dict(empty.probabilities) == pytest.approx(dict(strange.probabilities), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=70), st.booleans())
def test_a_text_is_answered_as_it_is_alone_whatever_stands_beside_it(texts, masked):
    model = small_model(cell="lstm", bidirectional=True, masked=masked)
    together = model.predict(texts)
    assert len(together) == len(texts)
    for text, answer in zip(texts, together, strict=True):
        (alone,) = model.predict(text)
        assert list(answer.probabilities.values()) == pytest.approx(
            list(alone.probabilities.values()), abs=1e-6
        )


def test_what_is_no_text_is_refused_by_its_place():
    with pytest.raises(TypeError, match="text 2 is a int, not a text"):
        small_model().predict(["a", 3])


def test_a_list_of_tokens_is_a_text_for_a_model_of_lists_and_no_other():
    model = small_model()
    with pytest.raises(TypeError, match="text 1 is a list, not a text; join its tokens by blanks"):
        model.predict([["the", "cat"]])
    of_lists = replace(model, cutting=replace(model.cutting, tokens="list"))
    whole, joined = of_lists.predict([["the", "cat"], "the cat"])
    assert whole.probabilities == joined.probabilities
    assert (whole.tokens, whole.known) == (2, joined.known)
    (spaced,) = of_lists.predict([["the cat", "sat"]])
    assert spaced.tokens == 2, "a blank within a token separates nothing"
    with pytest.raises(TypeError, match="text 1 is a list, not a text$"):
        of_lists.predict([["the", 3]])


def test_no_texts_have_no_answers():
    assert small_model().predict([]) == []


def test_the_folder_holds_nothing_that_could_run(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["card.md", "model.json", "vocabulary.json", "weights.safetensors"]


FOREIGN = {
    "a pickle": "python_model.pkl",
    "a checkpoint": "weights.ckpt",
    "a torch file": "sub/weights.pt",
    "code": "helper.py",
    "a shared library": "x.so",
    "no suffix": "run-me",
}


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_folder_with_a_pickle_or_code_is_refused_and_nothing_is_run(folder, trap, name):
    content, mark = trap
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    with pytest.raises(
        UserError, match=rf"{name} is no part of a model of rnnsweep; pickles and code are never"
    ):
        read_model(folder)
    assert not mark.exists()


def test_weights_that_are_a_pickle_are_refused_and_nothing_is_run(folder, trap):
    content, mark = trap
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.safetensors: (its header|\d+ bytes)"):
        read_model(folder)
    assert not mark.exists()


def test_mlflow_code_that_was_changed_is_refused_and_not_run(folder, tmp_path):
    (folder / CODE.name).write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    with pytest.raises(UserError, match="is not this rnnsweep's own code; it was not run"):
        read_model(folder)
    assert not (tmp_path / "was-run").exists()


def test_mlflow_code_of_our_own_is_let_by(folder):
    (folder / CODE.name).write_bytes(CODE.read_bytes())
    assert read_model(folder).labels == LABELS


def test_what_mlflow_adds_to_a_model_it_fetched_is_let_by(folder):
    (folder / "registered_model_meta").write_text("model_name: x\nmodel_version: '1'\n")
    (folder / "MLmodel").write_text("flavors: {}")
    assert read_model(folder).labels == LABELS


def test_links_are_refused_wherever_they_lead(folder, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('["root", "password"]')
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.json").symlink_to(secret)
    with pytest.raises(UserError, match=r"vocabulary\.json is a link or a device"):
        read_model(folder)
    (folder / "vocabulary.json").unlink()
    (folder / "more").symlink_to(tmp_path)
    with pytest.raises(UserError, match="more is a link or a device"):
        read_model(folder)


def test_a_path_in_mlflows_own_file_leads_nowhere(tmp_path):
    outer = tmp_path / "outer"
    inner = write_model(small_model(), outer / "artifacts" / "model")
    (outer / "MLmodel").write_text(
        "flavors: {python_function: {artifacts: {model: {path: ../../../../etc}}}}"
    )
    assert read_model(outer).predict("the cat") == read_model(inner).predict("the cat")


def change(folder, **values):
    content = json.loads((folder / "model.json").read_text())
    for key, value in values.items():
        part, _, name = key.partition("__")
        content[part] = {**content[part], name: value} if name else value
    (folder / "model.json").write_text(json.dumps(content))


BAD = {
    "another format": ({"format": 2}, "format 2 is not 1; update rnnsweep"),
    "an unknown key": ({"network__hiden": 3}, "network must be an object with keys among cell,"),
    "no network": ({"network": None}, "network must be an object"),
    "an unknown cell": ({"network__cell": "qrnn"}, "model.cell='qrnn' is not one of"),
    "a text for a number": ({"network__hidden_size": "5"}, "network.hidden_size='5' is of the wrong type"),
    "a truth for a number": (
        {"network__hidden_size": True},
        "network.hidden_size='True' is of the wrong type",
    ),
    "a huge network": (
        {"network__hidden_size": 10**12},
        "network.hidden_size='1000000000000' is of the wrong",
    ),
    "a large network": ({"network__hidden_size": 9_000_000}, "are not those of the"),
    "many layers": (
        {"network__num_layers": 10**6},
        "network.num_layers='1000000' is of the wrong type or too",
    ),
    "a negative size": ({"network__hidden_size": -1}, "network.hidden_size='-1' is of the wrong type"),
    "an infinity": ({"network__dropout": float("inf")}, "network.dropout='inf' is of the wrong type"),
    "another cutter": ({"cutting__tokens": "os.system"}, "cutting.tokens='os.system' is not one of"),
    "one label": ({"labels": ["a"]}, "the labels must be 2 or more, each once"),
    "numbers as labels": ({"labels": [1, 2, 3]}, "the labels must be a list of texts"),
    "too many labels": ({"labels": list("abcd")}, "are not those of the"),
}


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD.keys())
def test_a_description_that_is_wrong_is_refused_before_a_network_is_made(folder, values, message):
    change(folder, **values)
    with pytest.raises(UserError) as refusal:
        read_model(folder)
    assert message in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def rewrite(folder, header, rest=b""):
    text = json.dumps(header).encode()
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + rest)


def test_weights_that_are_cut_off_oversized_or_of_another_shape_are_refused(folder):
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    for bad in (whole[:-4], whole + b"0000", whole[:5], b""):
        path.write_bytes(bad)
        with pytest.raises(UserError, match=r"weights\.safetensors: (its header|[\d,]+ bytes are not)"):
            read_model(folder)
    path.write_bytes(struct.pack("<Q", 1 << 60) + whole[8:])
    with pytest.raises(
        UserError, match=r"its header of 1,152,921,504,606,846,976 bytes is larger than 1,048,576"
    ):
        read_model(folder)
    count = (len(whole) - 8 - struct.unpack("<Q", whole[:8])[0]) // 4
    rewrite(
        folder, {"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}, bytes(4 * count)
    )
    with pytest.raises(UserError, match="holds a network of another shape"):
        read_model(folder)
    rewrite(
        folder,
        {"x": {"dtype": "F32", "shape": [count], "data_offsets": [7, 4 * count + 7]}},
        bytes(4 * count),
    )
    with pytest.raises(UserError, match="is no whole safetensors file"):
        read_model(folder)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    model = small_model()
    model.network.output.bias[0] = float("nan")
    with pytest.raises(UserError, match="some weights are not numbers"):
        read_model(write_model(model, tmp_path / "m"))


def test_integers_for_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"F32"', b'"I32"'))
    with pytest.raises(UserError, match="must all be of single or all of double precision"):
        read_model(folder)


def test_json_that_is_none_is_refused(folder):
    for name, content in (
        ("vocabulary.json", b"{}"),
        ("vocabulary.json", b"\xff"),
        ("model.json", b"[" * 10**5),
    ):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}: (is not JSON|must hold a JSON)"):
            read_model(folder)
        (folder / name).write_bytes(kept)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_model(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"has no model\.json; it was not written by rnnsweep"):
        read_model(tmp_path)


def test_a_card_tells_corpus_interval_and_limits():
    card = Card(
        "gru",
        "r00 gru (abc)",
        ("model=gru", "data.text=[a,b]"),
        "news",
        "d" * 64,
        {"train": 1000, "test": 100},
        ("a", "b"),
        "words",
        60,
        8000,
        1234567,
        validation=0.91,
        test=0.9,
        mean=0.89,
        low=0.88,
        high=0.9,
        replicates=10,
        baseline=0.92,
        sweep="s",
        question="Which?",
    )
    text = card.markdown()
    for words in (
        "# gru on news",
        "1,000 train, 100 test rows",
        "sha256 `" + "d" * 64,
        "```\nrnnsweep train model=gru 'data.text=[a,b]'\n```",
        "over 10 replicates: 0.8900 (95 % interval 0.8800 to 0.9000)",
        "Linear baseline on the same test part: 0.9200. A linear model is at least as good here",
        "## What it is not for",
        "the first 60 tokens (words); 8,000 are known",
    ):
        assert words in text
    assert card.facts()["replicates"] == {"n": 10, "mean": 0.89, "low": 0.88, "high": 0.9}


def test_a_card_of_an_unmeasured_run_says_so():
    card = Card("gru", "x", (), "news", "d", {}, ("a", "b"), "words", 60, 10, 9, validation=None, test=None)
    assert "nothing is known of its test score" in card.markdown()
    assert "Validation accuracy of this run: not measured" in card.markdown()
    few = Card("g", "x", (), "n", "d", {}, ("a",), "words", 6, 1, 9, 0.5, 0.5, mean=0.5, replicates=1)
    assert "over 1 replicate: 0.5000; too few for an interval" in few.markdown()


def test_a_card_tells_what_was_read_and_shows_labels_as_they_are():
    card = Card("g", "x", (), "n", "d", {}, ("<b>x</b>", "a|b", "$1", "=1+1"), "words", 6, 1, 9, 0.5, 0.5)
    card = replace(
        card, cut="both", data=("Data: 40 train rows; 2 labels (<b>x</b> 20 ...)", "overlap: 2 rows")
    )
    text = card.markdown()
    assert r"&lt;b&gt;x&lt;/b&gt;, a\|b, \$1, =1+1" in text
    assert "* Data: 40 train rows; 2 labels (&lt;b&gt;x&lt;/b&gt; 20 ...)\n* overlap: 2 rows" in text
    assert "half from each end of the 6 tokens (words); 1 are known" in text
    assert "<b>" not in text


def test_a_batch_of_many_texts_is_answered_in_their_order():
    model = small_model()
    texts = [" ".join(["cat"] * (1 + n % 37)) for n in range(500)]
    answers = model.predict(texts)
    assert [answer.tokens for answer in answers] == [1 + n % 37 for n in range(500)]
    assert np.isfinite([answer.probability for answer in answers]).all()
