"""Jobs of a real Slurm that near their limit of memory, of each kind that Slurm enforces."""

import json
import os
import re
from pathlib import Path

import agent_programs
import pytest
from benchmarks._no_records import NoRecords
from simulation import write_sweep
from slurm_two_nodes import Slurm, skip_where_it_cannot_run

from rnnsweep.engine import run_sweep
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.slurm import memory
from rnnsweep.launchers.slurm.memory import asked_memory, guard_of_job
from rnnsweep.launchers.slurm.transport import SlurmTransport
from rnnsweep.machine import Machine, Share
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Method

GROUPS = (
    "CgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\nCgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\n"
)
ADDS_UP = (
    "JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1\n"
    "JobAcctGatherParams=OverMemoryKill"
)
COUNTS_MEMORY = "SelectTypeParameters=CR_Core_Memory"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a cluster that enforces limits in some way."""
    skip_where_it_cannot_run()
    made = []

    def start(changed, groups):
        if groups and not Path("/sys/fs/cgroup/memory").is_dir():
            pytest.skip("needs control groups of version 1")
        made.append(Slurm(f"{changed}\n{COUNTS_MEMORY}", groups))
        monkeypatch.setenv("SLURM_CONF", str(made[-1].conf))
        return made[-1]

    agent_programs.install(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    root = Path(__file__).parents[1]
    folders = (tmp_path, Path(__file__).parent, root, root / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
    yield start
    for cluster in made:
        cluster.close()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "groups"), [("TaskPlugin=task/cgroup", GROUPS), (ADDS_UP, "")], ids=["groups", "sum"]
)
def test_the_largest_trial_of_a_job_is_ended_before_slurm_ends_the_job(start, tmp_path, changed, groups):
    start(changed, groups)
    lab = Machine(
        "lab", Path("lab.yaml"), "slurm", slurm={"folder": str(tmp_path / "jobs"), "memory": "900M"}
    )
    summary = run_sweep(
        write_sweep(tmp_path, trials=2, replicates=0, retries=0, architectures="[gru]"),
        mlruns=tmp_path / "mlruns",
        launcher=AgentLauncher(
            SlurmTransport(lab, Share(most=1)),
            launcher=Method("programs", {"entry": "swells"}),
            machine="lab",
        ),
        records=NoRecords(),
        prepare=lambda run: "corpus",
    )
    assert summary.trials["complete"] == 2
    (again,) = [line for line in SweepFolder(summary.folder).events() if line.get("state") == "retried"]
    assert (again["name"], again["cause"]) == ("gru-0", "out of memory")
    assert re.fullmatch(r"the largest trial of its job, whose memory was 9\d% in use", again["reason"])
    agents = json.loads((summary.folder / "agents.json").read_text())["agents"]
    assert [agent["lost"] for agent in agents] == [False]


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, None),
        ({"SLURM_MEM_PER_NODE": "300"}, 300 << 20),
        ({"SLURM_MEM_PER_NODE": "0"}, None),  # all of the node's
        ({"SLURM_MEM_PER_CPU": "200", "SLURM_CPUS_ON_NODE": "4"}, 800 << 20),
        ({"SLURM_MEM_PER_CPU": "200"}, None),
    ],
)
def test_what_a_job_asked_for_is_read_as_slurm_says_it(environment, asked):
    assert asked_memory(environment) == asked


@pytest.mark.parametrize(
    ("group", "params", "environment", "share"),
    [
        (None, "(null)", {"SLURM_MEM_PER_NODE": "1"}, None),  # nothing holds the job to it
        (None, "OverMemoryKill", {}, None),
        (None, "OverMemoryKill", {"SLURM_MEM_PER_NODE": "1"}, "more than it asked for"),
        (0.95, "(null)", {}, 0.95),
    ],
)
def test_a_job_is_guarded_where_slurm_holds_it_to_a_limit(
    tmp_path, monkeypatch, group, params, environment, share
):
    (tmp_path / "scontrol").write_text(f"#!/bin/sh\necho 'JobAcctGatherParams = {params}'\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(memory, "group_memory_in_use", lambda: group)
    guard = guard_of_job(environment)
    if share is None:
        assert guard is None
    else:
        found = guard._in_use()
        assert found == share if isinstance(share, float) else found > 1
