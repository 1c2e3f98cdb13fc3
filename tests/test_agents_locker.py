"""Checkpoints of agents in a locker: a task resumes from them on another node, and nothing is left behind."""

import json
import time
from concurrent.futures import Future
from dataclasses import replace

import agent_programs
import pytest
from agents_in_memory import MemoryTransport, rooms
from s3_server import account, s3_server
from test_agents import ended, local, points, swept_alike, until
from test_launchers import task
from test_trial import (
    rows,  # noqa: F401
    task as training,
)

from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents import line, store
from rnnsweep.launchers.agents.controller import launcher
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.agents.controller.request import check_locker
from rnnsweep.launchers.agents.node import scratch
from rnnsweep.launchers.agents.transport import Gone
from rnnsweep.lockers import open_locker
from rnnsweep.machine import Machine
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.trial import Ended, Reported


@pytest.fixture(params=["pieces", "folder", pytest.param("s3", marks=pytest.mark.server)])
def place(request, tmp_path, monkeypatch):
    """Where checkpoints lie: nowhere, as they travel in letters; a folder; a bucket."""
    monkeypatch.setattr(scratch, "CARRY_S", 0.0)
    if request.param != "s3":
        yield None if request.param == "pieces" else str(tmp_path / "locker")
        return
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    with s3_server(tmp_path / "served") as endpoint:
        account(monkeypatch, endpoint)
        yield "s3://bucket/sweeps"


@pytest.fixture
def over(monkeypatch):
    """Make launchers over agents in this process with a locker; they are closed at the end."""
    made = []
    monkeypatch.setattr(launcher, "BEAT_S", 0.2)
    monkeypatch.setattr(line, "RESEND_S", 0.2)

    def make(place, *sizes, make_launcher=None, entry=agent_programs.main, **mail):
        transport = MemoryTransport(rooms(*sizes), make_launcher or local(entry), **mail)
        made.append(AgentLauncher(transport, machine="toy", locker=place, grace_s=2.0))
        return made[-1], transport

    yield make
    for each in made:
        each.close()


def names_in(place):
    return [] if place is None else open_locker(place).names()


def is_carried(one, place):
    """Whether a checkpoint of a task has left its node."""
    if place is None:
        return (one.folder / "checkpoints" / "last.ckpt").exists()
    return "checkpoints/last.ckpt" in (one.folder / "stored.json").read_text() if named(one) else False


def named(one):
    return (one.folder / "stored.json").exists()


def lose(transport, name):
    """Let an agent's node die with all that runs there."""
    transport.cut.add(name)
    transport.agents[name].close()
    transport._inbox.put(Gone(name, "its node is gone", ended=True))


@pytest.mark.slow
def test_a_sweep_whose_trials_are_killed_scores_as_at_home_and_leaves_the_locker_empty(over, place, tmp_path):
    far, transport = over(place, 1, 1, entry=agent_programs.dies_once)
    summary = swept_alike(tmp_path, far)
    far.close()
    assert names_in(place) == []
    assert list(summary.folder.rglob("stored.json")) == []


def resumed(over, place, tmp_path, one, *, make_launcher=None, entry=agent_programs.main):
    """Lose the node of a task after its second validation; return how it ends on another one."""
    far, transport = over(place, 1, 1, make_launcher=make_launcher, entry=entry)
    far.start(one, far.slots[0])
    reports, end = 0, time.monotonic() + 120
    while reports < 2 or not is_carried(one, place):
        assert time.monotonic() < end
        for event in far.events(0.1):
            reports += isinstance(event, Reported)
            if isinstance(event, Reported) and reports < 2:
                far.answer(event.key, "go on")
    assert bool(names_in(place)) is (place is not None)
    (first,) = transport.agents
    lose(transport, first)
    _, outcome = ended(far, one.key)
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    far.start(replace(one, resume=True), far.slots[0])
    events = until(far, lambda events: any(isinstance(e, Ended) for e in events), seconds=120)
    assert len(transport.agents) == 2
    far.close()
    assert names_in(place) == []
    return events[-1].outcome


