"""How many runs to fuse on a GPU: the measure, taken here on the CPU with tiny shapes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnsweep.config import compose
from rnnsweep.fused import probe
from rnnsweep.fused.stack.choice import Fastest, cell_for, fastest, why_no_kernels
from rnnsweep.networks import ModelConfig

TINY = (
    *("model=rnn", "model.hidden_size=4", "model.embedding_size=4", "data.vocabulary=50"),
    *("data.max_length=8", "data.batch_size=4"),
)
CPU = torch.device("cpu")


def with_speeds(monkeypatch, alone, together):
    monkeypatch.setattr(probe, "speed_alone", lambda run, device: alone)
    monkeypatch.setattr(probe, "speed_together", lambda run, members, device, stacks: together[members])
    return probe.probe(compose(TINY), CPU, free=1e12)


def test_larger_numbers_are_tried_while_they_pay(monkeypatch):
    found = with_speeds(monkeypatch, 100.0, {8: 500.0, 16: 900.0, 32: 950.0, 64: 5000.0})
    assert found.members == 16
    assert found.text == "16 runs are fused: measured against one by itself, 8: x5.0, 16: x9.0, 32: x9.5"


def test_nothing_is_fused_where_it_does_not_pay(monkeypatch):
    found = with_speeds(monkeypatch, 100.0, {8: 90.0})
    assert (found.members, found.text) == (1, "no runs are fused: measured against one by itself, 8: x0.9")


def test_what_the_memory_does_not_hold_is_not_tried():
    found = probe.probe(compose(TINY), CPU, free=0)
    assert (found.members, found.together) == (1, {})
    assert found.text == "no runs are fused: measured against one by itself, nothing fits into the memory"


def test_the_measure_steps_real_stacks_and_real_trainings():
    found = probe.probe(compose(TINY), CPU, free=1e12, sizes=(2,))
    assert found.alone > 0
    assert found.together[2] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU, which can be measured")
def test_a_gpu_that_cannot_be_measured_fuses_nothing_and_says_why(root):
    members, text = probe.members_on("0", TINY, root / "conf")
    assert members == 1
    assert text == "no runs are fused: their speed on GPU 0 could not be measured (PyTorch sees no GPU)"


def test_settings_that_are_wrong_are_said_in_one_line(root, monkeypatch):
    monkeypatch.setattr(probe, "_LIMIT_S", 0.001)
    members, text = probe.members_on("3", TINY, root / "conf")
    assert (members, text) == (
        1,
        "no runs are fused: their speed on GPU 3 could not be measured (TimeoutExpired)",
    )


# ---- which cell


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def takes(self, *seconds):
        left = list(seconds)

        def way():
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return way


def test_the_faster_way_is_taken_whatever_its_first_turn_took():
    clock = Clock()
    ways = {"products": clock.takes(0.25, 0.5), "kernels": clock.takes(8.0, 0.25)}
    assert fastest(ways, clock=clock) == Fastest("kernels", "kernels (products 500.00 ms, kernels 250.00 ms)")


def test_a_way_that_fails_is_out_but_the_first_must_not():
    def fails():
        raise MemoryError("shared")

    clock = Clock()
    found = fastest({"products": clock.takes(1.0), "kernels": fails}, clock=clock)
    assert found == Fastest("products", "products (products 1000.00 ms, kernels failed (MemoryError))")
    with pytest.raises(MemoryError):
        fastest({"products": fails}, clock=clock)


def test_kernels_are_for_single_precision_and_few_units(monkeypatch):
    monkeypatch.setattr("rnnsweep.fused.stack.choice.find_spec", lambda name: object())
    assert why_no_kernels(ModelConfig(), torch.float32) is None
    assert "torch.float64" in str(why_no_kernels(ModelConfig(), torch.float64))
    assert why_no_kernels(ModelConfig(hidden_size=129), torch.float32) == "model.hidden_size=129 is above 128"
    monkeypatch.setattr("rnnsweep.fused.stack.choice.find_spec", lambda name: None)
    wanted = "Triton is not installed (pip install 'rnnsweep[gpu]')"
    assert why_no_kernels(ModelConfig(), torch.float32) == wanted


def test_on_the_cpu_nothing_is_measured_and_triton_is_not_imported():
    code = (
        "import sys, torch; from rnnsweep.fused.stack import choice;"
        "from rnnsweep.networks import ModelConfig;"
        "cell = choice.cell_for(ModelConfig(), torch.device('cpu'), torch.float32, members=2, texts=2);"
        "assert cell is choice.cells.run_direction; assert 'triton' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    cell = cell_for(ModelConfig(cell="bag"), torch.device("cuda"), torch.float32, members=2, texts=2)
    assert cell.__module__ == "rnnsweep.fused.cells"
