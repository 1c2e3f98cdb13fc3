"""A network as an ONNX graph, written by hand: exact for every length, padded or not.

PyTorch's exporters trace one run: they bake in a length, or which way the layers were run (packed, gathered).
ONNX's own LSTM, GRU and RNN take the lengths as an input and read each text to its end in both directions,
which is what `networks.Network` computes.

Shapes: B texts, T time steps, E numbers a token, H outputs a step, C labels, D directions.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsweep.errors import UserError
from rnnsweep.networks import Network
from rnnsweep.networks.cells import OnnxForm

if TYPE_CHECKING:
    from onnx import GraphProto

OPSET = 17
Array = NDArray[np.float32]


class _Graph:
    """Nodes and constants as they are added, each node under the name of what it gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: Any, kind: Any = np.int64) -> str:
        self.constants[name] = np.asarray(values, kind)
        return name


def make_graph(network: Network) -> "GraphProto":
    """Return the graph: int64 ``tokens`` (B, T), ``lengths`` (B) to ``logits``, ``probabilities`` (B, C).

    Raises:
        UserError: the network's answer depends on its neighbours in a batch, so no function of a text is it.
    """
    config = network.config
    if not config.masked:
        raise UserError(
            "model.masked=false: this network reads padding, so its answer for a text depends on the texts"
            " beside it; it cannot be exported. Train it with model.masked=true"
        )
    form = network.cell.onnx
    if network.layers is not None and form is None:
        raise UserError(f"model.cell={config.cell!r}: cannot be exported: its CellSpec has no `onnx`")
    graph = _Graph()
    hidden = _embedded(graph, network)
    if network.layers is not None:
        assert form is not None
        hidden = _recurrent(graph, network, hidden, form)
    pooled = _pooled(graph, network, hidden)
    weight_CH, bias_C = _array(network.output.weight), _array(network.output.bias)
    graph.constant("output.weight", weight_CH, np.float32)
    graph.constant("output.bias", bias_C, np.float32)
    graph.add("Gemm", [pooled, "output.weight", "output.bias"], "logits", transB=1)
    graph.add("Softmax", ["logits"], "probabilities", axis=1)
    return _finished(graph, classes=len(bias_C))


def _embedded(graph: _Graph, network: Network) -> str:
    """Look the tokens up, time first, as PyTorch's layers and ONNX's have it."""
    graph.constant("embedding.weight", _array(network.embedding.weight), np.float32)
    graph.add("Transpose", ["tokens"], "tokens_TB", perm=[1, 0])
    return graph.add("Gather", ["embedding.weight", "tokens_TB"], "embedded_TBE", axis=0)


def _recurrent(graph: _Graph, network: Network, inputs: str, form: OnnxForm) -> str:
    layers = network.layers
    assert layers is not None
    graph.add("Cast", ["lengths"], "lengths_int32", to=6)  # INT32
    graph.constant("flat", [0, 0, -1])
    for layer in range(layers.num_layers):
        names = [f"layer{layer}.{part}" for part in ("W", "R", "B")]
        suffixes = [f"l{layer}", f"l{layer}_reverse"][: 2 if layers.bidirectional else 1]
        weights = [_weights(network, form, suffix) for suffix in suffixes]
        for name, parts in zip(names, zip(*weights, strict=True), strict=True):
            graph.constant(name, np.stack(parts), np.float32)
        graph.add(
            form.operator,
            [inputs, *names, "lengths_int32"],
            f"layer{layer}.outputs_TDBH",
            hidden_size=layers.hidden_size,
            direction="bidirectional" if layers.bidirectional else "forward",
            **form.attributes,
        )
        graph.add(
            "Transpose", [f"layer{layer}.outputs_TDBH"], f"layer{layer}.outputs_TBDH", perm=[0, 2, 1, 3]
        )
        inputs = graph.add("Reshape", [f"layer{layer}.outputs_TBDH", "flat"], f"layer{layer}.outputs_TBH")
    return inputs


