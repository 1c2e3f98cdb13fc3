"""Several tasks in one process: each results, answered, stopped and failed by itself."""

import json
import os
import signal
import time
from dataclasses import replace

import fused_workers
import launched
import psutil
import pytest
from test_launchers import printed, task

from rnnsweep.config import compose
from rnnsweep.launchers.fused.launcher import FusedLauncher
from rnnsweep.launchers.fused.shape import shape_of_task
from rnnsweep.sweepfile import parse_slots
from rnnsweep.trial import Ended, Outcome, Reported

SEATS = 4


def shape_of_test(one) -> str | None:
    """Tasks carry the shape as their second override."""
    return one.overrides[1] if len(one.overrides) > 1 else None


def shaped(folder, program, *, name, shape="gru", **more):
    one = task(folder, program, name=name, **more)
    return replace(one, overrides=(*one.overrides, shape))


@pytest.fixture
def launcher():
    light = FusedLauncher(
        2,
        fuse=SEATS,
        entry=launched.main,
        worker_entry=fused_workers.main,
        shape=shape_of_test,
        grace_s=0.3,
        preload=("launched", "fused_workers", "rnnsweep.launchers.fused.barrier"),
    )
    yield light
    light.close()


def begin(launcher, folder, *programs, **more):
    for number, program in enumerate(programs):
        launcher.start(shaped(folder, program, name=f"t{number}", **more), launcher.slots[number])


def until_ended(launcher, *names, answer=lambda key: "go on") -> dict[str, Outcome]:
    ended: dict[str, Outcome] = {}
    while not set(names) <= set(ended):
        for event in launcher.events(0.2):
            if isinstance(event, Reported):
                launcher.answer(event.key, answer(event.key))
            if isinstance(event, Ended):
                ended[event.key] = event.outcome
    return ended


def test_tasks_of_one_shape_share_a_process_and_each_hears_its_own_answers(launcher, tmp_path):
    begin(launcher, tmp_path, "reports", "reports")
    ended = until_ended(launcher, "t0", "t1", answer=lambda key: "stop" if key == "t1" else "go on")
    assert ended["t0"].reason == "go on,go on"
    assert ended["t1"].reason == "stop,stop"
    assert ended["t0"].scores["pid"] == ended["t1"].scores["pid"]
    assert [Outcome.read(tmp_path / name) for name in ("t0", "t1")] == [ended["t0"], ended["t1"]]


@pytest.mark.slow
def test_each_task_prints_to_its_own_log(launcher, tmp_path):
    begin(launcher, tmp_path, "reports", "reports")
    until_ended(launcher, "t0", "t1")
    for name in ("t0", "t1"):
        assert (tmp_path / name / "log.txt").read_text() == f"{name} at 1\n{name} at 2\n"


@pytest.mark.slow
def test_a_task_joins_those_that_run_and_takes_a_free_seat(launcher, tmp_path):
    begin(launcher, tmp_path, "waits", "reports")
    first = until_ended(launcher, "t1")
    launcher.start(shaped(tmp_path, "reports", name="late"), launcher.slots[1])
    late = until_ended(launcher, "late")["late"]
    assert late.scores["pid"] == first["t1"].scores["pid"]
    launcher.stop("t0")
    assert until_ended(launcher, "t0")["t0"].scores["pid"] == late.scores["pid"]


@pytest.mark.slow
def test_each_slot_of_the_machine_is_several_slots(launcher):
    assert [slot.index for slot in launcher.slots] == list(range(2 * SEATS))
    on_gpus = FusedLauncher(parse_slots("gpu:0,gpu:1"), fuse=2, preload=("launched",))
    assert [slot.gpu for slot in on_gpus.slots] == ["0", "0", "1", "1"]
    on_gpus.close()


@pytest.mark.slow
def test_slots_of_the_machine_have_processes_of_their_own(launcher, tmp_path):
    begin(launcher, tmp_path, "reports")
    launcher.start(shaped(tmp_path, "reports", name="other"), launcher.slots[SEATS])
    ended = until_ended(launcher, "t0", "other")
    assert ended["t0"].scores["pid"] != ended["other"].scores["pid"]


@pytest.mark.slow
def test_an_exception_of_one_task_is_its_own(launcher, tmp_path):
    begin(launcher, tmp_path, "raises", "reports")
    ended = until_ended(launcher, "t0", "t1")
    assert (ended["t0"].state, ended["t0"].cause) == ("failed", "crash")
    assert "KeyError" in (tmp_path / "t0" / "log.txt").read_text()
    assert ended["t1"].state == "complete"
    assert Outcome.read(tmp_path / "t0") is None  # it may be tried again


@pytest.mark.slow
def test_a_lost_process_loses_each_of_its_tasks(launcher, tmp_path):
    begin(launcher, tmp_path, "waits", "dies")
    lost = Outcome("failed", "lost process", "ended by SIGKILL; perhaps the system ran out of memory")
    assert until_ended(launcher, "t0", "t1") == {"t0": lost, "t1": lost}


