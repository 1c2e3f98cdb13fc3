"""Body and head of a network: an answer for each row, or for each step."""

import pytest
import torch

from rnnsweep.errors import UserError
from rnnsweep.networks import ModelConfig, build, parameter_count

VOCABULARY, OUTPUTS = 11, 3


def network(level, **settings):
    config = ModelConfig(embedding_size=5, hidden_size=4, dropout=0.0, embedding_dropout=0.0, **settings)
    torch.manual_seed(0)
    return build(config, vocabulary=VOCABULARY, classes=OUTPUTS, level=level)


def rows():
    tokens_BT = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0], [9, 0, 0, 0]])
    return tokens_BT, torch.tensor([4, 2, 1])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "bag"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_at_level_step_every_step_has_an_output_whatever_stands_after_it(cell, bidirectional):
    made = network("step", cell=cell, bidirectional=bidirectional and cell != "bag").eval()
    tokens_BT, lengths_B = rows()
    outputs_BTK = made(tokens_BT, lengths_B)
    assert outputs_BTK.shape == (3, 4, OUTPUTS)
    alone_1TK = made(tokens_BT[1:2, :2], lengths_B[1:2])
    torch.testing.assert_close(outputs_BTK[1:2, :2], alone_1TK, rtol=1e-5, atol=1e-6)


def test_the_last_step_of_a_row_is_its_pooled_answer_with_pooling_last():
    by_row, by_step = (network(level, pooling="last").eval() for level in ("row", "step"))
    by_step.load_state_dict(by_row.state_dict())
    tokens_BT, lengths_B = rows()
    pooled_BK, outputs_BTK = by_row(tokens_BT, lengths_B), by_step(tokens_BT, lengths_B)
    torch.testing.assert_close(outputs_BTK[torch.arange(3), lengths_B - 1], pooled_BK, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", ["row", "step"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
def test_weights_are_counted_by_formula_and_get_gradients_at_both_levels(level, pooling):
    made = network(level, pooling=pooling)
    count = sum(weight.numel() for weight in made.parameters())
    assert parameter_count(made.config, vocabulary=VOCABULARY, classes=OUTPUTS, level=level) == count
    made(*rows()).square().sum().backward()
    assert all(weight.grad is not None for weight in made.parameters())


def test_a_join_of_pooled_states_is_refused_where_nothing_is_pooled():
    with pytest.raises(UserError, match="model.join='backward_only': must be both, as task.level=step"):
        network("step", bidirectional=True, pooling="last", join="backward_only")