def test_a_task_whose_node_dies_resumes_on_another_from_its_checkpoint(over, place, tmp_path):
    one = task(tmp_path, "x")
    outcome = resumed(over, place, tmp_path, one)
    assert (outcome.state, outcome.scores["from"]) == ("complete", 2)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]
    assert not named(one)
    assert (one.folder / "checkpoints" / "best.ckpt").read_text() == "best of one"


@pytest.mark.slow
def test_a_training_whose_node_dies_scores_on_another_bit_for_bit_as_undisturbed(over, place, tmp_path, rows):  # noqa: F811
    more = ("trainer.max_epochs=3", "model.dropout=0.2")
    outcomes, curves = [], []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        one = training(tmp_path / str(number), rows, *more)
        if number:
            real = lambda settings: LocalLauncher(settings.slots)  # noqa: E731
            outcomes.append(resumed(over, place, tmp_path, one, make_launcher=real))
        else:
            here = LocalLauncher(1)
            here.start(one, here.slots[0])
            outcomes.append(
                until(here, lambda e: any(isinstance(x, Ended) for x in e), seconds=120)[-1].outcome
            )
            here.close()
        curves.append(curves_of(one))
    assert exact_scores(outcomes[0]) == exact_scores(outcomes[1])
    assert [each.state for each in outcomes] == ["complete", "complete"]
    assert curves[0] == curves[1]
    assert len(curves[0]) > 10
    assert (tmp_path / "0/mlruns/sweeps/toy/trials/gru-0/checkpoints/best.ckpt").exists()


_OF_THE_CLOCK = ("seconds", "samples", "memory", "activations")


def exact_scores(outcome):
    """The scores of a training but those that the clock decides."""
    return {name: score for name, score in outcome.scores.items() if not name.startswith(_OF_THE_CLOCK)}


def curves_of(one):
    """All points of a run but those of its machine, which the clock decides, sorted."""
    return sorted(
        (line["step"], name, value)
        for line in read_all(one.mlruns / "spool" / f"{one.key}.jsonl")
        if line["op"] == "metrics"
        for name, value in line["values"].items()
        if name.startswith(("validation/", "train/", "epoch"))
    )


def test_what_lies_in_the_locker_alone_comes_home_when_the_sweep_is_interrupted(over, place, tmp_path):
    one = task(tmp_path, "x")
    far, transport = over(place, 1, entry=agent_programs.waits)
    far.start(one, far.slots[0])
    until(far, lambda events: one.folder.is_dir() and is_carried(one, place))
    far.stop("one")
    assert ended(far)[1].state == "interrupted"
    assert named(one) is (place is not None)
    far.close()
    assert (one.folder / "checkpoints" / "last.ckpt").read_text() == "2"
    assert not named(one)
    assert names_in(place) == []


class Refusing:
    """A locker that is full, or takes for ever."""

    def __init__(self, *, seconds=0.0):
        self.seconds, self.dropped = seconds, []

    def put(self, name, file):
        time.sleep(self.seconds)
        if not self.seconds:
            raise UserError("locker /full: No space left on device")

    def drop(self, name):
        self.dropped.append(name)


@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_checkpoints_travel_in_pieces_where_the_locker_takes_none(
    over, tmp_path, monkeypatch, seconds, capfd
):
    monkeypatch.setattr(scratch, "CARRY_S", 0.0)
    monkeypatch.setattr(store, "PUT_S", 0.1)
    one, locker = task(tmp_path, "x"), str(tmp_path / "locker")
    far, transport = over(locker, 1, entry=agent_programs.waits)
    far.start(one, far.slots[0])
    until(far, lambda events: transport.agents)
    (agent,) = transport.agents.values()
    agent._store._locker = refusing = Refusing(seconds=seconds)
    until(far, lambda events: points(tmp_path, "one"))
    far.stop("one")
    assert ended(far)[1].state == "interrupted"
    assert (one.folder / "checkpoints" / "last.ckpt").read_text() == "2"
    assert "files travel in pieces" in capfd.readouterr().out
    far.close()
    if seconds:  # what it took too late is not left there
        assert refusing.dropped


