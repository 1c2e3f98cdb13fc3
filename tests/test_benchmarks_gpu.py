"""What is measured on a GPU says so, or that it was not."""

import pytest
import torch
from benchmarks import gpu


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU, which would be measured")
def test_without_a_gpu_no_figure_of_one_is_given():
    rows = gpu.run()
    assert len(rows) == 2 * len(gpu.CASES)
    assert {(row["ours"], row["other"], row["ratio"]) for row in rows} == {(None, None, None)}


def test_what_a_gpu_can_do_at_most_follows_its_arithmetic_and_its_memory(monkeypatch):
    run = gpu.settings("lstm", 128, 128, False)
    monkeypatch.setattr(gpu, "arithmetic", lambda device: 1e15)
    monkeypatch.setattr(gpu, "bandwidth", lambda device: 1e12)
    by_memory = gpu.most_texts(run, 32, "cpu")
    monkeypatch.setattr(gpu, "bandwidth", lambda device: 2e12)
    assert gpu.most_texts(run, 32, "cpu") == pytest.approx(2 * by_memory)
    monkeypatch.setattr(gpu, "arithmetic", lambda device: 1e9)
    by_arithmetic = gpu.most_texts(run, 32, "cpu")
    tokens = float(gpu.made_up_part(run).lengths_N.mean())
    assert by_arithmetic == pytest.approx(1e9 / (6 * tokens * 4 * 128 * 256))
