"""Agents behind letters that are lost, doubled, late and out of order: nothing is lost, doubled or stale."""

import json
import os
import socket
import time
from contextlib import closing
from dataclasses import replace
from multiprocessing import Pipe

import agent_programs
import pytest
from agents_in_memory import MemoryTransport, rooms
from benchmarks._no_records import NoRecords
from hypothesis import given, strategies as st
from simulation import write_sweep
from test_launchers import task

from rnnsweep.cli.commands.project.status import print_agents
from rnnsweep.engine import run_sweep
from rnnsweep.engine.scheduling.allocation import check_seats, choose_slots
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents import line, versions
from rnnsweep.launchers.agents.controller import fleet, launcher
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.agents.line import RESEND_S, Line
from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.agents.node import agent as agent_module, launcher as node_launcher, memory
from rnnsweep.launchers.agents.node.scratch import make_root
from rnnsweep.launchers.agents.transport import Arrived, Drained, Gone
from rnnsweep.launchers.local import child
from rnnsweep.runtime.process import ProcessIdentity
from rnnsweep.state import read_status
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.watching.agents import AgentRow, AgentTable, read_agents
from rnnsweep.sweepfile import Method, Slot, parse_slots
from rnnsweep.tracking.spool.spool import read_all
from rnnsweep.trial import Ended, Outcome, ReadsTest, Reported, Started
from rnnsweep.trial.causes import explain
from rnnsweep.trial.messages import ControllerSilent
from rnnsweep.trial.reads import note_test_read

BAD_MAIL = {"lost": 0.2, "doubled": 0.2, "delay_s": 0.02}


def local(entry=agent_programs.main, **more):
    """Return what makes the launcher of an agent."""
    return lambda settings: LocalLauncher(
        settings.slots, entry=entry, preload=agent_programs.PRELOAD, grace_s=2.0, **more
    )


@pytest.fixture
def over(monkeypatch):
    """Make launchers over agents in this process; they are closed at the end."""
    made = []
    monkeypatch.setattr(launcher, "BEAT_S", 0.2)
    monkeypatch.setattr(line, "RESEND_S", 0.2)

    def make(*sizes, entry=agent_programs.main, silent_s=20.0, **mail):
        transport = MemoryTransport(rooms(*sizes), local(entry), silent_s=silent_s, **mail)
        made.append(AgentLauncher(transport, machine="toy", grace_s=2.0))
        return made[-1], transport

    yield make
    for each in made:
        each.close()


def until(launcher, done, *, seconds=20.0):
    """Hear events, answering reports, until `done` holds of all so far; return them."""
    events, end = [], time.monotonic() + seconds
    while not done(events):
        assert time.monotonic() < end, events
        for event in launcher.events(0.1):
            events.append(event)
            if isinstance(event, Reported):
                launcher.answer(event.key, "go on")
    return events


def ended(launcher, key="one"):
    events = until(launcher, lambda events: any(isinstance(e, Ended) and e.key == key for e in events))
    return events, next(e.outcome for e in events if isinstance(e, Ended) and e.key == key)


def points(mlruns, key):
    """All points of a run as (step, value), in the order of its spool."""
    return [
        (line["step"], value)
        for line in read_all(mlruns / "spool" / f"{key}.jsonl")
        if line["op"] == "metrics"
        for value in line["values"].values()
    ]


# the line


class Ends:
    """Both ends of a line, and what may happen between them."""

    def __init__(self):
        self.now, self.last, self.arrived, self.late = 0.0, 0, [], []
        self.ours, self.theirs = (Line("a", clock=lambda: self.now) for _ in range(2))

    def put(self):
        self.last += 1
        self.ours.put(self.last)

    def tick(self):
        self.now += 2 * RESEND_S

    def send(self, times=1):
        if (letter := self.ours.letter()) is not None:
            for _ in range(times):
                self.arrived += self.theirs.take(letter)

    def double(self):
        self.send(times=2)

    def lose(self):
        self.ours.letter()

    def delay(self):
        if self.late:
            self.arrived += self.theirs.take(self.late.pop(0))
        if (letter := self.ours.letter()) is not None:
            self.late.append(letter)

    def confirm(self):
        self.ours.take(self.theirs.letter(always=True))


