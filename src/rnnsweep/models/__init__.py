"""Trained networks as things to use: a folder without code in it, raw text in, a class or a number out.

`folder` writes and reads such a folder and refuses foreign ones; `text_model` is the model itself; `card`
describes where it comes from and what it is good for; `onnx_file` and `onnx_graph` export it; `scoring`
serves it behind MLflow's scoring server.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.models.card import Card as Card
    from rnnsweep.models.folder import read_model as read_model, write_model as write_model
    from rnnsweep.models.onnx_file import export_onnx as export_onnx
    from rnnsweep.models.text_model import (
        Answer as Answer,
        NumberPrediction as NumberPrediction,
        Prediction as Prediction,
        TextModel as TextModel,
    )

lazy_names(__name__)
