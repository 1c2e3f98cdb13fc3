"""Measures that comparisons rest on: memory of a batch and a process, settings that warm starts free."""

import json
import re
import resource
import sys
from types import SimpleNamespace

import pytest

from rnnsweep.config.schema import known_keys
from rnnsweep.runtime.compiled import AVAILABLE
from rnnsweep.search.requests import warm_start
from rnnsweep.trial import memory


def test_a_figure_stands_in_one_place(root):
    fusing = (root / "docs" / "fusing.md").read_text()
    assert not re.search(r"x\d*\.\d", fusing), "ratios are those of docs/benchmarks.md"
    assert "minutes" not in (root / "sweeps" / "quickstart.yaml").read_text(), "README says how long it takes"


def test_a_benchmark_that_was_not_measured_has_no_ratio(root):
    def rows(value):
        if isinstance(value, dict) and "case" in value:
            yield value
        elif isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                yield from rows(one)

    every = list(rows(json.loads((root / "docs" / "benchmarks.json").read_text())))
    assert every
    for row in every:
        assert row.get("ours") is not None or row.get("ratio") is None, row["case"]


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_peak_of_a_process_is_in_bytes_on_every_system(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=1000))
    assert memory.resident_peak() == 1000 * unit


def test_every_setting_that_a_warm_start_leaves_free_is_there():
    for key in (*warm_start._MACHINE, *(one for one in warm_start._FREE if "." in one)):
        assert key in known_keys(), key


@pytest.mark.skipif(not AVAILABLE, reason="without Numba autograd keeps everything itself")
@pytest.mark.parametrize(("cell", "numbers"), [("gru", 4), ("lstm", 5)])
def test_what_compiled_layers_keep_is_counted(cell, numbers):
    import numpy as np
    import torch

    from rnnsweep.config import compose
    from rnnsweep.data import EncodedPart
    from rnnsweep.networks import build
    from rnnsweep.training.memory import activation_bytes

    run = compose([f"model={cell}", "model.hidden_size=32", "data.batch_size=4", "model.embedding_dropout=0"])
    rows, length = 4, 20
    ids = np.arange(2, 2 + rows * length, dtype=np.int32)  # each token once: nothing is read twice
    part = EncodedPart(ids, np.arange(0, rows * length + 1, length), np.zeros(rows, np.int64))
    torch.manual_seed(0)
    network = build(run.model, vocabulary=100, classes=2)
    gates_and_more = rows * length * 32 * numbers * 4  # bytes: gates, and the memory or the state's part
    assert activation_bytes(network, part, run) > gates_and_more