@given(st.lists(st.sampled_from(["put", "tick", "send", "confirm", "lose", "delay", "double"]), max_size=200))
def test_each_message_arrives_once_and_in_order_whatever_happens_to_letters(steps):
    ends = Ends()
    for step in steps:
        getattr(ends, step)()
    assert ends.arrived == list(range(1, len(ends.arrived) + 1))
    while ends.ours.waiting:
        ends.tick()
        ends.send()
        ends.confirm()
    assert ends.arrived == list(range(1, ends.last + 1))


def test_a_letter_of_another_line_is_not_taken():
    old, new, other = Line("old"), Line("new"), Line("new")
    old.put("stale")
    assert other.take(old.letter()) == []
    new.put("fresh")
    assert other.take(new.letter()) == ["fresh"]


# one task


def test_a_task_of_an_agent_is_heard_in_order_and_all_it_made_comes_home(over, tmp_path):
    far, transport = over(1)
    one = task(tmp_path, "x")
    far.start(one, far.slots[0])
    events, outcome = ended(far)
    assert [type(event) for event in events] == [Started, *[Reported] * agent_programs.RUNGS, Ended]
    score = agent_programs.score_of(("x",))
    assert outcome.scores == {"validation": score, "epochs": 4.0, "seconds": 1.0, "from": 0}
    assert Outcome.read(one.folder) == outcome
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]
    assert "begins at 0" in one.files.log.read_text()
    assert (one.folder / "checkpoints" / "best.ckpt").read_text() == "best of one"
    assert not (one.folder / "checkpoints" / "last.ckpt").exists()
    (made,) = (tmp_path / "spool" / "one.files").glob("*/made.txt")
    assert made.read_text() == "made by one"
    (start,) = (line for line in read_all(tmp_path / "spool" / "one.jsonl") if line["op"] == "start")
    assert start["owner"]["pid"] == os.getpid()  # the controller's, who knows how it ends
    assert not (one.folder / "lease.json").exists()


def test_nothing_is_left_on_the_node(over, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    far, transport = over(1)
    far.start(task(tmp_path, "x"), far.slots[0])
    ended(far)
    far.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_an_agent_removes_what_killed_agents_left(tmp_path):
    dead, alive = tmp_path / "rnnsweep-agent-dead", tmp_path / "rnnsweep-agent-alive"
    for folder, holder in (
        (dead, ProcessIdentity(socket.gethostname(), 2**22 - 1, ticks=1)),
        (alive, ProcessIdentity.current()),
    ):
        folder.mkdir()
        (folder / "agent.json").write_text(json.dumps(holder.record()))
    root = make_root(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"rnnsweep-agent-alive", root.name}


def test_a_task_that_is_stopped_leaves_a_checkpoint_and_goes_on_from_it_elsewhere(
    over, tmp_path, monkeypatch
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "2")
    far, transport = over(1, 1)
    one = task(tmp_path, "x")
    far.start(one, far.slots[0])
    until(far, lambda events: any(isinstance(e, Reported) and e.report.rung == 2 for e in events))
    far.stop("one")
    _, outcome = ended(far)
    assert outcome.state == "interrupted"
    assert Outcome.read(one.folder) is None
    transport.cut.update(transport.agents)  # the other agent has to go on with it
    monkeypatch.setattr(fleet, "LOST_S", 0.0)
    until(far, lambda events: not any(not row.lost for row in far.agents))
    monkeypatch.setattr(fleet, "LOST_S", 45.0)
    far.start(replace(one, resume=True), far.slots[0])
    _, outcome = ended(far)
    assert (outcome.state, outcome.scores["from"] >= 2) == ("complete", True)
    assert [step for step, _ in points(tmp_path, "one")] == [1, 2, 3, 4]


def test_a_reading_of_the_test_part_is_noted_on_the_controllers_machine_before_it(over, tmp_path):
    far, transport = over(1, entry=agent_programs.reads_test)
    one = task(tmp_path, "x")
    reads = one.folder.parents[1] / "test_reads.jsonl"
    far.start(replace(one, overrides=(str(reads),)), far.slots[0])
    _, outcome = ended(far)
    assert outcome.scores["noted"] == 1


def test_a_task_that_is_killed_ends_at_once_even_where_its_agent_is_deaf(over, tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "ANSWER_S", 0.3)
    far, transport = over(1, entry=agent_programs.waits)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: events)
    transport.cut.update(transport.agents)
    far.kill("one")
    _, outcome = ended(far)
    assert (outcome.state, outcome.reason) == ("interrupted", "its agent did not answer")


