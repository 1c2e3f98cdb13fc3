"""A node of a Ray cluster that is short of memory, as a real limit has it."""

import json
import re
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from benchmarks._no_records import NoRecords
from ray_head import ray_head
from simulation import write_sweep

from rnnsweep.engine import run_sweep
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.ray.transport import RayTransport
from rnnsweep.machine import Share
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Method

pytestmark = [pytest.mark.ray, pytest.mark.slow]
GROUPS = Path("/sys/fs/cgroup/memory")
LIMIT = 2 << 30


@pytest.fixture
def container():
    """Return a command that runs another one as in a container of so much memory: it sees that limit alone.

    Both Ray and the agent read the limit where a container has it.
    """
    group = GROUPS / f"rnnsweep-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
        subprocess.run(["unshare", "--mount", "true"], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"a memory limit needs root and control groups of version 1: {error}")
    enter = f'echo $$ > {group}/cgroup.procs && mount --bind {group} {GROUPS} && exec "$@"'
    yield ["unshare", "--mount", "sh", "-c", enter, "sh"]
    while (group / "cgroup.procs").read_text():  # the last processes of the node
        time.sleep(0.1)
    group.rmdir()


@pytest.fixture
def cluster(tmp_path):
    """A head alone."""
    with ray_head(tmp_path) as head:
        yield head


def test_the_largest_trial_of_a_node_is_ended_before_ray_ends_its_agent_with_all_trials(
    container, cluster, tmp_path
):
    cluster.add(cpus=2, inside=container)
    transport = RayTransport(cluster.address, Share(), place="lab.yaml")
    program = Method("programs", {"entry": "grows"})
    summary = run_sweep(
        write_sweep(tmp_path, trials=2, replicates=0, retries=0, architectures="[gru]"),
        mlruns=tmp_path / "mlruns",
        launcher=AgentLauncher(transport, launcher=program, machine="lab"),
        records=NoRecords(),
        prepare=lambda run: "corpus",
    )
    assert summary.trials["complete"] == 2
    (again,) = [line for line in SweepFolder(summary.folder).events() if line.get("state") == "retried"]
    assert (again["name"], again["cause"]) == ("gru-0", "out of memory")
    assert re.fullmatch(r"the largest trial of its node, whose memory was 9[3-5]% in use", again["reason"])
    agents = json.loads((summary.folder / "agents.json").read_text())["agents"]
    assert [agent["lost"] for agent in agents] == [False]
