"""What the CPU cannot show of fused runs: captures, replays and Triton's compiled kernels, on a GPU."""

import numpy as np
import pytest
import torch
from test_fused_stack import ADAMS, CELLS, EVERYTHING, Training, part_of, stacked

from rnnsweep.launchers.fused import cells
from rnnsweep.launchers.fused.stack.stacks import Stacks
from rnnsweep.networks import ModelConfig

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use"),
]


def trainings(config, device):
    part = part_of(np.random.default_rng(1))
    return [
        Training(part, config, each, seed=n, dtype=torch.float, device=device) for n, each in enumerate(ADAMS)
    ]


@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
@pytest.mark.parametrize("cell", CELLS)
def test_replayed_graphs_learn_what_the_same_steps_learn_on_the_cpu(cell, worth_it):
    config = ModelConfig(cell=cell, **(EVERYTHING | {"embedding_size": 16, "hidden_size": 16}))
    on_gpu, on_cpu = trainings(config, "cuda"), trainings(config, "cpu")
    stacks, counts = Stacks(worth_it=worth_it), [5, 12, 12]
    found = stacked(on_gpu, counts, stacks)
    wanted = stacked(on_cpu, counts, Stacks(everywhere=True, worth_it=worth_it))
    for own, double in zip(found, wanted, strict=True):
        assert own == pytest.approx(double, abs=1e-3)
    graphs = stacks.stack_of(on_gpu[0]).graphs
    stacks.leave(on_gpu[1])
    (newcomer,) = trainings(config, "cuda")[1:2]
    stacked([on_gpu[0], newcomer], [12], stacks)
    assert stacks.stack_of(newcomer).graphs == graphs


@pytest.mark.parametrize("cell", CELLS[1:])
@pytest.mark.parametrize("units", [16, 64, 100, 128])
def test_compiled_kernels_step_as_the_batched_cells(cell, units):
    pytest.importorskip("triton")
    from rnnsweep.launchers.fused.stack import launches

    torch.manual_seed(0)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell] * units
    sizes = ((7, 20, 8), (gates, 8), (gates, units), (gates,), (gates,))
    values = [0.2 * torch.randn(2, *size, device="cuda") for size in sizes]
    ends = torch.tensor([7, 4], device="cuda")
    real = (torch.arange(7, device="cuda").view(1, -1) < ends.view(-1, 1)).view(2, 7, 1, 1)
    found = []
    for backend in (cells.run_direction, launches.run_direction):
        leaves = [value.clone().requires_grad_() for value in values]
        out = backend(cell, leaves[0], tuple(leaves[1:]), [7, 7], ends) * real
        found.append([out.detach(), *torch.autograd.grad(out.square().sum(), leaves)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)
