"""Settings of the networks that the lesson's rows need: padding read or masked, biases, one-hot codes.

Shapes: B texts, T time steps, V words, E numbers a word.
"""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from rnnsweep.errors import UserError
from rnnsweep.networks import ModelConfig, build, parameter_count
from rnnsweep.networks.embedding import set_vectors

VOCABULARY, CLASSES = 30, 4
TOKENS_BT = torch.tensor([[11, 12, 13, 14, 15], [6, 7, 8, 0, 0], [9, 0, 0, 0, 0]])
LENGTHS_B = torch.tensor([5, 3, 1])


def network(seed=0, **settings):
    torch.manual_seed(seed)
    config = ModelConfig(**{"embedding_size": 5, "hidden_size": 4, "dropout": 0.0} | settings)
    return build(config, vocabulary=VOCABULARY, classes=CLASSES).eval()


def twins(**settings):
    """One set of weights, with padding masked and with padding read."""
    masked, reading = network(**settings), network(**settings, masked=False)
    reading.load_state_dict(masked.state_dict())
    return masked, reading


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padded_and_packed_losses_of_one_model_differ_exactly_where_a_text_has_padding(
    cell, pooling, bidirectional
):
    masked, reading = twins(cell=cell, pooling=pooling, bidirectional=bidirectional, num_layers=2)
    losses = [
        cross_entropy(model(TOKENS_BT, LENGTHS_B), torch.tensor([0, 1, 2]), reduction="none")
        for model in (masked, reading)
    ]
    assert losses[0][0].item() == pytest.approx(losses[1][0].item(), abs=1e-6)
    if pooling == "max":  # the largest output may stand at a real word
        assert not torch.allclose(losses[0], losses[1])
    else:
        assert (losses[0][1:] - losses[1][1:]).abs().min() > 1e-4


def test_the_padded_function_reads_on_to_the_end_of_the_batch():
    _, reading = twins(cell="lstm", pooling="last")
    outputs_TBH, _ = reading.layers(reading.embedding(TOKENS_BT.t()))
    torch.testing.assert_close(reading(TOKENS_BT, LENGTHS_B), reading.output(outputs_TBH[-1]))


def test_padding_that_is_read_has_an_embedding_that_is_learned():
    model = network(masked=False)
    model(TOKENS_BT, LENGTHS_B).square().sum().backward()
    assert model.embedding.weight[0].abs().sum() > 0
    assert model.embedding.weight.grad[0].abs().sum() > 0


def test_backward_only_is_the_last_entry_of_pytorchs_states():
    model = network(cell="gru", bidirectional=True, pooling="last", join="backward_only", num_layers=2)
    tokens_BT = TOKENS_BT[:1]
    states = model.layers(model.embedding(tokens_BT.t()))[1]
    torch.testing.assert_close(model(tokens_BT, LENGTHS_B[:1]), model.output(states[-1]))
    assert model.output.in_features == 4


COUNTED = ("cell", "biases", "num_layers", "bidirectional", "input", "embedding_rows")


def counted(model):
    return sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    "settings",
    [
        dict(zip(COUNTED, values, strict=True))
        for values in itertools.product(
            ("rnn", "gru", "lstm"),
            ("one", "two"),
            (1, 3),
            (False, True),
            ("embedding", "one_hot"),
            (None, 50),
        )
    ],
    ids=str,
)
def test_the_formula_counts_what_the_network_has(settings):
    config = ModelConfig(embedding_size=5, hidden_size=4, **settings)
    model = network(**settings)
    assert counted(model) == parameter_count(config, vocabulary=VOCABULARY, classes=CLASSES)


def test_the_formula_counts_a_join_of_one_direction():
    settings = {"bidirectional": True, "pooling": "last", "join": "backward_only"}
    config = ModelConfig(embedding_size=5, hidden_size=4, **settings)
    assert counted(network(**settings)) == parameter_count(config, vocabulary=VOCABULARY, classes=CLASSES)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_one_bias_computes_what_pytorch_computes_with_a_second_of_zeros(cell):
    model = network(cell=cell, biases="one", bidirectional=True)
    plain = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](5, 4, bidirectional=True)
    plain.load_state_dict(model.layers.state_dict())
    inputs_TBE = torch.randn(3, 2, 5)
    torch.testing.assert_close(model.layers(inputs_TBE)[0], plain(inputs_TBE)[0])
    assert not plain.bias_hh_l0.any()
    assert not plain.bias_hh_l0_reverse.any()


