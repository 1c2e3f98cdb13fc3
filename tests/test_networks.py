"""Networks compute the function of packed sequences, in whatever backend, with whatever padding."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st

from rnnsweep.errors import UserError
from rnnsweep.networks import ModelConfig, build, parameter_count
from rnnsweep.networks.backends import choose, run
from rnnsweep.networks.config import idle_settings
from rnnsweep.networks.pooling import pool

VOCABULARY, CLASSES = 23, 3

configs = st.builds(
    ModelConfig,
    cell=st.sampled_from(("bag", "gru", "lstm", "rnn")),
    embedding_size=st.integers(1, 7),
    hidden_size=st.integers(1, 6),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    pooling=st.sampled_from(("last", "max", "mean", "mean_max")),
    embedding_dropout=st.just(0.3),
    layer_dropout=st.just(0.3),
    dropout=st.just(0.3),
)
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6)
seeds = st.integers(0, 2**31)


def ragged(rows, *, steps=None, filler=0):
    """Random texts of the given lengths; whatever stands behind them is `filler`."""
    lengths_B = torch.tensor(rows)
    steps = steps or max(rows)
    tokens_BT = torch.randint(1, VOCABULARY, (len(rows), steps))
    tokens_BT[torch.arange(steps) >= lengths_B[:, None]] = filler
    return tokens_BT, lengths_B


def made(config, *, seed=0):
    torch.manual_seed(seed)
    return build(config, vocabulary=VOCABULARY, classes=CLASSES).double().eval()


@given(configs)
@settings(max_examples=60, deadline=None)
def test_the_formula_counts_the_weights_of_the_network_that_is_built(config):
    network = build(config, vocabulary=VOCABULARY, classes=CLASSES)

    counted = sum(weight.numel() for weight in network.parameters())
    assert parameter_count(config, vocabulary=VOCABULARY, classes=CLASSES) == counted


OTHERS = {
    "hidden_size": 9,
    "num_layers": 2,
    "bidirectional": True,
    "layer_dropout": 0.1,
    "forget_bias": 0.5,
    "biases": "one",
}


@given(configs, seeds)
@settings(max_examples=40, deadline=None)
def test_a_setting_that_is_called_idle_changes_no_weight_and_no_logit(config, seed):
    tokens_BT, lengths_B = ragged([3, 5])
    logits_BC = made(config, seed=seed)(tokens_BT, lengths_B)
    for name in set(idle_settings(config)) & set(OTHERS):
        changed = replace(config, **{name: OTHERS[name]})
        assert torch.equal(made(changed, seed=seed)(tokens_BT, lengths_B), logits_BC), name


def test_what_is_idle_in_each_cell_is_known():
    assert set(idle_settings(ModelConfig(cell="bag"))) >= {"hidden_size", "num_layers", "bidirectional"}
    assert idle_settings(ModelConfig(cell="gru")) == {"layer_dropout": "num_layers", "forget_bias": "cell"}
    assert idle_settings(ModelConfig(cell="lstm", num_layers=2)) == {}
    assert "embedding_size" in idle_settings(ModelConfig(cell="gru", input="one_hot"))


@given(configs, lengths, st.integers(0, 5), seeds)
@settings(max_examples=60, deadline=None)
def test_padding_never_changes_a_logit(config, rows, more, seed):
    network = made(config, seed=seed)
    tokens_BT, lengths_B = ragged(rows)
    padding_BP = torch.randint(0, VOCABULARY, (len(rows), more))  # its content does not matter either

    with torch.no_grad():
        logits_BC = network(tokens_BT, lengths_B)
        padded_BC = network(torch.cat((tokens_BT, padding_BP), dim=1), lengths_B)

    torch.testing.assert_close(padded_BC, logits_BC, atol=1e-12, rtol=0)


@given(configs, lengths, seeds)
@settings(max_examples=60, deadline=None)
def test_a_batch_of_one_equals_its_row_in_a_larger_batch(config, rows, seed):
    network = made(config, seed=seed)
    tokens_BT, lengths_B = ragged(rows)

    with torch.no_grad():
        together_BC = network(tokens_BT, lengths_B)
        alone = [network(tokens_BT[b : b + 1, :n], lengths_B[b : b + 1]) for b, n in enumerate(rows)]

    torch.testing.assert_close(together_BC, torch.cat(alone), atol=1e-12, rtol=0)


def logits_and_gradients(network, backend, tokens_BT, lengths_B, monkeypatch):
    monkeypatch.setattr("rnnsweep.networks.network.choose", lambda *_, **__: backend)
    network.zero_grad()
    logits_BC = network(tokens_BT, lengths_B)
    (logits_BC * torch.arange(1.0, 1 + CLASSES)).sum().backward()
    return [logits_BC.detach(), *(weight.grad.clone() for weight in network.parameters())]


def assert_backends_agree(config, rows, *, seed, backends):
    """To 1e-5 in single precision and 1e-11 in double, and what rounding leaves where the network's largest
    numbers cancel: where gradients reach 36, PyTorch's own in single precision are 2e-5 off."""
    tokens_BT, lengths_B = ragged(rows)
    for precision, to in ((torch.float, 1e-5), (torch.double, 1e-11)):
        network = made(config, seed=seed).to(precision)
        with pytest.MonkeyPatch.context() as patch:
            packed, *others = (
                logits_and_gradients(network, backend, tokens_BT, lengths_B, patch)
                for backend in ("packed", *backends)
            )
        rounding = 16 * torch.finfo(precision).eps * max(float(one.abs().max()) for one in packed)
        for other in others:
            torch.testing.assert_close(other, packed, atol=to + rounding, rtol=to)


