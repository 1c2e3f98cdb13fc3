"""Trials as jobs of a real Slurm of two nodes on loopback: their scores, and what happens when jobs end."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import agent_programs
import psutil
import pytest
from slurm_two_nodes import Slurm, skip_where_it_cannot_run
from test_agents import ended, points, swept_alike, until
from test_launchers import task

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.slurm import transport
from rnnsweep.launchers.slurm.transport import SlurmTransport
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import Method
from rnnsweep.trial import Ended, Started

pytestmark = [pytest.mark.server, pytest.mark.slow]
PATIENCE_S = 120.0  # on a machine that does other work too


def machine(folder, **slurm):
    return Machine("lab", Path("lab.yaml"), "slurm", slurm={"folder": str(folder), "time": 30, **slurm})


def make_launcher(folder, entry="main", *, most=2, grace_s=2.0, **slots):
    line = SlurmTransport(machine(folder), Share(most=most, **slots))
    program = Method("programs", {"entry": entry})
    return AgentLauncher(line, launcher=program, machine="lab", grace_s=grace_s)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    skip_where_it_cannot_run()
    folder = tmp_path_factory.mktemp("programs")
    agent_programs.install(folder)
    cluster = Slurm()
    patch = pytest.MonkeyPatch()
    patch.setenv("SLURM_CONF", str(cluster.conf))
    patch.syspath_prepend(str(folder))
    root = Path(__file__).parents[1]
    # src/ too: the package may be installed from another checkout, whose code has another digest
    patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder, root / "tests", root, root / "src"))))
    try:
        yield cluster
    finally:
        patch.undo()
        cluster.close()


@pytest.fixture
def far(slurm, tmp_path):
    """Make launchers on the cluster; they are closed at the end, and leave nothing."""
    made = []

    def make(*values, **more):
        made.append(make_launcher(tmp_path / "jobs", *values, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()
    wait(lambda: not slurm.jobs())
    assert list((tmp_path / "jobs").iterdir()) == []


def started(events):
    return any(isinstance(event, Started) for event in events)


def wait(done, *, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_sweep_whose_trials_are_killed_scores_on_two_nodes_as_in_local_slots(far, tmp_path):
    summary = swept_alike(tmp_path, far("dies_once"))
    table = json.loads((summary.folder / "agents.json").read_text())["agents"]
    assert {row["node"] for row in table} == {"n1", "n2"}


def begun_in_a_job(slurm, far, tmp_path):
    """Start a task and wait for its first point; return the launcher, the task and its job."""
    launcher, one = far(most=1, grace_s=10.0), task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, lambda events: points(tmp_path, "one"), seconds=PATIENCE_S)
    (job,) = slurm.jobs()
    return launcher, one, job


def agent_of(job):
    """The process of a job's agent."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            runs = "submitit.core._submit" in process.cmdline() and process.name().startswith("python")
            if runs and process.environ().get("SLURM_JOB_ID") == job:
                return process
    raise AssertionError(f"job {job} has no agent")


@pytest.mark.parametrize("signal", ["TERM", "USR2"])  # of scancel and preemption; before the time limit
def test_a_job_that_slurm_ends_costs_no_attempt_and_its_trial_resumes_from_its_checkpoint(
    slurm, far, tmp_path, monkeypatch, signal
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "6")
    launcher, one, job = begun_in_a_job(slurm, far, tmp_path)
    slurm.command("scancel", *([] if signal == "TERM" else [f"--signal={signal}"]), job)
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "preempted"), outcome
    assert "Slurm ends its job" in outcome.reason
    done = int((one.files.checkpoints / "last.ckpt").read_text())
    assert 1 <= done < agent_programs.RUNGS
    wait(lambda: job not in slurm.jobs())
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.scores["from"]) == ("complete", done)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]


def test_the_successor_of_a_job_works_before_its_time_is_over(slurm, far, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_PROGRAM_S", "20")
    launcher, one, old = begun_in_a_job(slurm, far, tmp_path)
    (room,) = launcher._fleet._rooms
    room.agent.arrived_at -= 3500  # its hour is nearly over; the successor has an hour of its own
    room.room = replace(room.room, seconds=3600.0)
    until(launcher, lambda events: len(launcher.agents) == 2, seconds=PATIENCE_S)
    assert len(slurm.jobs()) == 2
    slurm.command("scancel", "--signal=USR2", old)  # as before the time limit
    _, outcome = ended(launcher)
    assert outcome.cause == "preempted"
    began = time.monotonic()
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    assert len(slurm.jobs()) <= 2  # no third one was asked for
    print(f"resumed after {time.monotonic() - began:.2f} s")
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.scores["from"] >= 1) == ("complete", True)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]


