"""What is measured on a GPU says so, or that it was not."""

import json

import pytest
import torch
from benchmarks import gpu, gpu_day


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


def rows_of(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / gpu_day.RESULTS).read_text().splitlines()]


def test_a_part_that_fails_or_takes_too_long_is_named_and_the_others_run(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_day, "PARTS", {"machine": 0.01, "no such part": 5})
    assert gpu_day.run_parts(tmp_path, cpu=True) == 1
    slow, failed = rows_of(tmp_path)
    assert (slow["part"], slow["state"]) == ("machine", "out of time after 0 s")
    assert (failed["state"], "invalid choice" in failed["error"]) == ("failed", True)


def test_wheels_that_are_missing_or_too_large_are_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "optuna-5.0.0-py3-none-any.whl").write_bytes(bytes(1000))
    assert gpu_day.wheels(tmp_path) == 1
    said = capsys.readouterr().out
    assert "1 wheels, 0.0 MiB of at most 60" in said
    assert "mlflow" in said
    assert not {"optuna", "torch"} & set(said.split("missing: ")[1].replace(",", "").split())
    monkeypatch.setattr(
        gpu_day, "ON_THE_MACHINE", said.split("missing: ")[1].strip().split(", ") + ["torch", "numpy"]
    )
    assert gpu_day.wheels(tmp_path) == 0
    monkeypatch.setattr(gpu_day, "LARGEST", 999)
    assert gpu_day.wheels(tmp_path) == 1


@pytest.mark.slow
def test_every_part_of_a_day_with_a_gpu_runs_on_the_cpu(tmp_path):
    assert gpu_day.run_parts(tmp_path, cpu=True) == 0, (tmp_path / gpu_day.RESULTS).read_text()
    rows = rows_of(tmp_path)
    assert [row["part"] for row in rows if row.get("state") == "done"] == list(gpu_day.PARTS)
    assert all(row["agree_within"] < 0.15 for row in rows if "agree_within" in row)
    assert {row["part"] for row in rows if "texts_s" in row} == {"cells", "fused", "vmap", "processes"}
    (sweep,) = (row for row in rows if row["part"] == "sweep" and "trials" in row)
    assert (sweep["state"], sweep["trials"]["complete"]) == ("finished", 8)