def test_a_locker_that_was_slow_is_not_waited_for_again(monkeypatch):
    monkeypatch.setattr(store, "PUT_S", 0.2)
    slow = store.Store("/nowhere", Refusing())
    assert slow.settle(Future()) is None
    began = time.monotonic()
    assert slow.settle(Future()) is None
    assert time.monotonic() - began < 0.15


def test_a_name_of_another_task_is_taken_neither_from_a_node_nor_from_a_file(over, tmp_path):
    one = task(tmp_path, "x")
    far, transport = over(str(tmp_path / "locker"), 1)
    far.start(one, far.slots[0])
    (attempt,) = far._attempts.values()
    for where in ("k-other/1/1/last.ckpt", "../last.ckpt"):
        attempt.home.take(launcher.say.Stored(1, "checkpoints/last.ckpt", where))
        assert not named(one)
        one.folder.mkdir(parents=True, exist_ok=True)
        (one.folder / "stored.json").write_text(json.dumps({"checkpoints/last.ckpt": where}))
        assert attempt.home.stored() == {}
        (one.folder / "stored.json").unlink()
    for text in ("", "[]", '{"checkpoints/last.ckpt": 3}'):
        (one.folder / "stored.json").write_text(text)
        assert attempt.home.stored() == {}


def test_a_checkpoint_that_the_locker_lost_is_made_again(over, tmp_path, capfd):
    one = task(tmp_path, "x")
    far, transport = over(str(tmp_path / "locker"), 1)
    where = f"{store.new_place('one')}/1/last.ckpt"
    one.folder.mkdir(parents=True)
    (one.folder / "stored.json").write_text(json.dumps({"checkpoints/last.ckpt": where}))
    far.start(replace(one, resume=True), far.slots[0])
    outcome = ended(far)[1]
    assert (outcome.state, outcome.scores["from"]) == ("complete", 0)
    assert f"its locker has no {where}" in capfd.readouterr().out


def test_a_checkpoint_that_a_node_cannot_fetch_costs_an_attempt(over, tmp_path, monkeypatch):
    one = task(tmp_path, "x")
    far, transport = over(str(tmp_path / "locker"), 1)
    one.folder.mkdir(parents=True)
    where = f"{store.new_place('one')}/1/last.ckpt"
    (one.folder / "stored.json").write_text(json.dumps({"checkpoints/last.ckpt": where}))
    (tmp_path / "locker" / where).mkdir(parents=True)  # it is no file
    far.start(replace(one, resume=True), far.slots[0])
    outcome = ended(far)[1]
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    assert "locker" in outcome.reason


def test_a_locker_that_a_node_cannot_use_is_refused_with_the_node(over, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    far, transport = over(str(tmp_path / "file" / "locker"), 1)
    far.start(task(tmp_path, "x"), far.slots[0])
    with pytest.raises(UserError, match=r"^machine toy: node \S+: locker \S+/file/locker: Not a directory"):
        until(far, lambda events: events)


def test_a_locker_that_does_not_work_is_refused_before_anything_starts(tmp_path):
    (tmp_path / "file").write_text("x")
    stored = Machine("lab", tmp_path / "lab.yaml", "ray", locker=f"{tmp_path}/file/locker")
    with pytest.raises(UserError, match=r"lab.yaml: locker \S+: Not a directory"):
        check_locker(stored)
    check_locker(replace(stored, locker=None))
    check_locker(replace(stored, locker=str(tmp_path / "locker")))