def test_a_node_that_is_drained_ends_its_trial_and_takes_no_other(slurm, far, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_PROGRAM_S", "12")
    monkeypatch.setattr(transport, "NODES_S", 0.0)
    launcher, one, job = begun_in_a_job(slurm, far, tmp_path)
    node = slurm.command("squeue", "-h", "-j", job, "-o", "%N").strip()
    slurm.command("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    try:
        until(launcher, lambda events: all(a.is_retired for a in launcher._fleet), seconds=PATIENCE_S)
        launcher.start(task(tmp_path, "x", "two"), launcher.slots[0])
        over = lambda events: sum(isinstance(e, Ended) for e in events) == 2  # noqa: E731
        events = until(launcher, over, seconds=PATIENCE_S)
        outcomes = [event.outcome for event in events if isinstance(event, Ended)]
        assert [(each.state, each.scores["from"]) for each in outcomes] == [("complete", 0)] * 2
        wait(lambda: job not in slurm.jobs())
        assert {row.node for row in launcher.agents} == {"n1", "n2"} - {node}
    finally:
        slurm.command("scontrol", "update", f"nodename={node}", "state=resume")


def test_a_job_that_a_more_urgent_one_preempts_costs_no_attempt(slurm, far, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_PROGRAM_S", "20")
    launcher, one, job = begun_in_a_job(slurm, far, tmp_path)
    slurm.command("sbatch", "--partition=urgent", "--nodes=2", "--output=/dev/null", "--wrap=sleep 3")
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "preempted"), outcome
    wait(lambda: job not in slurm.jobs())
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.scores["from"] >= 1) == ("complete", True)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]


CONTROLLER = """
import sys
from pathlib import Path
from test_launchers import task
from test_slurm import make_launcher

launcher = make_launcher(Path(sys.argv[2]), "waits", most=3)
for key in "abc":
    launcher.start(task(Path(sys.argv[1]), "x", key), launcher.slots[0])
while not launcher.events(0.2):
    pass
print("started", flush=True)
while True:
    launcher.events(1.0)
"""


def test_a_killed_controller_leaves_no_job(slurm, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CONTROLLER, str(tmp_path), str(tmp_path / "jobs")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as controller:
        assert controller.stdout.readline()
        wait(lambda: len(slurm.jobs()) == 3)
        controller.kill()
    wait(lambda: not slurm.jobs(), seconds=60)
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    ("slots", "keys", "words"),
    [
        ({}, {"partition": "nope"}, "invalid partition specified: nope"),
        ({"threads": 8}, {}, "cpus_per_task=8: Requested node configuration is not available"),
        ({"share": 1, "together": 3}, {}, "gres=gpu:3: Requested node configuration is not available"),
        ({}, {"nodelist": "n9"}, "nodelist=n9: Invalid node name specified"),
    ],
)
def test_what_slurm_refuses_is_refused_in_one_line_before_anything_starts(
    slurm, tmp_path, slots, keys, words
):
    with pytest.raises(UserError) as refused:
        SlurmTransport(machine(tmp_path, **keys), Share(most=3, **slots))
    assert str(refused.value).startswith("lab.yaml: Slurm refuses a job with time=30, nodes=1")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not slurm.jobs()
    assert list(tmp_path.iterdir()) == []


def test_a_time_limit_longer_than_the_partition_allows_ends_a_sweep_whose_jobs_would_wait_for_ever(
    slurm, tmp_path
):
    line = SlurmTransport(machine(tmp_path / "jobs", partition="short"), Share(most=3))
    launcher = AgentLauncher(line, machine="lab")
    for key in "abc":
        launcher.start(task(tmp_path, "x", key), launcher.slots[0])
    try:
        with pytest.raises(UserError) as refused:
            until(launcher, lambda events: False, seconds=PATIENCE_S)
    finally:
        launcher.close()
    start, _, rest = str(refused.value).partition(" job-")
    assert start == "machine lab: node"
    assert rest[1:] == (
        ": no agent starts there: slurm.time=30: longer than its partition allows;"
        " `sinfo -o '%P %l'` lists partitions and their time limits"
    )
    wait(lambda: not slurm.jobs())


def test_the_trial_of_a_node_whose_slurmd_dies_goes_on_and_counts_one_attempt(
    slurm, far, tmp_path, monkeypatch
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "24")
    launcher, one = far(most=1), task(tmp_path, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, lambda events: points(tmp_path, "one"), seconds=PATIENCE_S)
    node = slurm.command("squeue", "-h", "-o", "%N").strip()
    number = 2 + ("n1", "n2").index(node)
    slurm.processes[number].kill()
    slurm.processes[number].wait()
    try:
        events = until(launcher, lambda events: any(isinstance(e, Ended) for e in events), seconds=PATIENCE_S)
        assert slurm.command("sinfo", "-h", "-N", "-n", node, "-o", "%t").split()[0] in ("alloc*", "down*")
        assert not any(isinstance(event, Started) for event in events)  # the first attempt is the only one
        assert events[-1].outcome.scores["from"] == 0
        assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]
    finally:
        slurm._daemon(["slurmd", "-D", "-N", node])
        slurm.processes[number] = slurm.processes.pop()
        wait(lambda: "*" not in slurm.command("sinfo", "-h", "-N", "-o", "%t"))
