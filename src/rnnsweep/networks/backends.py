"""Four backends that run recurrent layers over texts of different lengths; all compute the same function.

compiled  own time loops, which read the real steps alone (`recurrent`): on the CPU, in full precision.
packed    PyTorch's packed sequences: right everywhere, but on the CPU they leave oneDNN's fused kernel.
equal     all lengths are the same: the layers run as they are.
gathered  each direction reads every text in its own order (the backward one through an index that reverses
          the real steps and leaves the padding behind them), as a plain forward layer: padding comes after
          the last real step and can change nothing before it.

Shapes: T time steps, B texts, E numbers a step in, H numbers a step out (both directions side by side).
"""

from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnsweep.networks.cells import CellSpec
from rnnsweep.networks.fast.layers import Shows
from rnnsweep.networks.fast.recurrent import run_compiled
from rnnsweep.networks.layers import EquationLayers, Layers
from rnnsweep.runtime.compiled import AVAILABLE

Backend = Literal["compiled", "packed", "equal", "gathered"]
_RUN = {"LSTM": torch.lstm, "GRU": torch.gru, "RNN_TANH": torch.rnn_tanh}


def choose(inputs: Tensor, *, ragged: bool = True, cell: CellSpec | None = None) -> Backend:
    """Choose the backend that was measured to be the fastest (`python -m benchmarks lengths`).

    On the CPU the compiled loops take a third to two thirds of the time of oneDNN's kernels on gathered texts
    for a GRU or an RNN, and about the same for an LSTM (whole training steps, batches of 16 to 256: .86 to
    1.08 of it); where distinct words are read once (`recurrent.run_distinct`), which oneDNN cannot, an LSTM's
    step takes .61 to .87 of oneDNN's. In reduced precision, or without Numba, the texts are gathered. cuDNN
    runs packed sequences in one kernel launch a layer, both directions together. A cell that PyTorch has no
    module for is gathered, and its equations step through time.
    """
    on_cpu = inputs.device.type == "cpu"
    has_loops = cell is None or cell.loops is not None
    if on_cpu and has_loops and AVAILABLE and not torch.is_autocast_enabled("cpu"):
        return "compiled"
    if not ragged:
        return "equal"
    return "gathered" if on_cpu or (cell is not None and cell.module is None) else "packed"


@cache
def lacks_bfloat16() -> bool:
    """Return whether oneDNN has no recurrent layers in bfloat16 for this processor (it needs AVX-512)."""
    return not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def run(
    layers: Layers, inputs_TBE: Tensor, lengths_B: Tensor, *, backend: Backend, shows: Shows = "every"
) -> Tensor:
    """Run recurrent layers over texts; the outputs at and after a text's length mean nothing.

    Under autocast the layers run in single precision where the processor has no bfloat16 for them.

    Args:
        layers: PyTorch's, or of a cell's equations.
        inputs_TBE: embedded tokens.
        lengths_B: tokens of each text, 1 or more.
        backend: as `choose` returns it.
        shows: what "compiled" returns (see `run_compiled`); the others return every output.

    Returns:
        outputs_TBH, or pooled_BH
    """
    if inputs_TBE.device.type == "cpu" and torch.is_autocast_enabled("cpu") and lacks_bfloat16():
        with torch.autocast("cpu", enabled=False):
            return run(layers, inputs_TBE.float(), lengths_B, backend=backend, shows=shows)
    if backend == "compiled":
        return run_compiled(layers, inputs_TBE, lengths_B, shows=shows)
    if backend == "packed":
        return _packed(layers, inputs_TBE, lengths_B)
    if backend == "equal" or not layers.bidirectional:
        return layers(inputs_TBE)[0]  # type: ignore[no-any-return]
    return _gathered(layers, inputs_TBE, lengths_B)


def _packed(layers: Layers, inputs_TBE: Tensor, lengths_B: Tensor) -> Tensor:
    packed = pack_padded_sequence(inputs_TBE, lengths_B.cpu(), enforce_sorted=False)
    outputs_TBH, _ = pad_packed_sequence(layers(packed)[0], total_length=inputs_TBE.shape[0])
    return outputs_TBH


def _gathered(layers: Layers, inputs_TBE: Tensor, lengths_B: Tensor) -> Tensor:
    index_N = _reversing_index(lengths_B, steps=inputs_TBE.shape[0])
    hidden_TBH = inputs_TBE
    for layer in range(layers.num_layers):
        if layer and layers.dropout:
            hidden_TBH = nn.functional.dropout(hidden_TBH, layers.dropout, layers.training)
        forward_TBH = _one_direction(layers, hidden_TBH, layer, backward=False)
        reversed_TBE: Tensor = _Reverse.apply(hidden_TBH, index_N)  # type: ignore[no-untyped-call]
        backward_TBH = _one_direction(layers, reversed_TBE, layer, backward=True)
        again_TBH: Tensor = _Reverse.apply(backward_TBH, index_N)  # type: ignore[no-untyped-call]
        hidden_TBH = torch.cat((forward_TBH, again_TBH), dim=2)
    return hidden_TBH


def _reversing_index(lengths_B: Tensor, *, steps: int) -> Tensor:
    """Number the vectors [step, text] in the order that reverses each text's real steps.

    Padding stays where it is. The order is its own inverse.
    """
    texts = len(lengths_B)
    steps_T1 = torch.arange(steps, device=lengths_B.device).unsqueeze(1)
    step_TB = torch.where(steps_T1 < lengths_B, lengths_B - 1 - steps_T1, steps_T1)
    return (step_TB * texts + torch.arange(texts, device=lengths_B.device)).flatten()


class _Reverse(torch.autograd.Function):
    """Take whole vectors in a self-inverse order: its gradient is the same copy, not a slow scattered sum."""

    @staticmethod
    def forward(ctx: Any, values_TBE: Tensor, index_N: Tensor) -> Tensor:
        ctx.save_for_backward(index_N)
        return _take(values_TBE, index_N)

    @staticmethod
    def backward(ctx: Any, gradient_TBE: Tensor) -> tuple[Tensor, None]:
        (index_N,) = ctx.saved_tensors
        return _take(gradient_TBE, index_N), None


def _take(values_TBE: Tensor, index_N: Tensor) -> Tensor:
    flat_NE = values_TBE.reshape(-1, values_TBE.shape[2])
    return flat_NE.index_select(0, index_N).view(values_TBE.shape)


def _one_direction(layers: Layers, inputs_TBE: Tensor, layer: int, *, backward: bool) -> Tensor:
    """Run one direction of one layer as a forward layer, with the parameters of the module."""
    if isinstance(layers, EquationLayers):
        return layers.run_direction(inputs_TBE, layer, backward=backward)
    suffix = f"l{layer}" + ("_reverse" if backward else "")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = [getattr(layers, f"{name}_{suffix}") for name in names]
    start_1BH = inputs_TBE.new_zeros(1, inputs_TBE.shape[1], layers.hidden_size)
    start = [start_1BH, start_1BH] if layers.mode == "LSTM" else start_1BH
    # has_biases, num_layers, dropout, train, bidirectional, batch_first
    return _RUN[layers.mode](inputs_TBE, start, weights, True, 1, 0.0, layers.training, False, False)[0]  # type: ignore[no-any-return, operator]
