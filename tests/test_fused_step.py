"""Several networks stepped together: the same numbers as each by itself."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn.functional import cross_entropy

from rnnsweep.launchers.fused.cells import run_direction
from rnnsweep.launchers.fused.step import learn, make_step_input
from rnnsweep.networks import ModelConfig, build

CLASSES, VOCABULARY = 3, 20
MODULES = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def networks(config: ModelConfig, count: int) -> list:
    torch.manual_seed(7)
    return [build(config, vocabulary=VOCABULARY, classes=CLASSES).double() for _ in range(count)]


def batch(draw: torch.Generator, lengths: list[int]):
    steps = max(lengths)
    tokens_BT = torch.randint(2, VOCABULARY, (len(lengths), steps), generator=draw)
    lengths_B = torch.tensor(sorted(lengths, reverse=True))
    tokens_BT[torch.arange(steps) >= lengths_B.unsqueeze(1)] = 0
    return tokens_BT, lengths_B, torch.randint(CLASSES, (len(lengths),), generator=draw)


def alone(network, texts, seed):
    """Do what a separate training does in a step; give logits, loss and gradients."""
    tokens_BT, lengths_B, targets_B = texts
    torch.manual_seed(seed)
    logits_BC = network.read(network.embedding(tokens_BT.t()), lengths_B)
    loss = cross_entropy(logits_BC, targets_B, reduction="sum")
    (loss / len(targets_B)).backward()
    return logits_BC.detach(), loss.detach(), taken_gradients(network)


def together(members, batches, seeds):
    inputs = []
    for network, (tokens_BT, lengths_B, targets_B), seed in zip(members, batches, seeds, strict=True):
        torch.manual_seed(seed)
        embedded_TBE = network.embedding(tokens_BT.t())
        inputs.append(make_step_input(network, embedded_TBE, lengths_B, targets_B))
    found = learn(inputs)
    return [(one.logits_BC, one.loss, taken_gradients(net)) for one, net in zip(found, members, strict=True)]


def taken_gradients(network):
    gradients = {name: weight.grad.clone() for name, weight in network.named_parameters()}
    network.zero_grad()
    return gradients


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_no_two_weights_share_the_memory_of_their_gradients(cell):
    members = networks(ModelConfig(cell=cell, bidirectional=True, embedding_size=4, hidden_size=3), 2)
    draw = torch.Generator().manual_seed(3)
    texts = [batch(draw, [4, 2]) for _ in members]
    inputs = [
        make_step_input(net, net.embedding(tokens_BT.t()), lengths_B, targets_B)
        for net, (tokens_BT, lengths_B, targets_B) in zip(members, texts, strict=True)
    ]
    learn(inputs)
    weights = [weight for network in members for weight in network.parameters()]
    assert len({weight.grad.data_ptr() for weight in weights}) == len(weights)


def assert_the_same(config, lengths_of_members, *, training=True):
    draw = torch.Generator().manual_seed(3)
    members = [network.train(training) for network in networks(config, len(lengths_of_members))]
    batches = [batch(draw, lengths) for lengths in lengths_of_members]
    seeds = [11 * number for number in range(len(members))]
    separate = [alone(*each) for each in zip(members, batches, seeds, strict=True)]
    for one, other in zip(together(members, batches, seeds), separate, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


ragged = st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.mark.parametrize("layers", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3))])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@settings(max_examples=8, deadline=None)
@given(lengths=ragged, pooling=st.sampled_from(["last", "mean", "max", "mean_max"]))
def test_members_step_as_they_would_alone_on_ragged_batches(cell, bidirectional, layers, lengths, pooling):
    config = ModelConfig(
        cell=cell,
        bidirectional=bidirectional,
        num_layers=layers,
        pooling=pooling,
        embedding_size=4,
        hidden_size=3,
        embedding_dropout=0.0,
        dropout=0.0,
    )
    assert_the_same(config, lengths)


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [[[5, 5], [5, 5], [5, 5]], [[4, 2, 1], [7, 3], [2]]])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_every_member_draws_the_dropout_that_it_would_draw_alone(cell, bidirectional, lengths):
    config = ModelConfig(
        cell=cell,
        bidirectional=bidirectional,
        num_layers=3,
        embedding_size=4,
        hidden_size=3,
        embedding_dropout=0.3,
        layer_dropout=0.4,
        dropout=0.5,
    )
    assert_the_same(config, lengths)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings_of_one",
    [
        {"cell": "bag"},
        {"cell": "lstm", "biases": "one"},
        {"cell": "gru", "input": "one_hot"},
        {"cell": "rnn", "masked": False, "pooling": "mean"},
        {"cell": "lstm", "bidirectional": True, "pooling": "last", "join": "backward_only"},
        {"cell": "gru", "initialisation": "shifted", "embedding_rows": 30},
    ],
)
def test_other_settings_of_a_network_step_alike_too(settings_of_one):
    config = ModelConfig(embedding_size=4, hidden_size=3, embedding_dropout=0.0, **settings_of_one)
    assert_the_same(config, [[6, 3], [4, 4, 2], [1]])


def test_a_member_that_diverged_leaves_the_others_as_they_are():
    config = ModelConfig(cell="gru", bidirectional=True, embedding_size=4, hidden_size=3, dropout=0.0)
    members = [network.eval() for network in networks(config, 3)]
    draw = torch.Generator().manual_seed(3)
    batches = [batch(draw, lengths) for lengths in ([4, 2], [5, 5], [3, 1])]
    wanted = [alone(net, texts, 0) for net, texts in zip(members, batches, strict=True)]
    with torch.no_grad():
        members[1].layers.weight_hh_l0.fill_(float("nan"))
    found = together(members, batches, [0, 0, 0])
    assert found[1][1].isnan()
    for number in (0, 2):
        torch.testing.assert_close(found[number], wanted[number], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("cell", list(MODULES))
def test_the_written_out_gradients_of_a_cell_are_those_of_its_function(cell):
    torch.manual_seed(0)
    module = MODULES[cell](2, 3).double()
    weights = tuple(torch.stack([w.detach(), w.detach() + 0.1]).requires_grad_() for w in module.parameters())
    inputs_KTBE = torch.randn(2, 4, 2, 2, dtype=torch.double, requires_grad=True)
    real = torch.ones(2, 4, 1, 1, dtype=torch.double)
    real[1, 2:] = 0.0  # the second member has two steps

    def masked(inputs, *weights):
        return run_direction(cell, inputs, weights, [4, 2]) * real

    assert torch.autograd.gradcheck(masked, (inputs_KTBE, *weights))
