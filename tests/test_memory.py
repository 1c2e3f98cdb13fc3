"""What a batch keeps for the backward pass."""

import pytest
import torch
from short_trainings import SETTINGS, write_rows
from torch import nn

from rnnsweep.config import compose
from rnnsweep.data import prepare
from rnnsweep.training import train
from rnnsweep.training.memory import activation_bytes


@pytest.fixture
def settings(tmp_path):
    write_rows(tmp_path / "rows.csv")
    return (*SETTINGS, f"data.train={tmp_path / 'rows.csv'}", "trainer.max_epochs=1")


class Squares(nn.Module):
    """Keeps what can be counted by hand: one float for each token, for its square."""

    def forward(self, tokens_BT, lengths_B):
        numbers_BT = tokens_BT.float().requires_grad_()
        return (numbers_BT**2).sum()


class Dropping(nn.Module):
    def forward(self, tokens_BT, lengths_B):
        return nn.functional.dropout(tokens_BT.float(), 0.5)


@pytest.mark.parametrize(("pieces", "rows"), [(1, 16), (4, 4), (5, 4)])
def test_what_autograd_keeps_is_counted_to_the_byte(settings, pieces, rows):
    run = compose([*settings, f"trainer.accumulate={pieces}"])
    part = prepare(run.data).train
    assert activation_bytes(Squares(), part, run) == rows * int(part.lengths_N.max()) * 4


def test_counting_leaves_random_numbers_alone(settings):
    run = compose(settings)
    before = torch.get_rng_state()
    activation_bytes(Dropping(), prepare(run.data).train, run)
    assert torch.equal(before, torch.get_rng_state())


def test_a_larger_batch_takes_more_memory_in_proportion(settings):
    small, large = (train(compose([*settings, f"data.batch_size={n}"])).activations for n in (16, 64))
    assert small > 0
    assert large / small == pytest.approx(4, rel=0.3)
