"""Connections of agents to their controller that break, on a real Slurm: which cost nothing, and which do."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from broken_network import Proxy
from test_agents import ended, points, swept_alike, until
from test_launchers import task
from test_slurm import PATIENCE_S, agent_of, begun_in_a_job, far, slurm, started, wait

from rnnsweep.launchers.slurm import transport
from rnnsweep.launchers.slurm.channel import RefusedError
from rnnsweep.trial import Outcome, Started

pytestmark = [pytest.mark.server, pytest.mark.slow]
__all__ = ["far", "slurm"]


@pytest.fixture
def over_a_proxy(far):
    """Make launchers whose agents connect through a proxy."""
    proxies = []

    def make(*values, **more):
        launcher = far(*values, **more)
        line = launcher._transport
        proxies.append(Proxy(line._controller.port))
        line._controller = replace(line._controller, port=proxies[-1].port)
        return launcher, proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


def test_a_sweep_whose_connections_break_again_and_again_scores_as_in_local_slots_with_no_attempt_more(
    over_a_proxy, tmp_path, monkeypatch
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "4")
    launcher, proxy = over_a_proxy()
    over = threading.Event()

    def cut():
        while not over.wait(1.5):
            proxy.cut()

    cuts = threading.Thread(target=cut)
    cuts.start()
    try:
        summary = swept_alike(tmp_path, launcher)
    finally:
        over.set()
        cuts.join()
    assert proxy.taken > 4
    tasks = list(summary.folder.rglob("outcome.json"))
    assert next(launcher._numbers) == len(tasks) + 1  # one attempt each
    assert not any(row.lost for row in launcher.agents)


def begun_over_a_proxy(over_a_proxy, folder):
    """Start a task in one job and wait for its first point; return the launcher, the proxy and the task."""
    launcher, proxy = over_a_proxy(most=1, grace_s=10.0)
    one = task(folder, "x")
    launcher.start(one, launcher.slots[0])
    until(launcher, lambda events: points(folder, "one"), seconds=PATIENCE_S)
    return launcher, proxy, one


@pytest.mark.parametrize("how", ["cut", "silence"])  # both ends see it; neither does
def test_an_agent_that_cannot_connect_for_a_while_goes_on_with_the_same_attempt(
    slurm, over_a_proxy, tmp_path, monkeypatch, how
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "16")
    launcher, proxy, _ = begun_over_a_proxy(over_a_proxy, tmp_path)
    proxy.is_open = how == "silence"
    getattr(proxy, how)()
    for _ in range(40):
        assert launcher.events(0.1) == []
    proxy.is_open = True
    events, outcome = ended(launcher)
    assert (outcome.state, outcome.scores["from"]) == ("complete", 0)
    assert proxy.taken > 1
    assert not any(isinstance(event, Started) for event in events)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]


@pytest.mark.parametrize("is_frozen", [False, True])
def test_an_agent_that_does_not_connect_again_in_time_costs_one_attempt_and_nothing_of_it_is_taken(
    slurm, over_a_proxy, tmp_path, monkeypatch, is_frozen
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "8")
    monkeypatch.setattr(transport, "WAIT_S", 1.0)
    launcher, proxy, one = begun_over_a_proxy(over_a_proxy, tmp_path)
    line, (job,) = launcher._transport, slurm.jobs()
    key, (name,) = Path(line._controller.key_file), line._asked
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    process = line._asked[name].connection._process
    if is_frozen:
        agent_of(job).suspend()  # its trial goes on, and writes what the agent sends when Slurm wakes it
    proxy.is_open = False
    proxy.cut()
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "lost process"), outcome
    assert "its connection broke, and it did not connect again within 1 s" in outcome.reason
    before = points(tmp_path, "one")
    proxy.is_open = True
    with pytest.raises(RefusedError):  # also where it comes with all that the agent knows
        line._controller.connect(name, process)
    wait(lambda: job not in slurm.jobs(), seconds=60)
    for _ in range(10):
        assert launcher.events(0.1) == []
    assert points(tmp_path, "one") == before
    assert Outcome.read(one.folder) is None
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    assert ended(launcher)[1].state == "complete"
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]
    assert [row.lost for row in launcher.agents] == [False, True]


def test_a_killed_agent_is_not_waited_for_once_its_job_has_left_the_queue(slurm, far, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_PROGRAM_S", "8")
    monkeypatch.setattr(transport, "WAIT_S", 10 * PATIENCE_S)
    launcher, one, job = begun_in_a_job(slurm, far, tmp_path)
    agent_of(job).kill()
    _, outcome = ended(launcher)
    assert (outcome.state, outcome.cause) == ("failed", "lost process"), outcome
    assert "Killed" in outcome.reason
    launcher.start(replace(one, resume=True), launcher.slots[0])
    until(launcher, started, seconds=PATIENCE_S)
    assert ended(launcher)[1].state == "complete"
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]
