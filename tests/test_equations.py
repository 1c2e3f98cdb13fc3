"""The cells as equations, against PyTorch's own.

Shapes: T time steps, B texts, E numbers a step in, H units.
"""

import pytest
import torch
from examples.lesson.unrolled import copies, packed_order
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnsweep.networks import equations
from rnnsweep.networks.equations import looped, traces, unrolled, weights_of

MODULES = {
    "RNN_TANH": lambda e, h, **k: nn.RNN(e, h, **k),
    "RNN_RELU": lambda e, h, **k: nn.RNN(e, h, nonlinearity="relu", **k),
    "GRU": lambda e, h, **k: nn.GRU(e, h, **k),
    "LSTM": lambda e, h, **k: nn.LSTM(e, h, **k),
}
ALL = pytest.mark.parametrize("mode", MODULES)


def close(a, b, atol=1e-6):
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


def example(mode, *, steps=7, texts=3, **options):
    torch.manual_seed(0)
    return MODULES[mode](5, 4, **options), torch.randn(steps, texts, 5)


@ALL
@settings(max_examples=15, deadline=None)
@given(steps=st.integers(1, 12), texts=st.integers(1, 4), width=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_equation_equals_pytorch_at_every_step(mode, steps, texts, width, seed):
    torch.manual_seed(seed)
    module, inputs_TBE = MODULES[mode](width, 4), torch.randn(steps, texts, width)
    trace = looped(equations.CELLS[mode], weights_of(module), inputs_TBE)
    expected_TBH, last = module(inputs_TBE)
    size = max(1.0, expected_TBH.abs().max().item())  # states of ReLU cells have no bound
    close(trace.states_TBH, expected_TBH, atol=1e-6 * size)
    if mode == "LSTM":
        close(trace.memory_TBH[-1], last[1][0])


@ALL
def test_unrolled_equals_looped(mode):
    module, inputs_TBE = example(mode)
    cell, weights = equations.CELLS[mode], weights_of(module)
    one, chain = looped(cell, weights, inputs_TBE), unrolled(cell, copies(weights, steps=7), inputs_TBE)
    close(chain.states_TBH, one.states_TBH, atol=0)


@ALL
def test_the_gradient_of_the_one_set_of_weights_is_the_sum_over_the_steps(mode):
    module, inputs_TBE = example(mode)
    cell, weights = equations.CELLS[mode], weights_of(module)
    module(inputs_TBE)[0][-1].square().sum().backward()
    chain = copies(weights, steps=7)
    unrolled(cell, chain, inputs_TBE).states_TBH[-1].square().sum().backward()
    for name, shared in zip(weights._fields[:4], weights[:4], strict=True):
        each = [getattr(step, name).grad for step in chain]
        close(torch.stack(each).sum(0), shared.grad)
        assert not torch.equal(each[0], each[-1])


@ALL
def test_the_gradients_of_the_loop_equal_pytorchs(mode):
    module, inputs_TBE = example(mode)
    module(inputs_TBE)[0].square().sum().backward()
    expected = [w.grad.clone() for w in weights_of(module)[:4]]
    module.zero_grad()
    looped(equations.CELLS[mode], weights_of(module), inputs_TBE).states_TBH.square().sum().backward()
    for w, gradient in zip(weights_of(module)[:4], expected, strict=True):
        close(w.grad, gradient, atol=1e-5)


@ALL
def test_layers_and_directions_are_traced_as_pytorch_runs_them(mode):
    module, inputs_TBE = example(mode, num_layers=2, bidirectional=True)
    found = traces(module, inputs_TBE)
    assert [place[:2] for place in found] == [
        (0, "forward"), (0, "backward"), (1, "forward"), (1, "backward")
    ]  # fmt: skip
    close(torch.cat([found[2][2].states_TBH, found[3][2].states_TBH], dim=2), module(inputs_TBE)[0])


def test_a_text_can_be_read_on_from_a_state():
    module, inputs_TBE = example("GRU")
    whole = looped(equations.gru, weights_of(module), inputs_TBE)
    start = equations.Step(whole.states_TBH[3])
    close(looped(equations.gru, weights_of(module), inputs_TBE[4:], start).states_TBH, whole.states_TBH[4:])


def test_the_gates_are_named_and_lie_between_their_bounds():
    for mode, names in {"LSTM": {"input", "forget", "output"}, "GRU": {"reset", "update"}}.items():
        module, inputs_TBE = example(mode)
        gates = looped(equations.CELLS[mode], weights_of(module), inputs_TBE).gates
        assert set(gates) == names | {"candidate"}
        for name in names:
            assert gates[name].shape == (7, 3, 4)
            assert 0 < gates[name].min() < gates[name].max() < 1
        assert gates["candidate"].abs().max() < 1


def test_an_open_forget_gate_and_a_shut_input_gate_keep_the_memory():
    module, inputs_TBE = example("LSTM")
    weights = weights_of(module)
    with torch.no_grad():
        weights.b[:4], weights.b[4:8] = -100.0, 100.0  # input shut, forget open
    start = equations.Step(torch.zeros(3, 4), torch.full((3, 4), 0.5))
    close(looped(equations.lstm, weights, inputs_TBE, start).memory_TBH, torch.full((7, 3, 4), 0.5))


def test_packing_lays_texts_out_step_by_step():
    texts = [[1, 2, 3, 4, 5], [6, 7, 8], [9]]
    ours = [texts[text][step] for text, step in packed_order([5, 3, 1])]
    padded_TB = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0], [9, 0, 0, 0, 0]]).t()
    theirs = pack_padded_sequence(padded_TB, torch.tensor([5, 3, 1]), enforce_sorted=False)
    assert ours == theirs.data.tolist() == [1, 6, 9, 2, 7, 3, 8, 4, 5]


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_packing_order_is_pytorchs_for_any_lengths(lengths):
    numbers = torch.arange(len(lengths) * 9).view(len(lengths), 9)
    packed = pack_padded_sequence(numbers.t(), torch.tensor(lengths), enforce_sorted=False)
    ours = [numbers[text, step].item() for text, step in packed_order(lengths)]
    sizes = packed.batch_sizes.tolist()
    # texts of one length may stand in any order within a step
    ends = torch.tensor(sizes).cumsum(0).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        assert sorted(ours[start:end]) == sorted(packed.data[start:end].tolist())
