"""What a run takes of the machine: sampled beside it, under the names that MLflow's page knows."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tracking_store import open_run

from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.tracking.machine.energy import Energy
from rnnsweep.tracking.machine.gpus import Graphics, visible
from rnnsweep.tracking.machine.monitor import NAMES, MachineMonitor
from rnnsweep.tracking.spool.spool import read_all

NO_CARDS = Graphics([])


class Cards:
    """Stands where ``pynvml`` would: two cards, of which the second does not tell its power."""

    class NVMLError(Exception):
        """NVML's own."""

    def __init__(self) -> None:
        self.millijoules = 5000

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=2e6, total=8e6)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=40 + handle)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        if handle == 1:
            raise self.NVMLError
        return 70_000

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return self.millijoules


def rapl(root: Path, microjoules: int, *, limit: int = 10_000_000) -> None:
    """Write the files of a package and of a part of it, which the package counts already."""
    for name in ("intel-rapl:0", "intel-rapl:0:0"):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "energy_uj").write_text(f"{microjoules}\n")
        (root / name / "max_energy_range_uj").write_text(f"{limit}\n")


def samples(mlruns: Path, key: str = "a") -> list[dict]:
    """Every sample of the machine that a run's spool holds."""
    lines = [line for line in read_all(mlruns / "spool" / f"{key}.jsonl") if line["op"] == "metrics"]
    return [line for line in lines if any(name.startswith("system/") for name in line["values"])]


def test_a_run_samples_processor_and_memory_and_ends_with_a_last_sample(tmp_path):
    with open_run(tmp_path) as run, MachineMonitor(run, every_s=0.05, graphics=NO_CARDS):
        end = time.monotonic() + 10
        while len(samples(tmp_path)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
    found = samples(tmp_path)
    assert [line["step"] for line in found] == list(range(len(found)))
    assert len(found) >= 3
    assert all(set(line["values"]) == set(NAMES) for line in found)
    assert 5 < found[-1]["values"]["system/process_memory_megabytes"] < 100_000
    assert 0 <= found[-1]["values"]["system/cpu_utilization_percentage"] <= 100


def test_a_short_run_has_one_sample(tmp_path):
    with open_run(tmp_path) as run, MachineMonitor(run, graphics=NO_CARDS):
        pass
    assert [line["step"] for line in samples(tmp_path)] == [0]


def test_a_resumed_run_goes_on_counting_its_samples(tmp_path):
    run = open_run(tmp_path)
    with MachineMonitor(run, graphics=NO_CARDS):
        pass
    again = open_run(tmp_path, resume=True)
    with again, MachineMonitor(again, graphics=NO_CARDS):
        pass
    assert [line["step"] for line in samples(tmp_path)] == [0, 1]


@pytest.mark.parametrize("rank", ["0", "1"])
def test_only_the_first_process_of_a_run_samples_and_only_where_it_is_asked_to(tmp_path, monkeypatch, rank):
    monkeypatch.setenv("RNNSWEEP_RANK", rank)
    with open_run(tmp_path) as run, MachineMonitor(run, every_s=0 if rank == "0" else 10):
        pass
    assert samples(tmp_path) == []


def test_cards_are_named_as_mlflow_names_them_and_a_silent_reading_is_left_out(tmp_path):
    cards = Graphics([0, 1], library=Cards())
    with open_run(tmp_path) as run, MachineMonitor(run, graphics=cards):
        pass
    found = {k: v for k, v in samples(tmp_path)[0]["values"].items() if "gpu" in k}
    assert found == {
        "system/gpu_0_memory_usage_megabytes": 2.0,
        "system/gpu_0_memory_usage_percentage": 25.0,
        "system/gpu_0_utilization_percentage": 40.0,
        "system/gpu_0_power_usage_watts": 70.0,
        "system/gpu_1_memory_usage_megabytes": 2.0,
        "system/gpu_1_memory_usage_percentage": 25.0,
        "system/gpu_1_utilization_percentage": 41.0,
    }


def test_mlflows_own_monitors_use_the_same_names():
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor

    monitor = CPUMonitor()
    monitor.collect_metrics()
    assert {f"system/{name}" for name in monitor.metrics} <= set(NAMES)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [("", []), ("1", [1]), ("0, 2", [0, 2]), ("0,9", [0]), ("GPU-3f", [0, 1, 2]), (None, [0, 1, 2])],
)
def test_the_cards_are_those_that_the_process_may_use(monkeypatch, names, numbers):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if names is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    assert visible(3) == numbers


def test_energy_adds_up_over_the_end_of_the_counter_and_counts_no_part_twice(tmp_path):
    cards = Cards()
    rapl(tmp_path, 9_000_000)
    energy = Energy.find(Graphics([0, 1], library=cards), tmp_path)
    for count in (9_000_000, 9_500_000, 1_000_000):  # the last after it has begun again at 10 000 000
        rapl(tmp_path, count)
        cards.millijoules += 250
        energy.read()
    assert energy.joules == {"energy/cpu_joules": pytest.approx(2.0), "energy/gpu_joules": pytest.approx(1.5)}
    assert energy.description == "processors by RAPL (1, whole machine); graphics cards by NVML (2)"


def test_where_no_counter_can_be_read_the_run_says_not_measured(tmp_path):
    rapl(tmp_path / "powercap", 1)
    (tmp_path / "powercap" / "intel-rapl:0" / "energy_uj").write_text("")
    energy = Energy.find(NO_CARDS, tmp_path / "powercap")
    with open_run(tmp_path) as run, MachineMonitor(run, graphics=NO_CARDS, energy=energy):
        pass
    lines = list(read_all(tmp_path / "spool" / "a.jsonl"))
    assert [line["values"] for line in lines if line["op"] == "tags"] == [{"rnnsweep.energy": "not measured"}]
    assert energy.joules == {}


def test_a_negative_pause_between_samples_is_refused():
    with pytest.raises(UserError, match=r"tracking\.machine_every.*must be 0 or more seconds"):
        compose(["tracking.machine_every=-1"])
