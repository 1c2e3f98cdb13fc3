"""The compiled time loops compute what PyTorch's packed sequences do, in value and in gradient."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from rnnsweep.networks import ModelConfig, build
from rnnsweep.networks.backends import run
from rnnsweep.networks.fast import recurrent
from rnnsweep.networks.fast.activations import _tanh_of_single, sigmoid
from rnnsweep.networks.fast.recurrent import run_compiled, run_distinct
from rnnsweep.networks.pooling import pool

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
LENGTHS = torch.tensor([3, 5, 1, 5, 2])  # neither sorted nor a multiple of four


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", KINDS)
def test_the_gradients_agree_with_finite_differences_in_double_precision(cell, bidirectional):
    torch.manual_seed(0)
    layers = KINDS[cell](2, 3, num_layers=2, bidirectional=bidirectional).double()
    inputs_TBE = torch.randn(5, 5, 2, dtype=torch.double, requires_grad=True)

    def outputs(inputs_TBE, *weights):
        named = dict(zip([name for name, _ in layers.named_parameters()], weights, strict=True))
        with nn.utils.stateless._reparametrize_module(layers, named):
            return run_compiled(layers, inputs_TBE, LENGTHS)

    assert torch.autograd.gradcheck(outputs, (inputs_TBE, *layers.parameters()), fast_mode=True)


@pytest.mark.parametrize("hidden", [1, 4, 30, 128])
@pytest.mark.parametrize("cell", KINDS)
def test_a_hundred_steps_of_any_width_agree_with_packed_sequences_to_1e_5(cell, hidden):
    torch.manual_seed(1)
    layers = KINDS[cell](6, hidden, bidirectional=True)
    inputs_TBE, lengths_B = torch.randn(100, 7, 6), torch.tensor([100, 99, 100, 3, 47, 1, 64])

    compiled, packed = (
        run(layers, inputs_TBE, lengths_B, backend=backend) for backend in ("compiled", "packed")
    )

    torch.testing.assert_close(compiled, packed, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", KINDS)
@settings(deadline=None, max_examples=20)
@given(places=st.lists(st.integers(0, 3), min_size=25, max_size=25), padding=st.none() | st.integers(0, 3))
def test_reading_distinct_vectors_once_has_the_outputs_and_gradients_of_reading_every_token(
    cell, bidirectional, places, padding
):
    torch.manual_seed(0)
    layers = KINDS[cell](2, 3, num_layers=2, bidirectional=bidirectional).double()
    ours, theirs = (torch.randn(4, 2, dtype=torch.double).requires_grad_() for _ in range(2))
    theirs.data.copy_(ours.data)
    places_TB, factors = torch.tensor(places).view(5, 5), torch.randn(5, 5, 3 * (1 + bidirectional))

    once_TBH = run_distinct(layers, ours, places_TB, LENGTHS, padding=padding)
    once = torch.autograd.grad((once_TBH * factors).sum(), (ours, *layers.parameters()))
    each_TBH = run_compiled(layers, nn.functional.embedding(places_TB, theirs, padding), LENGTHS)
    each = torch.autograd.grad((each_TBH * factors).sum(), (theirs, *layers.parameters()))

    torch.testing.assert_close(once_TBH, each_TBH)
    torch.testing.assert_close(once, each)


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("cell", KINDS)
def test_a_retained_graph_gives_the_same_gradients_a_second_time(cell, distinct):
    torch.manual_seed(0)
    layers = KINDS[cell](2, 3, num_layers=2, bidirectional=True)
    if distinct:
        inputs = torch.randn(4, 2, requires_grad=True)
        outputs_TBH = run_distinct(layers, inputs, torch.randint(4, (5, 5)), LENGTHS, padding=None)
    else:
        inputs = torch.randn(5, 5, 2, requires_grad=True)
        outputs_TBH = run_compiled(layers, inputs, LENGTHS)
    weights = (inputs, *layers.parameters())
    once, twice = (torch.autograd.grad((outputs_TBH**2).sum(), weights, retain_graph=True) for _ in range(2))
    torch.testing.assert_close(twice, once)
    assert all(gradient.abs().sum() > 0 for gradient in once)


@pytest.mark.parametrize("shows", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", KINDS)
@settings(deadline=None, max_examples=15)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6), distinct=st.booleans())
def test_what_the_layers_pool_themselves_has_the_values_and_gradients_of_pooled_outputs(
    cell, bidirectional, shows, lengths, distinct
):
    torch.manual_seed(0)
    layers = KINDS[cell](2, 3, num_layers=2, bidirectional=bidirectional).double()
    lengths_B, texts = torch.tensor(lengths), len(lengths)
    vectors = torch.randn(4, 2, dtype=torch.double, requires_grad=True)
    places_TB = torch.randint(4, (5, texts))

    def outputs(shows):
        if distinct:
            return run_distinct(layers, vectors, places_TB, lengths_B, padding=None, shows=shows)
        return run_compiled(layers, vectors[places_TB], lengths_B, shows=shows)

    itself = outputs(shows)
    pooled = pool(
        outputs("every"), lengths_B, pooling=shows, bidirectional=bidirectional, ragged=len({*lengths, 5}) > 1
    )
    weights, factors = (vectors, *layers.parameters()), torch.randn(pooled.shape, dtype=torch.double)

    torch.testing.assert_close(itself, pooled)
    torch.testing.assert_close(
        *(torch.autograd.grad((one * factors).sum(), weights, retain_graph=True) for one in (itself, pooled))
    )


def test_padding_comes_out_as_zeros():
    outputs_TBH = run_compiled(nn.GRU(2, 3, bidirectional=True), torch.randn(5, 5, 2), LENGTHS)
    is_padding_TB = torch.arange(5).unsqueeze(1) >= LENGTHS
    assert outputs_TBH[is_padding_TB].abs().sum() == 0
    assert outputs_TBH[~is_padding_TB].abs().min() > 0


def test_reading_in_parts_without_gradients_changes_nothing(monkeypatch):
    layers, inputs_TBE = nn.LSTM(2, 3, num_layers=2, bidirectional=True), torch.randn(5, 5, 2)
    whole = run_compiled(layers, inputs_TBE, LENGTHS).detach()
    monkeypatch.setattr(recurrent, "_AT_ONCE", 1)
    monkeypatch.setattr(recurrent, "_TOGETHER", 1)
    with torch.no_grad():
        torch.testing.assert_close(run_compiled(layers, inputs_TBE, LENGTHS), whole)
        means_BH = run_compiled(layers, inputs_TBE, LENGTHS, shows="mean")
    torch.testing.assert_close(means_BH, whole.sum(0) / LENGTHS.unsqueeze(1))


@pytest.mark.parametrize("texts", [64, 200])
def test_means_of_texts_judged_in_parts_are_those_of_all_at_once_to_the_last_digit(monkeypatch, texts):
    torch.manual_seed(0)
    layers, inputs_TBE = nn.LSTM(2, 5), torch.randn(30, texts, 2)
    lengths_B = torch.randint(1, 31, (texts,))
    whole = run_compiled(layers, inputs_TBE, lengths_B, shows="mean").detach()
    monkeypatch.setattr(recurrent, "_AT_ONCE", 1)
    with torch.no_grad():
        assert torch.equal(run_compiled(layers, inputs_TBE, lengths_B, shows="mean"), whole)


def test_a_number_that_is_none_is_passed_on_and_not_smoothed_over():
    inputs_TBE = torch.randn(4, 2, 2)
    inputs_TBE[2, 0] = float("nan")
    outputs_TBH = run_compiled(nn.LSTM(2, 3), inputs_TBE, torch.tensor([4, 4]))
    assert outputs_TBH[2:, 0].isnan().all()
    assert outputs_TBH[:, 1].isfinite().all()


def test_the_curves_in_single_precision_are_right_to_a_millionth():
    x = np.linspace(-12, 12, 4001, dtype=np.float32)
    curve = np.array([_tanh_of_single(one) for one in x])
    np.testing.assert_allclose(curve, np.tanh(x.astype(np.float64)), atol=3e-7)
    assert sigmoid(0.3) == pytest.approx(1 / (1 + np.exp(-0.3)))


def test_weights_that_do_not_learn_get_no_gradient():
    layers = nn.LSTM(2, 3)
    layers.bias_hh_l0.requires_grad_(False)
    run_compiled(layers, torch.randn(5, 5, 2), LENGTHS).sum().backward()
    assert layers.bias_hh_l0.grad is None
    assert layers.weight_hh_l0.grad.abs().sum() > 0


def test_the_two_biases_of_a_gate_do_not_share_one_gradient():
    layers = nn.RNN(2, 3)
    run_compiled(layers, torch.randn(5, 5, 2), LENGTHS).sum().backward()
    assert torch.equal(layers.bias_ih_l0.grad, layers.bias_hh_l0.grad)
    layers.bias_ih_l0.grad.mul_(0)
    assert layers.bias_hh_l0.grad.abs().sum() > 0


def test_without_the_compiler_the_network_computes_the_same_by_pytorch(tmp_path):
    config = ModelConfig(cell="gru", bidirectional=True, hidden_size=5, embedding_size=4)
    network = build(config, vocabulary=9, classes=2).eval()
    tokens_BT = torch.randint(1, 9, (5, 5))
    torch.save((network.state_dict(), tokens_BT, network(tokens_BT, LENGTHS).detach()), tmp_path / "here.pt")
    code = f"""
import sys; sys.modules["numba"] = None
import torch
from rnnsweep.runtime import compiled
from rnnsweep.networks import ModelConfig, build
assert not compiled.AVAILABLE
weights, tokens, expected = torch.load({str(tmp_path / "here.pt")!r})
config = ModelConfig(cell="gru", bidirectional=True, hidden_size=5, embedding_size=4)
network = build(config, vocabulary=9, classes=2).eval()
network.load_state_dict(weights)
torch.testing.assert_close(network(tokens, torch.tensor({LENGTHS.tolist()})), expected)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
