"""ONNX files: the same function for every cell, direction, depth, pooling and length, or no file at all."""

import json

import numpy as np
import pytest
import torch
from small_models import small_model

from rnnsweep.errors import UserError
from rnnsweep.models import onnx_file
from rnnsweep.models.onnx_file import export_onnx, refuse_different

pytest.importorskip("onnx", reason="needs the extra onnx")
runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")

SHAPES = [
    {"cell": cell, "bidirectional": both, "num_layers": layers, "pooling": pooling}
    for cell in ("rnn", "gru", "lstm")
    for both in (False, True)
    for layers in (1, 2)
    for pooling in ("last", "mean", "max", "mean_max")
]
OTHERS = [
    {"cell": "bag", "pooling": "mean"},
    {"cell": "bag", "pooling": "max"},
    {"cell": "bag", "pooling": "last"},
    {"cell": "gru", "input": "one_hot"},
    {"cell": "lstm", "bidirectional": True, "pooling": "last", "join": "backward_only"},
    {"cell": "lstm", "biases": "one"},
    {"cell": "gru", "embedding_rows": 40},
]


def words_of(shape):
    return "-".join(map(str, shape.values()))


@pytest.mark.parametrize("shape", SHAPES + OTHERS, ids=words_of)
def test_the_file_computes_what_the_network_computes_at_every_length(tmp_path, shape):
    model = small_model(**shape)
    path = export_onnx(model, tmp_path / "m.onnx")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(1)
    for lengths in ([1], [4, 1], [9, 30, 2, 1, 200]):
        tokens_BT = draw.integers(0, len(model.vocabulary), (len(lengths), max(lengths)))
        lengths_B = np.array(lengths)
        logits, chances = session.run(None, {"tokens": tokens_BT, "lengths": lengths_B})
        with torch.inference_mode():
            own = model.network(torch.from_numpy(tokens_BT), torch.from_numpy(lengths_B)).numpy()
        np.testing.assert_allclose(logits, own, atol=2e-5, rtol=1e-4)
        np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)


def test_the_file_carries_what_it_takes_to_read_text(tmp_path):
    model = small_model()
    path = export_onnx(model, tmp_path / "m.onnx")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kept = {k: v for k, v in session.get_modelmeta().custom_metadata_map.items() if k != "rnnsweep"}
    kept = {key: json.loads(value) for key, value in kept.items()}
    assert kept["labels"] == list(model.labels)
    assert kept["vocabulary"] == list(model.vocabulary)
    assert (kept["tokens"], kept["max_length"], kept["unknown"]) == ("words", 100, 1)


def test_a_network_that_reads_padding_is_refused_with_the_reason(tmp_path):
    with pytest.raises(UserError, match=r"model\.masked=false: this network reads padding"):
        export_onnx(small_model(masked=False), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_disagrees_is_not_left_on_disk(tmp_path, monkeypatch):
    one, other = small_model(seed=1), small_model(seed=2)
    content = export_onnx(one, tmp_path / "m.onnx").read_bytes()
    refuse_different(one, content)
    with pytest.raises(UserError, match=r"differs from the original by .* nothing was written"):
        refuse_different(other, content)
    monkeypatch.setattr(onnx_file, "make_graph", lambda network: onnx_graph(other.network))
    from rnnsweep.models.onnx_graph import make_graph as onnx_graph

    with pytest.raises(UserError, match="nothing was written"):
        export_onnx(one, tmp_path / "n.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_weight_that_is_no_number_is_a_difference(tmp_path):
    model = small_model()
    content = export_onnx(model, tmp_path / "m.onnx").read_bytes()
    model.network.output.bias[0] = float("nan")
    with pytest.raises(UserError, match="differs from the original by nan"):
        refuse_different(model, content)


def test_a_missing_library_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"onnx is not installed: pip install 'rnnsweep\[onnx\]'"):
        export_onnx(small_model(), tmp_path / "m.onnx")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be written: No such file or directory"):
        export_onnx(small_model(), tmp_path / "nowhere" / "m.onnx")
