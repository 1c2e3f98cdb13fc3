"""Trials on a Ray cluster of two nodes on loopback: their scores, and what happens when parts of it die."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
from benchmarks._no_records import NoRecords
from benchmarks._ray_cluster import RAY
from benchmarks.chaos import SWEEP, _write_rows
from optuna import load_study
from ray_head import ray_head
from test_agents import ended, points, swept_alike, until
from test_launchers import task

from rnnsweep.engine import run_sweep
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents.controller import fleet
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.agents.line import Letter
from rnnsweep.launchers.agents.transport import Arrived
from rnnsweep.launchers.ray.transport import RayTransport
from rnnsweep.machine import Share
from rnnsweep.search.journal import read_journal
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Method, read_sweep
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.trial import Outcome, Started

pytestmark = [pytest.mark.ray, pytest.mark.slow]
PATIENCE_S = 120.0  # on a machine that does other work too


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head and two nodes; the last tests kill them one by one."""
    with ray_head(tmp_path_factory.mktemp("programs"), RAY_gcs_rpc_server_reconnect_timeout_s="5") as head:
        head.add(cpus=2)
        head.add(cpus=1)
        yield head


@pytest.fixture
def far(cluster):
    """Make launchers on the cluster; they are closed at the end."""
    made = []

    def make(entry="main", locker=None, **request):
        transport = RayTransport(cluster.address, Share(**request), place="lab.yaml")
        program = Method("programs", {"entry": entry})
        made.append(AgentLauncher(transport, launcher=program, machine="lab", locker=locker, grace_s=2.0))
        return made[-1]

    yield make
    for each in made:
        each.close()


def started(events):
    return any(isinstance(event, Started) for event in events)


def agents_of(launcher):
    return [agent for agent in launcher._fleet if agent.hello]


def node_of(cluster, agent):
    """Return the process of the node where an agent is."""
    return cluster.nodes[int(agent.hello.node.rpartition(".")[2]) - 3]


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait(done, *, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_sweep_whose_trials_are_killed_scores_on_two_nodes_as_in_local_slots(far, tmp_path):
    summary = swept_alike(tmp_path, far("dies_once"))
    table = json.loads((summary.folder / "agents.json").read_text())["agents"]
    assert {row["node"] for row in table} <= {"127.0.0.3", "127.0.0.4"}


def trained(folder, launcher, devices):
    """Train a small sweep for real; return its scores without what the clock decides."""
    folder.mkdir()
    text = SWEEP.format(trials=1, rows=_write_rows(folder)).replace("replicates: 2", "replicates: 1")
    path = folder / "chaos.yaml"
    path.write_text(
        text.replace("trainer.max_epochs=2", f"trainer.max_epochs=1\n  - trainer.devices={devices}")
    )
    summary = run_sweep(read_sweep(path), mlruns=folder / "mlruns", launcher=launcher, records=NoRecords())
    assert summary.trials["complete"] == 2
    return {
        one.name: {
            name: value
            for name, value in Outcome.read(one).scores.items()
            if not name.startswith(("seconds", "samples", "memory", "activations"))
        }
        for one in sorted((summary.folder / "trials").iterdir())
    }


@pytest.mark.parametrize("devices", [1, 2])
def test_trainings_score_on_two_nodes_bit_for_bit_as_in_local_slots(cluster, tmp_path, devices):
    here = trained(tmp_path / "here", LocalLauncher(2), devices)
    transport = RayTransport(cluster.address, Share(), place="lab.yaml")
    assert trained(tmp_path / "far", AgentLauncher(transport, machine="lab"), devices) == here
    assert len(here) == 4


def test_a_killed_agent_costs_its_task_an_attempt_and_another_goes_on(far, tmp_path):
    launcher = far("waits", most=1)
    one = task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    until(launcher, lambda events: points(tmp_path, "one"), seconds=PATIENCE_S)
    (agent,) = agents_of(launcher)
    psutil.Process(agent.hello.pid).kill()
    killed_at = time.monotonic()
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    assert time.monotonic() - killed_at < 10
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    assert points(tmp_path, "one") == [(1, 0.25)]
    assert [row.lost for row in launcher.agents] == [False, True]


def test_a_frozen_agent_is_given_up_and_nothing_of_it_is_taken_when_it_wakes(far, tmp_path, monkeypatch):
    launcher = far("waits", most=3)
    one = task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, lambda events: points(tmp_path, "one"), seconds=PATIENCE_S)
    (agent,) = agents_of(launcher)
    monkeypatch.setattr(fleet, "COMING_S", 2.0)  # its node has room for no other agent while it lives
    monkeypatch.setattr(launcher._transport, "release", lambda name: None)  # as where nobody can reach it
    os.kill(agent.hello.pid, signal.SIGSTOP)
    try:
        monkeypatch.setattr(fleet, "LOST_S", 4.0)
        _, outcome = ended(launcher)
        assert (outcome.state, outcome.cause) == ("failed", "lost process")
        monkeypatch.setattr(fleet, "LOST_S", 45.0)
    finally:
        os.kill(agent.hello.pid, signal.SIGCONT)
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    for process in psutil.Process(agent.hello.pid).children(recursive=True):
        process.kill()  # the stale trial ends, and its agent tells of it
    for _ in range(20):
        assert launcher.events(0.1) == []
    assert points(tmp_path, "one") == [(1, 0.25)]
    assert Outcome.read(one.folder) is None