recurrent = configs.filter(lambda config: config.cell != "bag")


@given(recurrent, lengths, seeds)
@settings(max_examples=80, deadline=None)
def test_all_ways_give_the_same_logits_and_gradients_on_ragged_batches(config, rows, seed):
    assert_backends_agree(config, rows, seed=seed, backends=("gathered", "compiled"))


@given(recurrent, st.integers(1, 9), st.integers(1, 5), seeds)
@settings(max_examples=60, deadline=None)
def test_all_ways_give_the_same_logits_and_gradients_on_equal_lengths(config, steps, texts, seed):
    assert_backends_agree(config, [steps] * texts, seed=seed, backends=("equal", "gathered", "compiled"))


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_two_directions_last_joins_the_last_state_of_each_direction(cell):
    network = made(ModelConfig(cell=cell, bidirectional=True, pooling="last", num_layers=2))
    tokens_BT, lengths_B = ragged([3, 7, 1])
    network.output = torch.nn.Identity()
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        network.embedding(tokens_BT.t()), lengths_B, enforce_sorted=False
    )

    _, state = network.layers(packed)
    states_LBH = state[0] if cell == "lstm" else state
    expected_BH = torch.cat((states_LBH[-2], states_LBH[-1]), dim=1)

    torch.testing.assert_close(network(tokens_BT, lengths_B), expected_BH)


def test_the_cpu_steps_through_time_itself_unless_precision_is_reduced_and_cudnn_packs(monkeypatch):
    inputs_TBE, elsewhere_TBE = torch.zeros(3, 2, 1), torch.zeros(3, 2, 1, device="meta")
    assert choose(inputs_TBE, ragged=True) == choose(inputs_TBE, ragged=False) == "compiled"
    assert choose(elsewhere_TBE, ragged=True) == "packed"
    assert choose(elsewhere_TBE, ragged=False) == "equal"
    with torch.autocast("cpu", torch.bfloat16):
        assert (choose(inputs_TBE, ragged=True), choose(inputs_TBE, ragged=False)) == ("gathered", "equal")
    monkeypatch.setattr("rnnsweep.networks.backends.AVAILABLE", False)
    assert (choose(inputs_TBE, ragged=True), choose(inputs_TBE, ragged=False)) == ("gathered", "equal")


def test_dropout_between_layers_draws_in_training_and_not_in_evaluation():
    config = ModelConfig(bidirectional=True, num_layers=2, layer_dropout=0.5, dropout=0.0)
    network = made(config)
    inputs_TBE = torch.randn(4, 2, config.embedding_size, dtype=torch.double)
    lengths_B = torch.tensor([4, 2])

    def outputs():
        return run(network.layers, inputs_TBE, lengths_B, backend="gathered")

    torch.testing.assert_close(outputs(), outputs(), atol=0, rtol=0)
    network.train()
    assert not torch.equal(outputs(), outputs())


def test_the_padding_row_of_the_embedding_is_zero_and_gets_no_gradient():
    network = made(ModelConfig(cell="gru", bidirectional=True)).train()

    network(*ragged([5, 2])).sum().backward()

    assert network.embedding.weight[0].abs().sum() == 0
    assert network.embedding.weight.grad[0].abs().sum() == 0


def test_the_forget_gate_starts_with_the_bias_that_was_asked_for():
    network = build(ModelConfig(hidden_size=2, forget_bias=1.5), vocabulary=9, classes=2)

    both_4H = network.layers.bias_ih_l0 + network.layers.bias_hh_l0

    assert both_4H[2:4].tolist() == [1.5, 1.5]


def test_the_state_dict_loads_into_a_module_of_pytorch():
    config = ModelConfig(cell="lstm", bidirectional=True, num_layers=2)
    network = made(config)
    plain = torch.nn.LSTM(64, 64, num_layers=2, bidirectional=True, batch_first=True).double()
    prefix = "layers."
    state = {k.removeprefix(prefix): v for k, v in network.state_dict().items() if k.startswith(prefix)}

    plain.load_state_dict(state)

    inputs_TBE = torch.randn(5, 3, 64, dtype=torch.double)
    ours_TBH = run(network.layers, inputs_TBE, torch.full((3,), 5), backend="gathered")
    torch.testing.assert_close(plain(inputs_TBE.transpose(0, 1))[0], ours_TBH.transpose(0, 1))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "cell",
            "lstn",
            "model.cell='lstn' is not one of bag, gru, lstm, rnn, nor a file of the "
            "project as cells/own.py:CELL. Did you mean 'lstm'?",
        ),
        ("pooling", "sum", "model.pooling='sum' is not one of last, max, mean, mean_max."),
        ("hidden_size", -3, "model.hidden_size=-3: must be 1 or more"),
        ("num_layers", 0, "model.num_layers=0: must be 1 or more"),
        ("dropout", 1.0, "model.dropout=1.0: must be at least 0 and below 1"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name, value, message):
    with pytest.raises(UserError) as caught:
        replace(ModelConfig(), **{name: value})

    assert str(caught.value) == message


