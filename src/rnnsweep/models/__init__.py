"""Trained networks as things to use: a folder without code in it, raw text in, label and probabilities out.

`folder` writes and reads such a folder and refuses foreign ones; `classify` is the model itself; `card` says
where it comes from and what it is good for; `onnx_file` and `onnx_graph` take it elsewhere; `scoring` puts it
behind MLflow's scoring server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnsweep.models.card import Card
    from rnnsweep.models.classify import Prediction, TextModel
    from rnnsweep.models.folder import read_model, write_model
    from rnnsweep.models.onnx_file import export_onnx

_HOMES = {
    "classify": ("Prediction", "TextModel"),
    "folder": ("read_model", "write_model"),
    "card": ("Card",),
    "onnx_file": ("export_onnx",),
}
__all__ = ["Card", "Prediction", "TextModel", "export_onnx", "read_model", "write_model"]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rnnsweep.models.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