def frozen_and_woken(launcher, patch):
    """Freeze the first agent whose trial has reported three times, and wake both once the trial is retried.

    Return what the agent says from then on.
    """
    said, receive = [], launcher._transport.receive

    def hear(timeout):
        arrived = receive(timeout)
        for each in arrived:
            if each.agent == stale.name and stale.lost and isinstance(each, Arrived):
                said.extend(Letter.unpack(each.letter).messages)
        return arrived

    def working():
        return [agent for agent in launcher._fleet if agent.busy]

    def recorded(agent):
        attempts = [launcher._by_number.get(number) for number in agent.busy]
        return any(each and len(points(each.task.mlruns, each.task.key)) > 2 for each in attempts)

    wait(lambda: any(recorded(agent) for agent in working()))
    stale = next(agent for agent in working() if recorded(agent))
    (number,) = stale.busy
    key = launcher._by_number[number].task.key
    patch.setattr(launcher._transport, "receive", hear)
    patch.setattr(launcher._transport, "release", lambda name: None)  # as where nobody can reach it
    patch.setattr(fleet, "COMING_S", 2.0)  # its node has room for no other agent while it lives
    patch.setattr(fleet, "LOST_S", 8.0)
    family = [psutil.Process(stale.hello.pid)]
    family += family[0].children(recursive=True)
    for each in family:
        each.suspend()
    try:
        wait(lambda: stale.lost)
        patch.setattr(fleet, "LOST_S", 45.0)
        wait(lambda: (again := launcher._attempts.get(key)) and again.agent and again.number != number)
    finally:
        for each in family:
            each.resume()
    return said


def test_a_sweep_takes_nothing_of_an_agent_that_was_frozen_and_wakes_after_its_trial_is_retried(
    far, tmp_path, monkeypatch
):
    launcher = far("slowly", str(tmp_path / "locker"), most=3, together=1)
    with ThreadPoolExecutor(1) as other:
        woken = other.submit(frozen_and_woken, launcher, monkeypatch)
        summary = swept_alike(tmp_path, launcher)  # no trial and no point is lost, doubled or another's
    said = {type(message).__name__: message for message in woken.result()}
    assert {"Happened", "Lines", "Piece"} < {*said}  # its trial went on, and all that it made was sent
    assert said["Over"].outcome.state == "complete"
    for spool in (tmp_path / "far" / "mlruns" / "spool").glob("*.jsonl"):
        assert [line["op"] for line in read_all(spool)].count("end") == 1
    assert [path for path in (tmp_path / "locker").rglob("*") if path.is_file()] == []
    for study in ("toy/rnn", "toy/lstm"):
        trials = load_study(study_name=study, storage=read_journal(SweepFolder(summary.folder))).trials
        assert [sorted(trial.intermediate_values) for trial in trials] == [[1, 2, 3, 4]] * 2
    assert [row.lost for row in launcher.agents].count(True) == 1


CONTROLLER = """
import sys, time
from pathlib import Path
from test_ray import AgentLauncher, Method, RayTransport, Share
from test_launchers import task

launcher = AgentLauncher(RayTransport(sys.argv[1], Share(most=1), place="lab.yaml"),
                         launcher=Method("programs", {"entry": "waits"}))
launcher.start(task(Path(sys.argv[2]), "x"), launcher.slots[0])
while not launcher.events(0.2):
    pass
print(*(agent.hello.pid for agent in launcher._fleet), flush=True)
while True:
    launcher.events(1.0)
"""


def test_a_killed_controller_leaves_no_agent_and_no_trial(cluster, tmp_path):
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, cluster.address, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    ) as controller:
        agent = int(controller.stdout.readline())
        family = [agent, *(each.pid for each in psutil.Process(agent).children(recursive=True))]
        controller.kill()
    wait(lambda: all(is_gone(pid) for pid in family), seconds=30)


def test_the_head_of_another_cluster_is_refused_in_one_line(cluster, monkeypatch, capfd):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "6" * 64)
    with pytest.raises(UserError, match="Ray does not connect: .*InvalidAuthToken") as refused:
        RayTransport(cluster.address, Share(), place="lab.yaml")
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def drain(cluster, agent, *, seconds):
    command = [sys.executable, "-c", RAY, "drain-node", f"--address={cluster.address}"]
    node = [f"--node-id={agent.room.room.node_id}", "--reason=DRAIN_NODE_REASON_PREEMPTION"]
    more = ["--reason-message=spot", f"--deadline-remaining-seconds={seconds}"]
    subprocess.run([*command, *node, *more], env=cluster.environment, check=True, timeout=PATIENCE_S)


