"""How far back a loss reaches.

Shapes: T time steps, B texts, H units.
"""

import numpy as np
import pytest
import torch
from examples.lesson.vanishing import Reach, draw_reach, gradient_by_distance
from torch.nn.functional import cross_entropy

from rnnsweep.networks import ModelConfig, build

TOKENS_TB = torch.tensor([[2, 5], [3, 6], [4, 7], [5, 2], [6, 3]])
TARGETS_B = torch.tensor([0, 1])


def network(**settings):
    torch.manual_seed(0)
    config = ModelConfig(embedding_size=4, hidden_size=3, pooling="last", dropout=0, **settings)
    return build(config, vocabulary=9, classes=2).eval()


def test_a_plain_networks_gradients_are_products_of_its_jacobians():
    model = network(cell="rnn")
    states_TBH = model.layers(model.embedding(TOKENS_TB))[0].detach()
    last_BH = states_TBH[-1].clone().requires_grad_()
    cross_entropy(model.output(last_BH), TARGETS_B, reduction="sum").backward()
    gradient_BH, norms = last_BH.grad, [last_BH.grad.norm(dim=1)]
    for step in range(4, 0, -1):
        gradient_BH = (gradient_BH * (1 - states_TBH[step] ** 2)) @ model.layers.weight_hh_l0.detach()
        norms.append(gradient_BH.norm(dim=1))
    relative_TB = torch.stack(norms) / norms[0]
    expected_T = relative_TB.log().mean(1).exp()
    np.testing.assert_allclose(gradient_by_distance(model, TOKENS_TB, TARGETS_B), expected_T, rtol=1e-4)


def test_an_open_forget_gate_hands_the_gradient_on_and_a_shut_one_ends_it():
    model = network(cell="lstm")
    layers = model.layers
    with torch.no_grad():
        layers.weight_hh_l0.zero_()  # nothing but the memory goes from step to step
        layers.bias_ih_l0[3:6] = 50.0
    np.testing.assert_allclose(gradient_by_distance(model, TOKENS_TB, TARGETS_B), np.ones(5), rtol=1e-5)
    with torch.no_grad():
        layers.bias_ih_l0[3:6] = -50.0
    assert gradient_by_distance(model, TOKENS_TB, TARGETS_B)[1:].max() < 1e-15


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_distance_none_is_one_and_all_are_finite(cell):
    by_distance_T = gradient_by_distance(network(cell=cell), TOKENS_TB, TARGETS_B)
    assert by_distance_T.shape == (5,)
    assert by_distance_T[0] == pytest.approx(1)
    assert np.isfinite(by_distance_T).all()


def test_the_picture_shows_both_times():
    values_T = np.array([1.0, 0.1, 0.01])
    picture = draw_reach([Reach("RNN", values_T, values_T)], {"RNN": "#777777"}, title="t")
    assert picture.startswith(b"\x89PNG")
