"""Checkpoints of a training on a Ray cluster: its node dies, and it ends on another one as undisturbed."""

import os
import time
from dataclasses import replace

import pytest
from ray_head import ray_head
from s3_server import account, s3_server
from test_agents import until
from test_agents_locker import curves_of, exact_scores, is_carried, names_in
from test_trial import (
    rows,  # noqa: F401
    task as training,
)

from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents.controller import fleet
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.ray.transport import RayTransport
from rnnsweep.machine import Share
from rnnsweep.sweepfile import Method
from rnnsweep.trial import Ended, Reported

pytestmark = [pytest.mark.ray, pytest.mark.slow]
PATIENCE_S = 180.0  # on a machine that does other work too
LONG = ("trainer.max_epochs=4", "model.dropout=0.2")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head alone."""
    with ray_head(tmp_path_factory.mktemp("programs")) as head:
        yield head


@pytest.fixture(params=["pieces", "folder", pytest.param("s3", marks=pytest.mark.server)])
def place(request, tmp_path, monkeypatch, cluster):
    """Where checkpoints lie; nodes that are started within have what they need for it."""
    if request.param != "s3":
        yield None if request.param == "pieces" else str(tmp_path / "locker")
        return
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    with s3_server(tmp_path / "served") as endpoint:
        account(monkeypatch, endpoint)
        named = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        monkeypatch.setattr(cluster, "environment", {**cluster.environment, **named})
        yield "s3://bucket/sweeps"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, rows):  # noqa: F811
    """The scores and the curves of the training in a local slot."""
    one, here = training(tmp_path_factory.mktemp("here"), rows, *LONG), LocalLauncher(1)
    here.start(one, here.slots[0])
    outcome = until(here, has_ended, seconds=PATIENCE_S)[-1].outcome
    here.close()
    return exact_scores(outcome), curves_of(one)


def has_ended(events):
    return any(isinstance(event, Ended) for event in events)


def launcher_on(cluster, place):
    """Return a launcher on two nodes; those of the tests before are dead, and Ray may not know it yet."""
    end = time.monotonic() + PATIENCE_S
    while True:
        transport = RayTransport(cluster.address, Share(), place="lab.yaml")
        if len(transport.rooms) == 2:
            # a checkpoint leaves its node at once: by itself it does so each minute
            program = Method("programs", {"entry": "trains_here", "carry_s": 0.0})
            return AgentLauncher(transport, launcher=program, machine="lab", locker=place, grace_s=2.0)
        transport.close()
        assert time.monotonic() < end


def test_a_training_whose_node_is_killed_ends_on_another_bit_for_bit_as_undisturbed(
    cluster,
    place,
    undisturbed,
    tmp_path,
    monkeypatch,
    rows,  # noqa: F811
):
    monkeypatch.setattr(fleet, "LOST_S", 15.0)
    nodes = {f"127.0.0.{3 + len(cluster.nodes)}": cluster.add(cpus=1) for _ in range(2)}
    far, one = launcher_on(cluster, place), training(tmp_path, rows, *LONG)
    far.start(one, far.slots[0])
    reports, end = 0, time.monotonic() + PATIENCE_S
    while reports < 2 or not is_carried(one, place):
        assert time.monotonic() < end
        for event in far.events(0.1):
            assert not isinstance(event, Ended), event
            reports += isinstance(event, Reported)
            if isinstance(event, Reported) and reports < 2:
                far.answer(event.key, "go on")
    assert bool(names_in(place)) is (place is not None)
    (first,) = [agent for agent in far._fleet if agent.busy]
    cluster.end(nodes.pop(first.hello.node))
    outcome = until(far, has_ended, seconds=PATIENCE_S)[-1].outcome
    assert (outcome.state, outcome.cause) == ("failed", "lost process")

    far.start(replace(one, resume=True), far.slots[0])
    outcome = until(far, has_ended, seconds=PATIENCE_S)[-1].outcome
    assert outcome.state == "complete"
    assert [row.node for row in far.agents if not row.lost] == [*nodes]
    far.close()
    for node in nodes.values():
        cluster.end(node)
    assert (exact_scores(outcome), curves_of(one)) == undisturbed
    assert len(undisturbed[1]) > 10
    assert names_in(place) == []