@pytest.mark.slow
def test_a_task_that_does_not_stop_is_ended_by_force_and_its_neighbour_is_lost(launcher, tmp_path):
    begin(launcher, tmp_path, "ignores", "waits")
    printed(tmp_path, "t0")
    launcher.stop("t0")
    ended = until_ended(launcher, "t0", "t1")
    assert ended["t0"] == Outcome("interrupted", None, "ended by force: it did not stop in time")
    assert ended["t1"] == Outcome("failed", "lost process", "its process ended with that of t0")


@pytest.mark.slow
def test_a_task_beyond_its_time_limit_is_ended_by_force(launcher, tmp_path):
    begin(launcher, tmp_path, "ignores", time_limit=0.2)
    outcome = until_ended(launcher, "t0")["t0"]
    assert (outcome.state, outcome.cause) == ("failed", "time limit")


@pytest.mark.slow
def test_all_are_ended_at_once(launcher, tmp_path):
    begin(launcher, tmp_path, "ignores", "ignores")
    printed(tmp_path, "t0")
    for name in ("t0", "t1"):
        launcher.kill(name)
    assert {o.reason for o in until_ended(launcher, "t0", "t1").values()} == {"ended at once"}


@pytest.mark.slow
def test_a_signal_from_outside_interrupts_every_task(launcher, tmp_path):
    begin(launcher, tmp_path, "waits", "waits")
    for name in ("t0", "t1"):
        printed(tmp_path, name)
    os.kill(json.loads((tmp_path / "t0" / "lease.json").read_text())["pid"], signal.SIGTERM)
    assert {o.state for o in until_ended(launcher, "t0", "t1").values()} == {"interrupted"}


@pytest.mark.slow
def test_a_worker_without_tasks_leaves(launcher, tmp_path):
    begin(launcher, tmp_path, "reports")
    pid = until_ended(launcher, "t0")["t0"].scores["pid"]
    while psutil.pid_exists(pid):
        launcher.events(0.1)
    launcher.start(shaped(tmp_path, "reports", name="next"), launcher.slots[0])
    assert until_ended(launcher, "next")["next"].scores["pid"] != pid


@pytest.mark.slow
def test_close_leaves_no_worker(launcher, tmp_path):
    begin(launcher, tmp_path, "ignores")
    printed(tmp_path, "t0")
    pid = json.loads((tmp_path / "t0" / "lease.json").read_text())["pid"]
    launcher.close()
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_tasks_of_another_shape_have_a_process_of_their_own(launcher, tmp_path):
    begin(launcher, tmp_path, "reports", "reports")
    launcher.start(shaped(tmp_path, "reports", name="other", shape="lstm"), launcher.slots[2])
    ended = until_ended(launcher, "t0", "t1", "other")
    pids = [ended[name].scores["pid"] for name in ("t0", "t1", "other")]
    assert pids[0] == pids[1] != pids[2]


@pytest.mark.slow
def test_a_task_whose_shared_process_was_lost_goes_on_in_one_of_its_own(launcher, tmp_path):
    begin(launcher, tmp_path, "waits", "dies")
    until_ended(launcher, "t0", "t1")
    begin(launcher, tmp_path, "reports")
    launcher.start(shaped(tmp_path, "reports", name="new"), launcher.slots[1])
    ended = until_ended(launcher, "t0", "new")
    assert ended["t0"].reason == "go on,go on"
    assert ended["new"].scores["pid"] != json.loads((tmp_path / "t0" / "lease.json").read_text())["pid"]


def test_the_baseline_and_runs_that_must_be_alone_have_no_shape_and_others_that_of_their_network(tmp_path):
    def shape(*overrides, role="trial"):
        run = None if "no.such.key=2" in overrides else compose(overrides)
        return shape_of_task(replace(task(tmp_path, ""), overrides=overrides, role=role, run=run))

    assert shape("model=gru") is not None
    assert shape("model=gru") == shape("model=gru", "optimizer.lr=0.1", role="replicate")
    assert shape("model=gru") != shape("model=gru", "model.hidden_size=8")
    assert shape("model=gru", role="baseline") is None
    assert shape("model=gru", "trainer.accumulate=2") is None
    assert shape("model=gru", "no.such.key=2") is None


@pytest.mark.slow
def test_tasks_without_a_shape_have_a_process_each(launcher, tmp_path):
    launcher.start(task(tmp_path, "reports", name="plain"), launcher.slots[0])
    assert until_ended(launcher, "plain")["plain"].reason == "go on,go on"


@pytest.mark.slow
def test_a_worker_ends_by_itself_when_its_controller_is_gone(launcher, tmp_path):
    begin(launcher, tmp_path, "waits", "waits")
    for name in ("t0", "t1"):
        printed(tmp_path, name)
    pid = json.loads((tmp_path / "t0" / "lease.json").read_text())["pid"]
    for held in launcher._workers:
        held.connection.close()
        held.deaf = True
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
