"""Tables that the dense optimiser walks as a whole: PyTorch's steps, with a gradient array that stays."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from rnnsweep.optim import distinct, optimizer
from rnnsweep.optim.config import OptimizerConfig

ROWS, WIDTH = 6000, 64
WHOLE = slice(None)
DENSE = {
    "decay in the gradient": OptimizerConfig(lr=0.01, weight_decay=0.01),
    "lazy off": OptimizerConfig(lr=0.01, lazy_embedding="off"),
    "adamw, lazy off": OptimizerConfig(name="adamw", lr=0.01, weight_decay=0.1, lazy_embedding="off"),
    "sgd with decay": OptimizerConfig(name="sgd", lr=1e-3, momentum=0.5, weight_decay=0.01),
}


def pytorchs(config, weights):
    options = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.name == "sgd":
        return torch.optim.SGD(weights, momentum=config.momentum, **options)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.name](weights, **options)


def pair():
    torch.manual_seed(0)
    table, output = nn.Embedding(ROWS, WIDTH, padding_idx=0), nn.Linear(WIDTH, 3)
    return table, output


def loss_of(vectors_TBD, output):
    return output(vectors_TBD.mean(0)).square().sum()


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize("limit", [1e-3, None])
@pytest.mark.parametrize("kind", DENSE)
def test_steps_are_pytorchs_and_the_states_are_each_others(kind, limit, available, monkeypatch):
    for module in (distinct, optimizer):
        monkeypatch.setattr(module, "AVAILABLE", available)
    config = deepcopy(DENSE[kind])
    config.gradient_clip = limit
    (table, output), (other_table, other_output) = pair(), pair()
    ours = optimizer.Optimizer(config, table, output.parameters())
    weights = [*other_output.parameters(), *other_table.parameters()]
    theirs = pytorchs(config, weights)
    assert ours.lazy is None
    for step in range(12):
        if (
            step == 6
        ):  # a checkpoint written by PyTorch's optimiser over all weights is resumed, and the reverse
            saved = deepcopy(ours.state_dict())
            ours.load_state_dict({"dense": deepcopy(theirs.state_dict()), "lazy": None})
            theirs.load_state_dict(saved["dense"])
        tokens_TB = torch.randint(0, 50, (4, 3))
        ours.look(tokens_TB)
        loss_of(ours.vectors(WHOLE), output).backward()
        ours.clip()
        ours.step(lr=config.lr)
        theirs.zero_grad()
        loss_of(other_table(tokens_TB), other_output).backward()
        if limit is not None:
            nn.utils.clip_grad_norm_(weights, limit)
        theirs.step()
    torch.testing.assert_close(table.weight, other_table.weight, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(output.weight, other_output.weight, atol=2e-6, rtol=1e-5)


def test_the_gradient_of_the_table_is_one_array_that_holds_the_rows_of_one_batch():
    table, output = pair()
    ours, seen = optimizer.Optimizer(DENSE["lazy off"], table, output.parameters()), []
    step = ours.dense.step
    ours._moved = None  # PyTorch's step, which can be listened to

    def listened():
        seen.append((table.weight.grad.data_ptr(), table.weight.grad.any(1).nonzero().flatten().tolist()))
        return step()

    ours.dense.step = listened
    for tokens in ([[3, 4, 3]], [[5, 4, 0]]):
        ours.look(torch.tensor(tokens))
        loss_of(ours.vectors(WHOLE), output).backward()
        assert len(ours.weights()) == 3
        ours.step(lr=0.01)
    assert [rows for _, rows in seen] == [[3, 4], [4, 5]]
    assert seen[0][0] == seen[1][0]
    assert table.weight.grad is None


def test_small_tables_and_frozen_ones_have_none():
    for embedding in (nn.Embedding(9, 4), nn.Embedding(ROWS, WIDTH).requires_grad_(False)):
        ours = optimizer.Optimizer(DENSE["lazy off"], embedding, nn.Linear(2, 2).parameters())
        ours.look(torch.tensor([[1, 2, 1]]))
        assert ours.rows(WHOLE)[0] is embedding.weight
