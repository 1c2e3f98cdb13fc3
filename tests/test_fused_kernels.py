"""Triton's kernels beside the batched cells, by Triton's interpreter: no GPU is needed."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import Phase, given, settings, strategies as st

if torch.cuda.is_available():
    pytest.skip("on a GPU the kernels run there (test_fused_gpu)", allow_module_level=True)
os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
pytest.importorskip("triton", reason="Triton is not installed: the extra `gpu` has it")

from rnnsweep.launchers.fused import cells  # noqa: E402
from rnnsweep.launchers.fused.stack import launches, members  # noqa: E402

MODULES = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def both_ways(cell, *, count, texts, steps, units, ends):
    """Give the outputs and all gradients of the batched cells and of the kernels."""
    torch.manual_seed(3)
    modules = [MODULES[cell](5, units) for _ in range(count)]
    every = [torch.stack([w.detach() for w in same]) for same in zip(*map(list_of, modules), strict=True)]
    inputs_KTBE = torch.randn(count, steps, texts, 5)
    real = (torch.arange(steps).view(1, -1) < torch.tensor(ends).view(-1, 1)).view(count, steps, 1, 1)
    upstream = torch.randn(count, steps, texts, units) * real
    found = []
    for run in (cells.run_direction, launches.run_direction):
        leaves = [value.clone().requires_grad_() for value in (inputs_KTBE, *every)]
        out = run(cell, leaves[0], tuple(leaves[1:]), [steps] * count, torch.tensor(ends))
        found.append([out.detach() * real, *torch.autograd.grad(out, leaves, upstream)])
    return found


def list_of(module):
    return list(module.parameters())


@pytest.mark.parametrize("cell", list(MODULES))
@settings(max_examples=3, deadline=None, phases=[Phase.generate])  # to shrink takes minutes
@given(
    count=st.integers(1, 2),
    texts=st.sampled_from([1, 5, 17]),
    units=st.sampled_from([3, 16, 20]),
    ends=st.lists(st.integers(1, 4), min_size=2, max_size=2),
)
def test_a_kernel_steps_as_the_batched_cell_forward_and_backward(cell, count, texts, units, ends):
    wanted, found = both_ways(cell, count=count, texts=texts, steps=4, units=units, ends=ends[:count])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cell", list(MODULES))
@pytest.mark.parametrize("units", [64, 100, 128])
def test_a_kernel_of_many_units_steps_as_the_batched_cell(cell, units):
    wanted, found = both_ways(cell, count=2, texts=20, steps=6, units=units, ends=[6, 4])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


@given(
    seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 2**31),
    site=st.integers(0, 200),
    count=st.integers(1, 9),
)
@settings(max_examples=5, deadline=None)
def test_the_kernel_draws_what_the_operations_draw(seed, step, site, count):
    keys = torch.tensor([[seed & 0xFFFFFFFF, seed >> 32], [7, 0]])
    steps, rates = torch.tensor([step, 3]), torch.tensor([0.3, 0.5], dtype=torch.float64)
    one, other = (
        draw(keys, steps, rates, site=site, count=count, dtype=torch.float32)
        for draw in (members.draw_factors, launches.draw_factors)
    )
    assert torch.equal(one, other)


COMPILES = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from rnnsweep.launchers.fused.stack import kernels

KINDS = {"ends": "*i64", "R": "constexpr", "P": "constexpr", "T": "i32", "B": "i32", "H": "i32"}
for name in ("rnn_forward", "rnn_backward", "gru_forward", "gru_backward", "lstm_forward", "lstm_backward"):
    kernel = getattr(kernels, name)
    source = ASTSource(kernel, {arg: KINDS.get(arg, "*fp32") for arg in kernel.arg_names}, {"R": 16, "P": 64})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_stages": 1})
    print(name, made.metadata.shared)
"""


@pytest.mark.slow
def test_kernels_compile_for_a_gpu_and_fit_into_its_shared_memory():
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-W", "ignore", "-c", COMPILES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shared = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert len(shared) == 6
    assert max(shared.values()) < 48 * 1024  # what every GPU gives without asking