# what is lost


@pytest.mark.slow
def test_nothing_of_a_stale_attempt_is_ever_taken(over, tmp_path, monkeypatch):
    far, transport = over(1, 1, entry=agent_programs.waits, silent_s=3.0)
    one = task(tmp_path, "x")
    far.start(one, far.slots[0])
    until(far, lambda events: (tmp_path / "spool" / "one.jsonl").exists())
    (stale,) = transport.agents.values()
    transport.cut.add(stale.settings.name)  # its node is cut off; the trial works on
    monkeypatch.setattr(fleet, "LOST_S", 0.5)
    _, outcome = ended(far)
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    monkeypatch.setattr(fleet, "LOST_S", 45.0)
    assert transport.released == [stale.settings.name]
    far.start(replace(one, resume=True), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    transport.cut.clear()  # the line is back, and the stale attempt writes and ends: it heard nothing
    until(far, lambda events: stale.over)
    assert stale._line.waiting  # it has things to tell that nobody confirms
    for _ in range(20):
        transport._inbox.put(Arrived(stale.settings.name, stale._line.letter(always=True).pack()))
        assert far.events(0.05) == []
    assert points(tmp_path, "one") == [(1, 0.25)]
    assert "end" not in [line["op"] for line in read_all(tmp_path / "spool" / "one.jsonl")]
    assert not (one.folder / "checkpoints" / "last.ckpt").exists() or (
        (one.folder / "checkpoints" / "last.ckpt").read_text() == "1"
    )
    assert Outcome.read(one.folder) is None


def test_agents_hear_of_a_controller_whose_disk_is_slow(over, tmp_path, monkeypatch):
    """Each letter takes so long that all of them take longer than an agent waits for a word."""
    far, transport = over(1, 1, 1, entry=agent_programs.waits, silent_s=2.0)
    for number, slot in enumerate(far.slots):
        far.start(task(tmp_path, "x", f"trial-{number}"), slot)
    until(far, lambda events: sum(isinstance(e, Started) for e in events) == 3)
    assert not any(agent._leaving for agent in transport.agents.values())
    take, taken = far._take, []

    def slowly(news):
        time.sleep(0.8)
        taken.append(news.agent)
        take(news)

    monkeypatch.setattr(far, "_take", slowly)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        far.events(0.1)
    assert len(set(taken)) == 3
    assert not any(agent._leaving for agent in transport.agents.values())


@pytest.mark.slow
def test_an_agent_that_hears_nothing_ends_its_trials_and_itself(over, tmp_path):
    far, transport = over(1, entry=agent_programs.waits, silent_s=1.0)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    transport.cut.update(transport.agents)
    (agent,) = transport.agents.values()
    end = time.monotonic() + 15
    while not agent.over:
        assert time.monotonic() < end
        time.sleep(0.05)
    agent._thread.join(5)
    assert not agent._root.exists()


def test_an_agent_whose_node_is_taken_away_costs_no_attempt(over, tmp_path):
    far, transport = over(1, entry=agent_programs.waits)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    (agent,) = transport.agents.values()
    agent.leave()
    _, outcome = ended(far)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")
    assert (tmp_path / "one" / "checkpoints" / "last.ckpt").read_text() == "2"


def test_a_node_that_only_the_engine_calls_dead_gets_no_task_and_is_heard_until_it_is_silent(
    over, tmp_path, monkeypatch
):
    monkeypatch.setattr(fleet, "LOST_S", 1.0)
    far, transport = over(1, 1, entry=agent_programs.waits)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    (name,) = transport.agents
    transport._inbox.put(Gone(name, "its node is dead", ended=False))
    assert far.events(0.5) == []  # it is heard, so its trial works
    transport.cut.add(name)
    _, outcome = ended(far)
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    assert "its node is dead" in outcome.reason


def test_an_agent_that_left_while_the_controller_stood_still_costs_no_attempt(over, tmp_path):
    far, transport = over(1, entry=agent_programs.waits, silent_s=1.0)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    far._lock.acquire()  # it neither hears nor says a word
    try:
        (agent,) = transport.agents.values()
        end = time.monotonic() + 20
        while not agent.over:
            assert time.monotonic() < end
            time.sleep(0.05)
        far._fleet._looked_at -= 60
    finally:
        far._lock.release()
    _, outcome = ended(far)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")


def test_a_preempted_node_is_no_attempt_either(over, tmp_path):
    far, transport = over(1, entry=agent_programs.waits)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    (name,) = transport.agents
    transport._inbox.put(Gone(name, "it was preempted", ended=True, preempted=True))
    assert ended(far)[1].cause == "preempted"


def test_an_agent_whose_node_is_drained_ends_its_task_there_and_takes_no_other(over, tmp_path):
    far, transport = over(1)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    (name,) = transport.agents
    transport._inbox.put(Drained(name))
    far.start(task(tmp_path, "x", "two"), far.slots[0])
    events = until(far, lambda events: sum(isinstance(e, Ended) for e in events) == 2)
    assert {e.key: e.outcome.state for e in events if isinstance(e, Ended)} == {
        "one": "complete",
        "two": "complete",
    }
    assert [e.key for e in events if isinstance(e, Started)] == ["two"]  # the first task was not moved
    until(far, lambda events: name in transport.released)
    assert len(transport.agents) == 2


def test_agents_that_never_say_a_word_end_the_sweep_with_their_reason(over, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "AGAIN_S", 0.0)
    far, transport = over(1)
    monkeypatch.setattr(
        transport,
        "ask",
        lambda room, settings: transport._inbox.put(
            Gone(settings.name, "no rnnsweep there", ended=True, remedy="install it")
        ),
    )
    far.start(task(tmp_path, "x"), far.slots[0])
    with pytest.raises(
        UserError, match=r"^machine toy: node node-0: no agent starts there: no rnnsweep there; install it$"
    ):
        until(far, lambda events: events)


def test_an_agent_with_other_versions_is_refused_with_its_node(over, tmp_path, monkeypatch):
    here = versions.versions_here()
    monkeypatch.setattr(agent_module, "versions_here", lambda: {**here, "torch": "1.0"})
    far, transport = over(1)
    far.start(task(tmp_path, "x"), far.slots[0])
    with pytest.raises(UserError) as refused:
        until(far, lambda events: events)
    assert "machine toy: node " in str(refused.value)
    assert f"torch is 1.0 there and {here['torch']} here; install the same on all nodes" in str(refused.value)


def test_code_that_differs_is_named_after_packages_that_differ():
    here = versions.versions_here()
    assert versions.difference(here) is None
    assert versions.difference({**here, "rnnsweep": "0", "numpy": "1"}).startswith("numpy is 1 there")
    assert versions.difference({**here, "rnnsweep": "0"}).startswith("rnnsweep (digest of its code) is 0")


def test_an_agent_without_work_is_let_go_and_asked_for_again(over, tmp_path, monkeypatch):
    far, transport = over(1)
    far.start(task(tmp_path, "x"), far.slots[0])
    ended(far)
    monkeypatch.setattr(fleet, "IDLE_S", 0.2)
    until(far, lambda events: transport.released)
    far.start(task(tmp_path, "x", name="two"), far.slots[0])
    ended(far, "two")
    assert len(transport.agents) == 2


def test_a_task_does_not_wait_for_an_agent_that_does_not_come(over, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "COMING_S", 0.2)
    far, transport = over(1, 1)
    come = transport.ask
    monkeypatch.setattr(
        transport, "ask", lambda room, settings: come(room, settings) if room.node == "node-1" else None
    )
    far.start(task(tmp_path, "x"), far.slots[0])
    assert ended(far)[1].state == "complete"


def test_an_agent_whose_time_is_nearly_over_is_succeeded_before_it_ends(over, tmp_path, monkeypatch):
    far, transport = over(1, entry=agent_programs.waits)
    (room,) = far._fleet._rooms
    room.room = replace(room.room, seconds=0.8)
    far.start(task(tmp_path, "x"), far.slots[0])
    until(far, lambda events: len(transport.agents) == 2)
    room.room = replace(room.room, seconds=None)
    until(far, lambda events: len(far.agents) == 2)
    old, new = transport.agents
    assert transport.released == []  # its task works on
    far.start(task(tmp_path, "x", name="two"), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) and e.key == "two" for e in events))
    assert [row.busy for row in far.agents] == [1, 1]
    transport.agents[old].leave()
    _, outcome = ended(far)
    assert (outcome.state, outcome.cause) == ("failed", "preempted")
    until(far, lambda events: old in transport.released)
    assert new not in transport.released
    far.kill("two")
    ended(far, "two")


