"""Whole commands on a real Slurm: a machine that is tried, agents that are watched, a port that is closed."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from test_slurm import agent_of, slurm
from test_slurm_studies import SWEEP, write_rows

from rnnsweep.cli import main
from rnnsweep.launchers.slurm import transport
from rnnsweep.launchers.slurm.channel import ControllerAddress

pytestmark = [pytest.mark.server, pytest.mark.slow]
__all__ = ["slurm"]
PATIENCE_S = 300.0  # on a machine that does other work too
MACHINE = "engine: slurm\nslots: {{each: cpu:1, most: 2}}\nslurm: {{folder: {jobs}, time: 30}}\n"


@pytest.fixture
def project(slurm, tmp_path, monkeypatch):
    for folder in ("conf/machine", "sweeps"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "conf" / "machine" / "lab.yaml").write_text(MACHINE.format(jobs=tmp_path / "jobs"))
    text = SWEEP.format(rows=write_rows(tmp_path)).replace("max_epochs=2", "max_epochs=1000")
    (tmp_path / "sweeps" / "small.yaml").write_text(text)
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    command = [sys.executable, "-P", "-m", "rnnsweep", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_each_point_of_a_machine_is_tried_with_an_empty_trial_on_each_node(slurm, project):
    rows = json.loads(run("machines", "lab", "--json", "--wait", str(PATIENCE_S)))
    assert all(row["ok"] and row["remedy"] == "" for row in rows)
    assert [row["check"] for row in rows][:4] == ["versions", "reach", "slots", "slot 0"]
    assert {row["check"] for row in rows} >= {"slot 1", "memory"}
    assert list((project / "jobs").iterdir()) == []
    assert not (project / "mlruns").exists()


def agents():
    return json.loads(run("status", "small", "--json"))["agents"]


def until(controller, done):
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert controller.poll() is None, controller.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.5)


def test_status_lists_the_agents_of_a_running_sweep_and_the_one_that_was_killed(slurm, project):
    command = [sys.executable, "-P", "-m", "rnnsweep", "sweep", "small", "--on", "lab"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as controller:
        until(controller, lambda: (project / "mlruns" / "sweeps" / "small").exists())
        until(controller, lambda: sum(agent["busy"] for agent in agents()) == 2)
        found = sorted(agents(), key=lambda agent: agent["node"])
        assert [{**agent, "name": None} for agent in found] == [
            {"name": None, "node": node, "slots": 1, "busy": 1, "lost": False} for node in ("n1", "n2")
        ]
        assert len({agent["name"] for agent in found}) == 2
        agent_of(slurm.jobs()[0]).kill()
        until(controller, lambda: any(agent["lost"] for agent in agents()))
        (lost,) = [agent for agent in agents() if agent["lost"]]
        assert lost["name"] in {agent["name"] for agent in found}
        os.killpg(controller.pid, signal.SIGINT)
        os.killpg(controller.pid, signal.SIGINT)
        controller.communicate(timeout=PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while slurm.jobs():
        assert time.monotonic() < end
        time.sleep(0.5)


@pytest.fixture
def closed_port(monkeypatch):
    """Let jobs be told a port at which nobody listens, as one that a firewall keeps from them."""

    def elsewhere(host, port, key_file):
        return ControllerAddress(host, 1, key_file)

    monkeypatch.setattr(transport, "ControllerAddress", elsewhere)


FAULT = (
    r"machine lab: node job-[12]: no agent starts there: node n[12] cannot connect to 127.0.0.1:1:"
    " Connection refused"
)
NEEDED = (
    "each node must see {} and {}, and reach 127.0.0.1:1, which `address: HOST:PORT` of the machine's file"
)


def test_a_port_that_nodes_cannot_reach_ends_a_sweep_with_the_node_and_what_it_needs(
    slurm, project, closed_port, capfd
):
    assert main(["sweep", "small", "--on", "lab"]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    fault, _, remedy = line.partition("; ")
    assert re.fullmatch(f"error: {FAULT}", fault)
    assert remedy.startswith(NEEDED.format(project / "jobs", sys.executable))
    assert not slurm.jobs()


def test_a_port_that_nodes_cannot_reach_fails_the_check_of_a_machine(slurm, project, closed_port, capfd):
    assert main(["machines", "lab", "--json", "--wait", str(PATIENCE_S)]) == 2
    wrong = [row for row in json.loads(capfd.readouterr().out) if not row["ok"]]
    assert [row["check"] for row in wrong] == ["slot 0", "slot 1"]
    assert all(re.fullmatch(FAULT, row["found"]) for row in wrong)
    assert all(row["remedy"].startswith(NEEDED.format(project / "jobs", sys.executable)) for row in wrong)
