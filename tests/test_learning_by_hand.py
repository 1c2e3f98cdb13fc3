"""Forward and backward without autograd, against what autograd makes of the same network."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from rnnsweep.networks import ModelConfig, build
from rnnsweep.networks.network import Embedded
from rnnsweep.runtime.compiled import AVAILABLE
from rnnsweep.tasks import TaskConfig
from rnnsweep.tasks.classification import Classes
from rnnsweep.tasks.regression import Numbers
from rnnsweep.tasks.task import Facts

LENGTHS = torch.tensor([5, 5, 3, 1])
TARGETS = torch.tensor([0, 2, 1, 2])
pytestmark = pytest.mark.skipif(not AVAILABLE, reason="without Numba autograd trains every network")


def classes(weights=None):
    config = TaskConfig(class_weights=weights) if weights else TaskConfig()
    return Classes(config, Facts(("a", "b", "c"), TARGETS.numpy()))


def gradients(network, *leaves):
    return [weight.grad for weight in (*network.parameters(), *leaves)]


def learned(network, read, task, *, by_hand):
    torch.manual_seed(1)
    weight = task.weight(TARGETS)
    if by_hand:
        assert network.learns_by_hand(read.vectors)
        return network.learn(read, LENGTHS, lambda outputs: task.judge(outputs, TARGETS, weight))
    if read.places_TB is None:
        outputs_BK = network.read(read.vectors, LENGTHS)
    else:
        outputs_BK = network.read_distinct(read.vectors, read.places_TB, LENGTHS, padding=read.padding)
    loss = task.loss(outputs_BK, TARGETS)
    (loss / weight).backward()
    return outputs_BK.detach(), loss.detach()


CONFIGS = {
    "one layer": {},
    "nine units": {"hidden_size": 9},
    "sixteen units": {"hidden_size": 16},
    "stacked": {"num_layers": 3, "layer_dropout": 0.4},
    "both directions": {"bidirectional": True, "num_layers": 2},
    "without dropout": {"dropout": 0.0},
    "last": {"pooling": "last", "bidirectional": True},
    "max": {"pooling": "max"},
    "mean and max": {"pooling": "mean_max"},
    "backward states alone": {"bidirectional": True, "pooling": "last", "join": "backward_only"},
    "unmasked": {"masked": False},
}


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("settings", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_outputs_loss_and_gradients_are_autograds_to_the_last_digit(cell, settings, distinct):
    torch.manual_seed(0)
    config = ModelConfig(**{"cell": cell, "hidden_size": 5, "embedding_size": 4, "dropout": 0.5, **settings})
    network = build(config, vocabulary=9, classes=3).train()
    places_TB = torch.randint(6, (5, 4))
    found = []
    for by_hand in (False, True):
        own = copy.deepcopy(network)
        torch.manual_seed(2)
        vectors_UE = torch.randn(6, 4, requires_grad=True)
        read = Embedded(vectors_UE, places_TB, 2) if distinct else Embedded(vectors_UE[places_TB])
        made = [*learned(own, read, classes(), by_hand=by_hand)]
        found.append([*made, *gradients(own.layers, vectors_UE), *gradients(own.output)])

    for ours, theirs in zip(found[1], found[0], strict=True):
        assert torch.equal(ours, theirs)


def test_the_gradients_of_the_pieces_of_a_batch_add_up():
    torch.manual_seed(0)
    network = build(
        ModelConfig(hidden_size=5, embedding_size=4, dropout=0.0), vocabulary=9, classes=3
    ).train()
    vectors_UE = torch.randn(6, 4, requires_grad=True)
    read = Embedded(vectors_UE, torch.randint(6, (5, 4)))
    learned(network, read, classes(), by_hand=True)
    once = [gradient.clone() for gradient in gradients(network.layers, vectors_UE)]
    learned(network, read, classes(), by_hand=True)
    torch.testing.assert_close(gradients(network.layers, vectors_UE), [2 * gradient for gradient in once])


def test_weights_and_vectors_that_do_not_learn_get_no_gradient():
    network = build(ModelConfig(hidden_size=5, embedding_size=4), vocabulary=9, classes=3).train()
    network.output.bias.requires_grad_(False)
    network.layers.weight_ih_l0.requires_grad_(False)
    read = Embedded(torch.randn(5, 4, 4))
    learned(network, read, classes(), by_hand=True)
    assert network.output.bias.grad is None
    assert network.layers.weight_ih_l0.grad is None
    assert read.vectors.grad is None
    assert network.layers.weight_hh_l0.grad.abs().sum() > 0


def test_a_head_that_is_not_pytorchs_own_is_left_to_autograd():
    network = build(ModelConfig(hidden_size=5, embedding_size=4), vocabulary=9, classes=3)
    assert network.learns_by_hand(network.embedding.weight)
    network.output = nn.Sequential(nn.Linear(5, 3))
    assert not network.learns_by_hand(network.embedding.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("weights", [None, {"a": 0.5, "b": 2.0, "c": 1.0}])
def test_a_classifications_gradients_are_autograds_to_the_last_digit(weights, dtype):
    task, outputs_BK = classes(weights), torch.randn(4, 3).to(dtype).requires_grad_()
    loss = task.loss(outputs_BK, TARGETS)
    (loss / 7).backward()
    ours, gradients_BK = task.judge(outputs_BK.detach(), TARGETS, 7)
    assert torch.equal(ours, loss)
    assert torch.equal(gradients_BK, outputs_BK.grad)


def test_any_task_has_its_gradients_from_its_loss():
    task = Numbers(TaskConfig(), Facts((), np.array([1.0, 3.0, 4.0])))
    outputs_BK, targets_B = torch.randn(4, 1, requires_grad=True), torch.tensor([1.0, 2.0, 5.0, 1.0])
    loss = task.loss(outputs_BK, targets_B)
    (loss / 4).backward()
    with torch.no_grad():
        ours, gradients_BK = task.judge(outputs_BK, targets_B, 4)
    assert torch.equal(ours, loss)
    assert torch.equal(gradients_BK, outputs_BK.grad)