def test_a_successor_without_work_takes_over_the_task_of_the_agent_whose_time_is_over(over, tmp_path):
    far, transport = over(1, entry=agent_programs.waits)
    one, (room,) = task(tmp_path, "x"), far._fleet._rooms
    far.start(one, far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    room.agent.arrived_at -= 3500  # its hour is nearly over; the successor has an hour of its own
    room.room = replace(room.room, seconds=3600.0)
    until(far, lambda events: len(far.agents) == 2)
    old, new = transport.agents
    room.agent.idle_since -= 2 * fleet.IDLE_S
    assert far.events(0.1) == []
    transport.agents[old].leave()
    assert ended(far)[1].cause == "preempted"
    assert new not in transport.released
    far.start(replace(one, resume=True), far.slots[0])
    until(far, lambda events: any(isinstance(e, Started) for e in events))
    assert list(transport.agents) == [old, new]
    far.kill("one")
    ended(far)


def test_an_agent_without_a_task_goes_as_soon_as_its_successor_is_there(over, tmp_path, monkeypatch):
    far, transport = over(1, 1, entry=agent_programs.waits)
    for name in ("one", "two"):
        far.start(task(tmp_path, "x", name=name), far.slots[0])
    until(far, lambda events: len(far.agents) == 2)
    far.kill("one")
    ended(far)
    (first,) = (agent for agent in far._fleet if not agent.busy)
    first.room.room = replace(first.room.room, seconds=0.1)
    until(far, lambda events: first.name in transport.released)
    assert len(transport.agents) >= 3


def test_a_task_of_two_devices_takes_two_places_of_one_agent(over, tmp_path):
    far, transport = over(1, 2)
    assert [(slot.index, slot.host) for slot in far.slots] == [(0, "node-0"), (1, "node-1"), (2, "node-1")]
    far.start(replace(task(tmp_path, "x"), devices=2), far.slots[1])
    until(far, lambda events: any(row.busy for row in far.agents))
    assert [(row.slots, row.busy) for row in far.agents if row.busy] == [(2, 1)]
    ended(far)


def test_the_largest_trial_is_ended_where_its_node_is_short_of_memory(over, tmp_path):
    far, transport = over(2, entry=agent_programs.waits)
    far.start(task(tmp_path, "x"), far.slots[0])
    far.start(task(tmp_path, "x", name="two"), far.slots[1])
    until(far, lambda events: sum(isinstance(e, Started) for e in events) == 2)
    (agent,) = transport.agents.values()
    shares = iter([0.5, 0.99])
    agent._guard = memory.MemoryGuard(0.93, in_use=lambda: next(shares, 0.5))
    (end,) = [
        e
        for e in until(far, lambda events: any(isinstance(e, Ended) for e in events))
        if isinstance(e, Ended)
    ]
    assert (end.outcome.state, end.outcome.cause) == ("failed", "out of memory")
    assert end.outcome.reason == "the largest trial of its node, whose memory was 99% in use"
    assert [row.busy for row in far.agents] == [1]  # the other one works on


def test_the_trial_that_holds_the_most_memory_is_the_largest():
    me, other = ProcessIdentity.current(), ProcessIdentity("elsewhere", 1)
    guard = memory.MemoryGuard(0.9, in_use=lambda: 0.95)
    assert guard.largest({1: None, 2: me, 3: other}) == 2
    assert guard.largest({2: me}) is None  # one at a time


# the table


def test_the_table_of_agents_is_read_by_another_process(tmp_path):
    rows = (AgentRow("a.1", "a", 2, 1, False), AgentRow("b.1", "b", 2, 0, True))
    AgentTable(SweepFolder(tmp_path)).write(rows)
    assert read_agents(SweepFolder(tmp_path)) == rows


@pytest.mark.parametrize("text", ["", "[]", '{"agents": 3}', '{"agents": [{"name": 3}, 4]}'])
def test_a_damaged_table_of_agents_is_none(tmp_path, text):
    (tmp_path / "agents.json").write_text(text)
    assert read_agents(SweepFolder(tmp_path)) == ()


@pytest.mark.parametrize(("machine", "more"), [(None, ""), ("lab", " --on lab")])
def test_an_interrupted_sweep_is_resumed_on_the_machine_where_it_ran_last(tmp_path, machine, more):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.make()
    folder.write_start({"identity": "abcd", "asked": {}, "corpus": "", "configuration": "", "code": ""})
    with folder.hold(), closing(folder.ledger()) as ledger:
        for name in ("other", machine):
            ledger.write("open", slots=1, trials=5, architectures=["gru"], replicates=0, machine=name)
    status = read_status(tmp_path, "toy")
    assert (status.state, status.next) == ("interrupted", f"rnnsweep sweep toy{more}")


# whole sweeps


def swept(folder, launcher, *, retries=5):
    """Run a sweep; return its summary, the outcomes of its trials and its spools' points."""
    sweep = write_sweep(folder, retries=retries, trials=2, replicates=1)
    summary = run_sweep(
        sweep, mlruns=folder / "mlruns", launcher=launcher, records=NoRecords(), prepare=lambda run: "corpus"
    )
    trials = sorted((summary.folder / "trials").iterdir())
    outcomes = {one.name: json.loads((one / "outcome.json").read_text()) for one in trials}
    spools = (folder / "mlruns" / "spool").glob("*.jsonl")
    recorded = {
        path.stem.partition(".")[2].partition(".")[2]: points(folder / "mlruns", path.stem) for path in spools
    }
    return summary, outcomes, recorded


def swept_alike(tmp_path, far):
    """Run a sweep in two local slots and in `far`, see that both come to the same, and return the latter."""
    for name in ("here", "far"):
        (tmp_path / name).mkdir()
    here = LocalLauncher(parse_slots(2), entry=agent_programs.main, preload=agent_programs.PRELOAD)
    _, expected, _ = swept(tmp_path / "here", here)
    summary, outcomes, recorded = swept(tmp_path / "far", far)
    assert summary.trials["complete"] == 4
    assert {n: o["scores"]["validation"] for n, o in outcomes.items()} == {
        n: o["scores"]["validation"] for n, o in expected.items()
    }
    steps = {name: [step for step, _ in each] for name, each in recorded.items()}
    assert steps == dict.fromkeys(expected, [1, 2, 3, 4])
    return summary


@pytest.mark.slow
def test_a_sweep_over_bad_mail_loses_nothing_doubles_nothing_and_scores_as_at_home(over, tmp_path):
    far, transport = over(1, 1, entry=agent_programs.dies_once, seed=7, **BAD_MAIL)
    summary = swept_alike(tmp_path, far)
    assert min(transport.mail.counts.values()) > 20
    status = read_status(tmp_path / "far" / "mlruns", "toy")
    assert (status.state, status.agents) == ("finished", ())
    assert {row.node for row in read_agents(SweepFolder(summary.folder))}


@pytest.mark.parametrize(("announced", "failed"), [(True, []), (False, ["lost process"])])
def test_an_agent_that_leaves_costs_its_trial_an_attempt_only_where_its_node_is_not_drained(
    over, tmp_path, monkeypatch, announced, failed
):
    monkeypatch.setenv("AGENT_PROGRAM_S", "1")
    far, transport = over(1)
    hear, left = far.events, []

    def events(timeout):
        heard = hear(timeout)
        for key in {event.key for event in heard if isinstance(event, Reported)}:
            if len(left) < 3 and key in {*left[:1], key if not left else None}:
                left.append(key)
                transport.agents[far._attempts[key].agent.name].leave("it is drained", preempted=announced)
        return heard

    monkeypatch.setattr(far, "events", events)
    _, outcomes, recorded = swept(tmp_path, far, retries=0)
    assert [one["cause"] for one in outcomes.values() if one["state"] == "failed"] == failed
    assert len(left) == (3 if announced else 1)
    if announced:
        assert {one["state"] for one in outcomes.values()} == {"complete"}
        assert all([step for step, _ in each] == [1, 2, 3, 4] for each in recorded.values())
        assert "attempts" not in (tmp_path / "mlruns" / "sweeps" / "toy" / "journal.log").read_text()


# what else is said


def test_a_trial_does_not_read_the_test_part_where_nobody_notes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "NOTED_S", 0.05)
    # what listens ends its process half a minute after the pipe is closed: here that is the tests' own
    monkeypatch.setattr(child.PipeChannel, "_listen", lambda self: None)
    ours, theirs = Pipe()
    channel = child.PipeChannel(theirs, "x")
    with pytest.raises(ControllerSilent) as silent:
        note_test_read(replace(task(tmp_path, "x"), attempt=1), channel)
    outcome = explain(silent.value)
    assert (outcome.cause, outcome.reason) == (
        "controller silent",
        "the controller did not note within 0.05 s that the test part is read",
    )
    assert ours.recv() == ReadsTest("x")