def _weights(network: Network, form: OnnxForm, suffix: str) -> tuple[Array, Array, Array]:
    """Return one direction's input and recurrent weights and both biases, gates in ONNX's order."""
    layers = network.layers
    parts = [
        _ordered(_array(getattr(layers, f"{name}_{suffix}")), form.order)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    return parts[0], parts[1], np.concatenate(parts[2:])


def _ordered(blocks: Array, order: tuple[int, ...]) -> Array:
    split = np.split(blocks, len(order))
    return np.concatenate([split[place] for place in order])


def _pooled(graph: _Graph, network: Network, hidden: str) -> str:
    pooling = network.config.pooling
    if pooling == "last":
        return _last(graph, network, hidden)
    _add_mask(graph, hidden)
    parts = [_POOLS[part](graph, hidden) for part in pooling.split("_")]  # mean_max: both, side by side
    return parts[0] if len(parts) == 1 else graph.add("Concat", parts, "pooled_BH", axis=1)


def _add_mask(graph: _Graph, hidden: str) -> None:
    """Number the steps, ``steps_T1``, and say which of them are padding, ``padding_TB1``."""
    graph.constant("zero", 0)
    graph.constant("one", 1)
    graph.constant("time", [0])
    graph.constant("middle_axis", [1])
    graph.constant("last_axis", [2])
    graph.constant("nothing", 0.0, np.float32)
    graph.add("Shape", [hidden], "shape")
    graph.add("Gather", ["shape", "zero"], "steps", axis=0)
    graph.add("Range", ["zero", "steps", "one"], "steps_T")
    graph.add("Unsqueeze", ["steps_T", "middle_axis"], "steps_T1")
    graph.add("GreaterOrEqual", ["steps_T1", "lengths"], "padding_TB")
    graph.add("Unsqueeze", ["padding_TB", "last_axis"], "padding_TB1")


def _mean(graph: _Graph, hidden: str) -> str:
    graph.add("Where", ["padding_TB1", "nothing", hidden], "real_TBH")
    graph.add("ReduceSum", ["real_TBH", "time"], "total_BH", keepdims=0)
    graph.add("Cast", ["lengths"], "lengths_float", to=1)  # FLOAT
    graph.add("Unsqueeze", ["lengths_float", "middle_axis"], "lengths_B1")
    return graph.add("Div", ["total_BH", "lengths_B1"], "mean_BH")


def _max(graph: _Graph, hidden: str) -> str:
    graph.constant("lowest", np.finfo(np.float32).min, np.float32)
    graph.add("Where", ["padding_TB1", "lowest", hidden], "high_TBH")
    return graph.add("ReduceMax", ["high_TBH"], "max_BH", axes=[0], keepdims=0)


_POOLS = {"mean": _mean, "max": _max}


def _last(graph: _Graph, network: Network, hidden: str) -> str:
    """Take each direction's last state: the forward one at length - 1, the backward one at 0."""
    _add_mask(graph, hidden)
    graph.add("Sub", ["lengths", "one"], "ends_B")
    graph.add("Equal", ["steps_T1", "ends_B"], "is_end_TB")
    graph.add("Unsqueeze", ["is_end_TB", "last_axis"], "is_end_TB1")
    graph.add("Where", ["is_end_TB1", hidden, "nothing"], "ends_TBH")
    forward = graph.add("ReduceSum", ["ends_TBH", "time"], "ends_BH", keepdims=0)
    config = network.config
    if not (config.bidirectional and network.layers is not None):
        return forward
    size = config.hidden_size
    graph.constant("half", [size])
    graph.constant("whole", [2 * size])
    graph.add("Gather", [hidden, "zero"], "starts_BH", axis=0)
    graph.add("Slice", ["starts_BH", "half", "whole", "middle_axis"], "backward_BH")
    if config.join == "backward_only":
        return "backward_BH"
    graph.add("Slice", [forward, "time", "half", "middle_axis"], "forward_BH")
    return graph.add("Concat", ["forward_BH", "backward_BH"], "joined_BH", axis=1)


def _finished(graph: _Graph, *, classes: int) -> "GraphProto":
    from onnx import TensorProto, helper, numpy_helper

    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["texts", "steps"])
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, ["texts"])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", classes])
        for name in ("logits", "probabilities")
    ]
    constants = [numpy_helper.from_array(values, name) for name, values in graph.constants.items()]
    return helper.make_graph(graph.nodes, "rnnsweep", [tokens, lengths], outputs, constants)


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