def test_a_drained_node_costs_its_task_no_attempt(cluster, far, tmp_path, monkeypatch):
    launcher = far("waits", most=3)
    launcher.start(task(tmp_path, "x"), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    (agent,) = agents_of(launcher)
    drain(cluster, agent, seconds=1)
    time.sleep(2.0)  # Ray calls a node preempted that dies after the deadline
    monkeypatch.setattr(fleet, "LOST_S", 15.0)
    cluster.child(node_of(cluster, agent), "raylet").kill()
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")


def begun_on_a_node(cluster, far, tmp_path):
    """Start a task that waits on a node of its own; return the launcher, the task and the agent."""
    cluster.add(cpus=1)
    launcher, one = far("waits", most=3), task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    (agent,) = agents_of(launcher)
    return launcher, one, agent


def test_the_trials_of_a_drained_node_checkpoint_before_it_is_gone(cluster, far, tmp_path):
    launcher, one, agent = begun_on_a_node(cluster, far, tmp_path)
    drain(cluster, agent, seconds=60)
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")
    assert outcome.reason.endswith("Ray drains its node")
    assert (one.folder / "checkpoints" / "last.ckpt").read_text() == "2"


def test_an_agent_that_gets_sigterm_lets_its_trials_checkpoint(cluster, far, tmp_path):
    launcher, one, agent = begun_on_a_node(cluster, far, tmp_path)
    for process in (
        *psutil.Process(agent.hello.pid).children(recursive=True),
        psutil.Process(agent.hello.pid),
    ):
        process.terminate()  # as where the machine is shut down
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")
    assert (one.folder / "checkpoints" / "last.ckpt").read_text() == "2"


def test_a_node_whose_raylet_is_frozen_is_given_up_and_nothing_of_it_is_taken(
    cluster, far, tmp_path, monkeypatch
):
    cluster.add(cpus=1)
    launcher = far("waits")
    one = task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    until(launcher, lambda events: points(tmp_path, "one"), seconds=PATIENCE_S)
    (agent,) = [each for each in agents_of(launcher) if each.busy]
    raylet = cluster.child(node_of(cluster, agent), "raylet")
    raylet.suspend()
    try:
        monkeypatch.setattr(fleet, "LOST_S", 8.0)
        _, outcome = ended(launcher)
        assert (outcome.state, outcome.cause) == ("failed", "lost process")
        monkeypatch.setattr(fleet, "LOST_S", 45.0)
        launcher.start(replace(one, resume=True), launcher.slots[0])
        until(launcher, started, seconds=PATIENCE_S)
    finally:
        raylet.resume()
    end = time.monotonic() + PATIENCE_S
    while not is_gone(agent.hello.pid):  # it hears nothing, so its trial writes and ends, and then itself
        assert time.monotonic() < end
        assert launcher.events(0.1) == []
    assert points(tmp_path, "one") == [(1, 0.25)]
    assert not (one.folder / "checkpoints" / "last.ckpt").exists()  # none was carried before, and none is now
    assert Outcome.read(one.folder) is None


def test_a_node_whose_raylet_is_killed_is_heard_until_it_is_silent(cluster, far, tmp_path, monkeypatch):
    launcher = far("waits")
    launcher.start(task(tmp_path, "x"), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    (agent,) = agents_of(launcher)
    monkeypatch.setattr(fleet, "LOST_S", 15.0)
    cluster.child(node_of(cluster, agent), "raylet").kill()
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "lost process")


def test_a_node_with_other_versions_is_refused_before_an_agent_starts_there(cluster, tmp_path, monkeypatch):
    metadata = tmp_path / "numba-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: numba\nVersion: 9.9\n")
    path = os.pathsep.join((str(tmp_path), cluster.environment["PYTHONPATH"]))
    with monkeypatch.context() as patch:
        patch.setitem(cluster.environment, "PYTHONPATH", path)
        node = cluster.add(cpus=1)
    words = (
        rf"^lab.yaml: node 127.0.0.{2 + len(cluster.nodes)}: numba is 9.9 there and \S+ here;"
        " install the same on all nodes$"
    )
    try:
        with pytest.raises(UserError, match=words):
            RayTransport(cluster.address, Share(), place="lab.yaml")
    finally:
        cluster.end(node)
    wait(lambda: connects(cluster))  # once Ray knows that the node is gone


def connects(cluster):
    try:
        RayTransport(cluster.address, Share(), place="lab.yaml").close()
    except UserError:
        return False
    return True


def test_where_the_head_dies_the_controller_says_so_and_lives(cluster, far, tmp_path):
    cluster.add(cpus=1)
    launcher = far("waits", most=1)
    launcher.start(task(tmp_path, "x"), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    cluster.child(cluster.head, "gcs_server").kill()
    with pytest.raises(UserError, match="the head of the Ray cluster is gone; the same command resumes"):
        until(launcher, lambda events: False, seconds=PATIENCE_S)