def test_the_second_bias_stays_zero_while_learning():
    model = network(biases="one").train()
    moving = torch.optim.SGD(model.parameters(), lr=1.0)
    cross_entropy(model(TOKENS_BT, LENGTHS_B), torch.tensor([0, 1, 2])).backward()
    before = model.layers.bias_ih_l0.clone()
    moving.step()
    assert not torch.equal(before, model.layers.bias_ih_l0)
    assert not model.layers.bias_hh_l0.any()


def test_a_one_hot_code_is_looked_up_and_has_no_weights():
    model = network(input="one_hot", cell="rnn")
    given_TBE = one_hot(TOKENS_BT.t(), VOCABULARY).float()
    given_TBE[TOKENS_BT.t() == 0] = 0.0  # padding is no token
    torch.testing.assert_close(model.embedding(TOKENS_BT.t()), given_TBE)
    assert "embedding.weight" not in model.state_dict()
    assert all(not name.startswith("embedding") for name, _ in model.named_parameters())


def test_one_hot_words_are_refused_with_their_size():
    with pytest.raises(UserError, match=r"95,812 tokens .* 36\.7 GB .* 2\.5 GB for a batch.*characters"):
        build(ModelConfig(input="one_hot"), vocabulary=95_812, classes=4)


def test_vectors_start_the_words_that_were_found_and_scale_the_others():
    model = network()
    vectors_VE, found_V = 0.1 * torch.randn(VOCABULARY, 5), torch.arange(VOCABULARY) % 2 == 0
    set_vectors(model.embedding, vectors_VE, found_V)
    weight = model.embedding.weight
    torch.testing.assert_close(weight[2::2].detach(), vectors_VE[2::2])
    assert weight[1::2].std().item() == pytest.approx(0.1, rel=0.4)
    assert not weight[0].any()


def test_a_frozen_embedding_asks_for_no_gradient():
    model = network(freeze_embedding=True)
    model(TOKENS_BT, LENGTHS_B).sum().backward()
    assert model.embedding.weight.grad is None
    assert model.output.weight.grad is not None


def test_initial_weights_are_drawn_as_their_source_draws_them():
    torch.manual_seed(0)
    settings = {"embedding_size": 40, "hidden_size": 30, "cell": "lstm"}
    shifted = build(ModelConfig(**settings, initialisation="shifted"), vocabulary=900, classes=4)
    assert shifted.embedding.weight[1:].mean().item() == pytest.approx(-0.5, abs=0.02)
    keras = build(ModelConfig(**settings, initialisation="keras", biases="one"), vocabulary=900, classes=4)
    assert 0.045 < keras.embedding.weight.abs().max() <= 0.05
    recurrent_GH = keras.layers.weight_hh_l0
    torch.testing.assert_close(recurrent_GH.t() @ recurrent_GH, torch.eye(30), atol=1e-5, rtol=0)
    assert keras.layers.bias_ih_l0.view(4, 30).unique(dim=1).flatten().tolist() == [0, 1, 0, 0]
    assert not keras.output.bias.any()


def test_a_forget_bias_of_null_keeps_pytorchs_draw():
    torch.manual_seed(3)
    model = build(
        ModelConfig(forget_bias=None, hidden_size=4, initialisation="pytorch"), vocabulary=9, classes=2
    )
    forget = (model.layers.bias_ih_l0 + model.layers.bias_hh_l0)[4:8]
    assert len(set(forget.tolist())) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input": "onehot"}, r"model\.input='onehot' is not one of.*Did you mean 'one_hot'\?"),
        ({"join": "forward"}, r"model\.join='forward' is not one of"),
        (
            {"join": "backward_only"},
            r"model\.join='backward_only': must be both, unless model\.bidirectional",
        ),
        ({"biases": "three"}, r"model\.biases='three' is not one of one, two"),
        ({"initialisation": "glorot"}, r"model\.initialisation='glorot' is not one of"),
        ({"embedding_rows": 0}, r"model\.embedding_rows=0: must be 1 or more"),
        (
            {"cell": "bag", "input": "one_hot"},
            r"model\.input='one_hot': must be embedding, where model\.cell",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        ModelConfig(**settings)
