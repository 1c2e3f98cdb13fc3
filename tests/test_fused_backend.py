"""Which function steps a cell in a stack: batched products or Triton's kernels, whichever is faster."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnsweep.launchers.fused.stack.backend import Fastest, cell_for, fastest, why_no_kernels
from rnnsweep.networks import ModelConfig


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def takes(self, *seconds):
        left = list(seconds)

        def backend():
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return backend


def test_the_faster_way_is_taken_whatever_its_first_turn_took():
    clock = Clock()
    backends = {"products": clock.takes(0.25, 0.5), "kernels": clock.takes(8.0, 0.25)}
    assert fastest(backends, clock=clock) == Fastest(
        "kernels", "kernels (products 500.00 ms, kernels 250.00 ms)"
    )


def test_a_way_that_fails_is_out_but_the_first_must_not():
    def fails():
        raise MemoryError("shared")

    clock = Clock()
    found = fastest({"products": clock.takes(1.0), "kernels": fails}, clock=clock)
    assert found == Fastest("products", "products (products 1000.00 ms, kernels failed (MemoryError))")
    with pytest.raises(MemoryError):
        fastest({"products": fails}, clock=clock)


def test_kernels_are_for_single_precision_and_few_units(monkeypatch):
    monkeypatch.setattr("rnnsweep.launchers.fused.stack.backend.find_spec", lambda name: object())
    assert why_no_kernels(ModelConfig(), torch.float32) is None
    assert "torch.float64" in str(why_no_kernels(ModelConfig(), torch.float64))
    assert why_no_kernels(ModelConfig(hidden_size=129), torch.float32) == "model.hidden_size=129 is above 128"
    monkeypatch.setattr("rnnsweep.launchers.fused.stack.backend.find_spec", lambda name: None)
    wanted = "Triton is not installed (pip install 'rnnsweep[gpu]')"
    assert why_no_kernels(ModelConfig(), torch.float32) == wanted


def test_on_the_cpu_nothing_is_measured_and_triton_is_not_imported():
    code = (
        "import sys, torch; from rnnsweep.launchers.fused.stack import backend;"
        "from rnnsweep.networks import ModelConfig;"
        "cell = backend.cell_for(ModelConfig(), torch.device('cpu'), torch.float32, members=2, texts=2);"
        "assert cell is backend.cells.run_direction; assert 'triton' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    cell = cell_for(ModelConfig(cell="bag"), torch.device("cuda"), torch.float32, members=2, texts=2)
    assert cell.__module__ == "rnnsweep.launchers.fused.cells"
