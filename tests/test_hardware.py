"""What a machine has: cores and memory under quotas, and GPUs, which a replaced probe pretends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import launched
import psutil
import pytest
from test_launchers import task, until_ended

from rnnsweep.engine.scheduling.allocation import check_accelerator
from rnnsweep.errors import UserError
from rnnsweep.hardware import (
    Load,
    gpus,
    group_memory_in_use,
    load_of_others,
    memory_in_use,
    unhindered,
    usable_cores,
    usable_memory,
)
from rnnsweep.launchers import LocalLauncher, make_launcher
from rnnsweep.launchers.local.places import idle_gpus, slots_here
from rnnsweep.sweepfile import Slot, parse_slots, slots

GIB = 1 << 30


def container(root, groups, files):
    """Write the files by which the kernel tells a process of its control groups."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@contextmanager
def busy(count):
    """Processes of others that use a core each, as far as there is one."""
    code = "import time\nends = time.time() + 60\nwhile time.time() < ends: pass"
    start = "import subprocess, sys\n"  # no children of ours: their parent ends
    start += "print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.DEVNULL).pid)"
    command = [sys.executable, "-c", start, code]
    pids = [
        int(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)
        for _ in range(count)
    ]
    try:
        time.sleep(0.5)
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


@contextmanager
def one_core():
    """This process and what it starts have one core together."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.skipif(
    psutil.cpu_count() != usable_cores() or usable_cores() > 16,
    reason="the cores of others are not all ours, or too many to fill",
)
def test_what_other_programs_use_of_the_cores_is_counted_and_what_this_one_used_before_is_not():
    with busy(1) as (one,):
        load = load_of_others([("a sweep", one)])
    assert 0.2 < load.used <= psutil.cpu_count()
    assert load.groups == ("a sweep",)
    with busy(2 * usable_cores()):
        more = load_of_others()
    assert more.processes >= usable_cores()
    assert more.wanted > more.used > usable_cores() - 0.5, "those that wait for a core count, too"
    assert more.groups == ()


def test_a_load_slows_tasks_down_by_what_is_left_of_the_cores():
    assert Load().slowdown(2, 2) == 1.0
    assert Load(used=1.0, wanted=1.0).slowdown(1, 2) == 1.0
    assert Load(used=1.0, wanted=1.0).slowdown(2, 2) == 1.5
    assert Load(used=2.0, wanted=4.0).slowdown(2, 2) == 3.0
    assert Load(used=2.0, wanted=4.0).slowdown(8, 2) == 3.0, "more tasks than cores never had a core each"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counted on Linux alone")
def test_a_clock_stands_still_while_its_thread_waits_for_a_core_and_no_longer():
    with one_core(), busy(3):
        began, whole, spent = unhindered(), time.perf_counter(), time.thread_time()
        while time.thread_time() - spent < 0.3:
            sum(range(1000))
        own, whole = unhindered() - began, time.perf_counter() - whole
    assert 0.25 < own < 0.7 * whole
    began = unhindered()
    time.sleep(0.2)
    assert unhindered() - began >= 0.15, "it waited for no core"


V1 = "9:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n"
QUOTAS = {
    "version 2": (
        "0::/\n",
        {"sys/fs/cgroup/cpu.max": "200000 100000\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"},
    ),
    "a group above": (
        "0::/user/job\n",
        {
            "sys/fs/cgroup/user/cpu.max": "250000 100000",
            "sys/fs/cgroup/user/job/cpu.max": "max 100000",
            "sys/fs/cgroup/user/job/memory.max": f"{GIB}",
            "sys/fs/cgroup/user/memory.max": "max",
        },
    ),
    "version 1": (
        V1,
        {
            "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": f"{GIB}",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63 - 4096}",
        },
    ),
    "version 1 in a container": (
        V1,
        {
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}",
        },
    ),
}


@pytest.mark.parametrize("kind", QUOTAS)
def test_the_quotas_of_a_container_bound_its_cores_and_its_memory(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    root = container(tmp_path, *QUOTAS[kind])
    assert (usable_cores(root), usable_memory(root)) == (2, GIB)


def test_without_a_quota_cores_are_those_of_the_affinity_and_one_at_least(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 6})
    assert usable_cores(tmp_path) == 3
    assert usable_memory(tmp_path) == psutil.virtual_memory().total
    unlimited = container(
        tmp_path,
        V1,
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
    )
    assert usable_cores(unlimited) == 3
    half = container(tmp_path, "0::/\n", {"sys/fs/cgroup/cpu.max": "50000 100000"})
    assert usable_cores(half) == 1


@pytest.mark.parametrize(("cores", "memory", "count"), [(4, 64, 4), (64, 9, 16), (8, 1, 1), (2, 2, 2)])
def test_the_default_number_of_slots_follows_cores_and_memory(monkeypatch, cores, memory, count):
    monkeypatch.setattr(slots, "usable_cores", lambda: cores)
    monkeypatch.setattr(slots, "usable_memory", lambda: memory * GIB)
    assert len(parse_slots()) == count


@pytest.fixture
def two_gpus(monkeypatch):
    """Pretend two GPUs."""
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    monkeypatch.setattr(gpus, "count_visible", lambda: 2)
    return monkeypatch


@pytest.mark.parametrize(
    ("visible", "gpu", "device"),
    [
        (None, "1", "1"),
        ("2,5", "0", "2"),
        ("2,5", "1", "5"),
        ("2,5", "0,1", "2,5"),
        ("GPU-3f2a,MIG-77", "1", "MIG-77"),
        ("GPU-3f2a,MIG-77", "MIG-77", "MIG-77"),
        ("2,5", "GPU-3f2a", "GPU-3f2a"),
        (" 4 , 6 ,-1,7", "1", "6"),
    ],
)
def test_a_gpu_counts_among_the_visible_ones_and_keeps_its_name(two_gpus, visible, gpu, device):
    if visible is not None:
        two_gpus.setenv(gpus.VISIBLE, visible)
    assert gpus.device_names(gpu) == device
    assert [slot.gpu for slot in slots_here(",".join(f"gpu:{word}" for word in gpu.split(",")))] == gpu.split(
        ","
    )


def test_a_trial_sees_the_gpu_that_its_slot_means(two_gpus, tmp_path):
    two_gpus.setenv(gpus.VISIBLE, "3,MIG-77")
    launcher = LocalLauncher("gpu:1/2", entry=launched.main, preload=("launched",))
    launcher.start(task(tmp_path, "prints"), launcher.slots[1])
    assert until_ended(launcher)[1].scores["gpus"] == "MIG-77"
    launcher.close()


@pytest.mark.parametrize(
    ("visible", "text", "message"),
    [
        (None, "gpu:2", r"slots='gpu:2': there is no gpu:2: this process may use 2 GPUs, gpu:0 to gpu:1$"),
        ("3,4", "gpu:0,gpu:3", r"there is no gpu:3: .*gpu:0 to gpu:1 \(CUDA_VISIBLE_DEVICES=3,4\)$"),
        ("GPU-aa,GPU-bb", "gpu:GPU-cc", r"GPU-cc is not among the GPUs .*CUDA_VISIBLE_DEVICES=GPU-aa,GPU-bb"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(two_gpus, visible, text, message):
    if visible is not None:
        two_gpus.setenv(gpus.VISIBLE, visible)
    with pytest.raises(UserError, match=message):
        slots_here(text)


@pytest.mark.parametrize("launcher", [None, "fused:fuse=2"])
def test_gpu_slots_on_a_machine_without_one_are_refused_at_the_start(tmp_path, monkeypatch, launcher):
    from dataclasses import replace

    from simulation import write_sweep

    from rnnsweep.launchers import parse_launcher

    monkeypatch.setattr(gpus, "count_visible", lambda: 0)
    sweep = write_sweep(tmp_path)
    asked = sweep if launcher is None else replace(sweep, launcher=parse_launcher(launcher))
    with pytest.raises(
        UserError, match="slots='gpu:0': this machine has no GPU that PyTorch can use.*--slots 2"
    ):
        make_launcher(asked, "gpu:0")


def test_gpus_that_stay_idle_are_named_in_one_line_with_the_option(monkeypatch):
    cores, both = parse_slots(2), parse_slots("cpu,gpu:0")
    monkeypatch.setattr(gpus, "has_metal", lambda: False)
    for count, line in (
        (0, None),
        (1, "the GPU of this machine stays idle"),
        (2, "2 GPUs of this machine stay"),
    ):
        monkeypatch.setattr(gpus, "count_visible", lambda count=count: count)
        said = idle_gpus(cores)
        assert said is line or line in said
        assert idle_gpus(both) is None
    assert said.endswith("--slots gpu:0,gpu:1")


def test_the_gpu_of_a_mac_is_named_where_it_is_not_used(monkeypatch):
    monkeypatch.setattr(gpus, "count_visible", lambda: 0)
    monkeypatch.setattr(gpus, "has_metal", lambda: True)
    assert "Mac (MPS) stays idle" in idle_gpus(parse_slots(1))
    with pytest.raises(UserError, match="Apple's MPS is not used; take CPU slots"):
        slots_here("gpu:0")


@pytest.mark.parametrize(("text", "message"), [("2", "no slot has one"), ("gpu:0,cpu", "slot 2 has none")])
def test_trainings_that_ask_for_a_gpu_are_refused_in_cpu_slots(text, message):
    with pytest.raises(
        UserError, match=f"trainer.accelerator='gpu': a trial of lstm .*{message}; .*--slots gpu:0"
    ):
        check_accelerator(parse_slots(text), "gpu", architecture="lstm")
    check_accelerator(parse_slots(text), "auto", architecture="lstm")
    check_accelerator((Slot(0, gpu="0"),), "gpu", architecture="lstm")


def test_a_container_that_is_fuller_than_its_machine_decides_how_much_memory_is_in_use(tmp_path):
    group = tmp_path / "sys/fs/cgroup/inner"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/inner\n")
    for name, text in {
        "max": "1000",
        "current": "1990",
        "stat": "anon 990\nactive_file 600\ninactive_file 400\n",
    }.items():
        (group / f"memory.{name}").write_text(text)
    assert memory_in_use(tmp_path) == group_memory_in_use(tmp_path) == 0.99
    assert 0 < memory_in_use(tmp_path / "none") < 1
    assert group_memory_in_use(tmp_path / "none") is None


def test_pages_of_files_in_groups_within_a_group_of_version_1_do_not_count(tmp_path):
    group = tmp_path / "sys/fs/cgroup/memory/job"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/job\n")
    stat = "active_file 0\ninactive_file 0\ntotal_active_file 300\ntotal_inactive_file 100\n"
    for name, text in {"limit_in_bytes": "1000", "usage_in_bytes": "900", "stat": stat}.items():
        (group / f"memory.{name}").write_text(text)
    assert group_memory_in_use(tmp_path) == 0.5