def test_mean_and_max_together_are_the_two_side_by_side():
    outputs_TBH = torch.randn(5, 3, 4)
    lengths_B = torch.tensor([5, 2, 1])
    mean_BH, max_BH, both_BH = (
        pool(outputs_TBH, lengths_B, pooling=pooling, bidirectional=True, ragged=True)
        for pooling in ("mean", "max", "mean_max")
    )
    torch.testing.assert_close(both_BH, torch.cat((mean_BH, max_BH), dim=1))
    torch.testing.assert_close(both_BH[2], outputs_TBH[0, 2].repeat(2))  # one word is its own mean and max


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_reading_distinct_tokens_once_gives_the_logits_and_gradients_of_reading_each(pooling, masked):
    config = ModelConfig(
        cell="gru", bidirectional=True, hidden_size=5, embedding_dropout=0, pooling=pooling, masked=masked
    )
    network = build(config, vocabulary=9, classes=2)
    tokens_TB, lengths_B = torch.randint(1, 9, (6, 4)), torch.tensor([6, 2, 5, 1])
    tokens_TB[torch.arange(6).unsqueeze(1) >= lengths_B] = 0
    weights = list(network.parameters())

    torch.manual_seed(1)
    each_BC = network(tokens_TB.t(), lengths_B)
    torch.manual_seed(1)
    padding = network.embedding.padding_idx
    once_BC = network.read_distinct(network.embedding.weight, tokens_TB, lengths_B, padding=padding)

    torch.testing.assert_close(once_BC, each_BC)
    found, expected = (torch.autograd.grad(x_BC.square().sum(), weights) for x_BC in (once_BC, each_BC))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@given(recurrent, lengths, st.booleans(), st.sampled_from((1, 300, 1 << 21)), seeds)
@settings(max_examples=80, deadline=None)
def test_judging_texts_gives_the_logits_of_learning_from_them(config, rows, masked, at_once, seed):
    network = made(replace(config, masked=masked), seed=seed)
    tokens_BT, lengths_B = ragged(rows)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr("rnnsweep.networks.fast.recurrent._AT_ONCE", at_once)  # numbers: few make many slices
        patch.setattr("rnnsweep.networks.fast.recurrent._TOGETHER", 1)
        judged_BC = network(tokens_BT, lengths_B)

    torch.testing.assert_close(judged_BC, network(tokens_BT, lengths_B).detach(), atol=1e-12, rtol=0)


def test_a_token_that_comes_again_is_looked_up_once_where_texts_are_judged(monkeypatch):
    network = build(ModelConfig(), vocabulary=9, classes=2).eval()
    asked = []
    monkeypatch.setattr(
        network.embedding, "forward", lambda ids: asked.append(ids) or network.embedding.weight[ids]
    )
    with torch.no_grad():
        network(torch.tensor([[3, 4, 3, 3], [4, 4, 3, 0]]), torch.tensor([4, 3]))
    assert [ids.tolist() for ids in asked] == [[0, 3, 4]]


def test_distinct_tokens_are_read_once_where_they_are_fewer_and_no_dropout_tells_them_apart():
    network = build(ModelConfig(embedding_dropout=0.3), vocabulary=9, classes=2)
    vectors_UE = network.embedding.weight
    assert not network.reads_distinct(vectors_UE, tokens=100)
    assert network.eval().reads_distinct(vectors_UE, tokens=100)
    assert not network.reads_distinct(vectors_UE, tokens=9)
    assert (
        not build(ModelConfig(cell="bag"), vocabulary=9, classes=2)
        .eval()
        .reads_distinct(vectors_UE, tokens=100)
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert not network.reads_distinct(vectors_UE, tokens=100)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("compiled", [True, False])
def test_autocast_runs_on_a_processor_without_bfloat16(monkeypatch, cell, compiled):
    monkeypatch.setattr("rnnsweep.networks.backends.lacks_bfloat16", lambda: True)
    monkeypatch.setattr("rnnsweep.networks.backends.AVAILABLE", compiled)
    network = build(ModelConfig(cell=cell, hidden_size=8, embedding_size=8), vocabulary=20, classes=3)
    tokens_BT, lengths_B = torch.randint(2, 20, (4, 6)), torch.tensor([6, 3, 1, 5])

    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits_BC = network(tokens_BT, lengths_B)
        logits_BC.float().sum().backward()

    assert logits_BC.isfinite().all()
    assert all(weight.grad is not None for weight in network.parameters())
