"""A model as an ONNX file, left on disk only where it agrees with the original.

The file takes token ids; how a text becomes ids (``tokens``, ``max_length``, ``vocabulary``) and the labels
are in its metadata, as JSON.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnsweep.errors import UserError
from rnnsweep.files import write_whole
from rnnsweep.models.onnx_graph import OPSET, make_graph
from rnnsweep.models.text_model import TextModel

TOLERANCE = 1e-4  # of a logit, for logits of about 1; larger ones in proportion
LENGTHS = (1, 2, 3, 7, 20, 50, 130)  # of the texts that are compared
EXTRA = "pip install 'rnnsweep[onnx]'"


def export_onnx(model: TextModel, path: Path) -> Path:
    """Write a model to `path` once ONNX Runtime gives the same answers from it as PyTorch.

    Raises:
        UserError: ONNX is not installed, the network is no function of a text, the file cannot be written,
            or the two disagree.
    """
    if model.scale is not None:
        raise UserError(f"{path}: only models of classes can be exported; this one answers with a number")
    onnx = _required("onnx")
    content = onnx.helper.make_model(
        make_graph(model.network),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="rnnsweep",
    )
    content.ir_version = 8  # of ONNX 1.12: older runtimes read it
    onnx.helper.set_model_props(content, _metadata(model))
    onnx.checker.check_model(content, full_check=True)
    whole: bytes = content.SerializeToString()
    refuse_different(model, whole)
    try:
        write_whole(path, whole, mode=0o666)  # as any other file of the user
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def refuse_different(model: TextModel, onnx_bytes: bytes, *, seed: int = 0) -> None:
    """Compare an ONNX file with the original on batches of equal and of ragged lengths.

    Raises:
        UserError: a logit differs by more than `TOLERANCE`, or a label's place by that.
    """
    runtime = _required("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(seed)
    for lengths in (*([length, length] for length in LENGTHS), list(LENGTHS), list(LENGTHS)[::-1], [5]):
        tokens_BT, lengths_B = _texts(draw, lengths, words=len(model.vocabulary))
        with torch.inference_mode():
            own = model.network(torch.from_numpy(tokens_BT), torch.from_numpy(lengths_B)).double().numpy()
        other, _ = session.run(None, {"tokens": tokens_BT, "lengths": lengths_B})
        gap = float(np.max(np.abs(own - other) / np.maximum(1.0, np.abs(own))))
        if not gap <= TOLERANCE:  # NaN is a difference too
            raise UserError(
                f"the ONNX file differs from the original by {gap:.2g} (lengths {lengths}, tolerance"
                f" {TOLERANCE:g}); nothing was written"
            )


def _texts(draw: np.random.Generator, lengths: list[int], *, words: int) -> tuple[Any, Any]:
    """Draw token ids; what is after a text's length is other words, which must not matter."""
    shape = (len(lengths), max(lengths))
    return draw.integers(0, words, shape, dtype=np.int64), np.array(lengths, dtype=np.int64)


def _metadata(model: TextModel) -> dict[str, str]:
    values = {
        "labels": list(model.labels),
        "vocabulary": list(model.vocabulary),
        "tokens": model.cutting.tokens,
        "max_length": model.cutting.max_length,
        "unknown": model.cutting.unknown,
        "cut": model.cutting.cut,
        "rules": model.cutting.rules,
        "subwords": model.cutting.subwords,
        "facts": dict(model.facts),
    }
    written = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    return {"rnnsweep": version("rnnsweep"), **written}


def _required(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f"{name} is not installed: {EXTRA}") from error