def test_a_launcher_that_no_other_thread_can_wake_is_refused_by_an_agent(monkeypatch):
    class Deaf:
        slots = ()

        def close(self):
            pass

    monkeypatch.setattr(node_launcher, "make_method", lambda method, slots: Deaf())
    with pytest.raises(UserError, match=r"^launcher 'own': cannot run in an agent: it has no `wake`$"):
        agent_module.Agent(AgentSettings("a", "1", Method("own")))


def test_a_training_of_more_devices_than_any_node_has_is_refused_with_the_largest_node():
    slots = tuple(Slot(number, host=host) for number, host in enumerate(("a", "b", "b")))
    assert [slot.host for slot in choose_slots(slots, devices=2)] == ["b", "b"]
    assert choose_slots(slots, devices=3) is None
    with pytest.raises(
        UserError,
        match=r"at once, on one node, and node b has 2; take fewer devices, or `together: 3` under `slots:`",
    ):
        check_seats(slots, 3, architecture="rnn")


def test_status_names_the_agents_in_words(capsys):
    rows = (AgentRow("a.1", "node-a", 2, 1, False), AgentRow("b.1", "node-b", 2, 0, True))
    print_agents(rows)
    assert capsys.readouterr().out.splitlines() == [
        "agent a.1 on node-a: 1 of 2 slots busy",
        "agent b.1 on node-b: lost",
    ]
