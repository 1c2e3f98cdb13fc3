"""Processes of this machine: started, heard, stopped and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import launched
import psutil
import pytest

from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.sweepfile import Slot, parse_slots
from rnnsweep.sweepfile.slots import default_count
from rnnsweep.trial import Ended, Outcome, Reported, Started, TrialTask

TESTS = Path(__file__).parent


def task(folder: Path, program: str, name: str = "one", **more: object) -> TrialTask:
    return TrialTask(
        key=name,
        role="trial",
        architecture="rnn",
        overrides=(program,),
        folder=folder / name,
        mlruns=folder,
        experiment="toy",
        name=name,
        **more,
    )


@pytest.fixture
def launcher():
    with_light_server = LocalLauncher(1, entry=launched.main, grace_s=0.3, preload=("launched",))
    yield with_light_server
    with_light_server.close()


def until_ended(launcher: LocalLauncher, key: str = "one", answer: str = "go on") -> tuple[list, Outcome]:
    events: list = []
    while True:
        for event in launcher.events(0.2):
            events.append(event)
            if isinstance(event, Reported):
                launcher.answer(event.key, answer)
            if isinstance(event, Ended) and event.key == key:
                return events, event.outcome


def run(launcher, folder, program, **more) -> Outcome:
    launcher.start(task(folder, program, **more), launcher.slots[0])
    return until_ended(launcher)[1]


def printed(folder: Path, name: str = "one") -> None:
    """Wait until a program says that it is there."""
    while (
        "waiting" not in (folder / name / "log.txt").read_text()
        if (folder / name / "log.txt").exists()
        else True
    ):
        time.sleep(0.01)


def test_a_task_is_heard_in_order_and_its_outcome_arrives(launcher, tmp_path):
    launcher.start(task(tmp_path, "reports"), launcher.slots[0])
    events, outcome = until_ended(launcher)
    assert [type(event) for event in events] == [Started, Reported, Reported, Ended]
    assert outcome == Outcome("complete", None, "go on,go on", {"validation": 0.5})
    assert Outcome.read(tmp_path / "one") == outcome


def test_a_report_hears_stop(launcher, tmp_path):
    launcher.start(task(tmp_path, "reports"), launcher.slots[0])
    assert until_ended(launcher, answer="stop")[1].reason == "stop,stop"


def test_what_a_task_prints_is_in_its_log(launcher, tmp_path):
    run(launcher, tmp_path, "prints")
    assert (tmp_path / "one" / "log.txt").read_text() == "to standard output\nto standard error\n"


@pytest.mark.parametrize(("slot", "seen"), [(Slot(0), ""), (Slot(0, gpu="1"), "1")])
def test_a_task_sees_the_gpu_of_its_slot_alone(launcher, tmp_path, slot, seen):
    launcher.start(task(tmp_path, "prints"), slot)
    assert until_ended(launcher)[1].scores["gpus"] == seen


def test_an_exception_is_a_crash_with_its_traceback_in_the_log(launcher, tmp_path):
    outcome = run(launcher, tmp_path, "raises")
    assert (outcome.state, outcome.cause, outcome.reason) == ("failed", "crash", "KeyError: 'no such thing'")
    assert "Traceback" in (tmp_path / "one" / "log.txt").read_text()
    assert Outcome.read(tmp_path / "one") is None  # it may be tried again


@pytest.mark.parametrize(
    ("program", "cause", "reason"),
    [
        ("dies", "lost process", "ended by SIGKILL; perhaps the system ran out of memory"),
        ("breaks", "crash", "ended by SIGSEGV"),
        ("leaves", "crash", "left with exit status 3 and no outcome"),
    ],
)
def test_a_process_that_ends_without_a_word_is_told_apart_by_its_signal(
    launcher, tmp_path, program, cause, reason
):
    assert run(launcher, tmp_path, program) == Outcome("failed", cause, reason)


def test_a_task_asked_to_stop_ends_as_interrupted(launcher, tmp_path):
    launcher.start(task(tmp_path, "waits"), launcher.slots[0])
    printed(tmp_path)
    launcher.stop("one")
    assert until_ended(launcher)[1] == Outcome("interrupted")
    assert Outcome.read(tmp_path / "one") is None


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_task_that_does_not_stop_is_ended_by_force(launcher, tmp_path, how):
    launcher.start(task(tmp_path, "ignores"), launcher.slots[0])
    printed(tmp_path)
    getattr(launcher, how)("one")
    outcome = until_ended(launcher)[1]
    assert outcome.state == "interrupted"
    assert "ended" in outcome.reason


def test_a_task_that_outlives_its_time_limit_is_ended_by_force(launcher, tmp_path):
    outcome = run(launcher, tmp_path, "ignores", time_limit=0.2)
    assert (outcome.state, outcome.cause) == ("failed", "time limit")
    assert outcome.reason == "it ran longer than 0.2 s and did not stop by itself"


def test_a_fork_server_that_is_killed_costs_its_tasks_an_attempt_and_nothing_else(launcher, tmp_path):
    launcher.start(task(tmp_path, "waits"), launcher.slots[0])
    printed(tmp_path)
    pid = json.loads((tmp_path / "one" / "lease.json").read_text())["pid"]
    psutil.Process(pid).parent().kill()
    outcome = until_ended(launcher)[1]
    assert (outcome.state, outcome.cause) == ("failed", "lost process")
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    launcher.start(task(tmp_path, "reports", name="two"), launcher.slots[0])
    assert until_ended(launcher, "two")[1].state == "complete"


def test_close_leaves_no_process(launcher, tmp_path):
    launcher.start(task(tmp_path, "ignores"), launcher.slots[0])
    printed(tmp_path)
    lease = json.loads((tmp_path / "one" / "lease.json").read_text())
    launcher.close()
    assert not psutil.pid_exists(lease["pid"])


def test_ctrl_c_reaches_no_task(launcher, tmp_path):
    launcher.start(task(tmp_path, "waits"), launcher.slots[0])
    printed(tmp_path)
    pid = json.loads((tmp_path / "one" / "lease.json").read_text())["pid"]
    os.kill(pid, signal.SIGINT)
    launcher.stop("one")
    assert until_ended(launcher)[1] == Outcome("interrupted")
    assert os.getpgid(0) != pid


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
import launched
from pathlib import Path
from test_launchers import task
from rnnsweep.launchers import LocalLauncher

launcher = LocalLauncher(1, entry=launched.main, preload=("launched",))
launcher.start(task(Path({folder!r}), "waits"), launcher.slots[0])
while True:
    launcher.events(0.1)
"""


def test_a_task_ends_by_itself_when_its_controller_is_killed(tmp_path):
    script = SCRIPT.format(tests=str(TESTS), folder=str(tmp_path))
    controller = subprocess.Popen([sys.executable, "-c", script])
    printed(tmp_path)
    pid = json.loads((tmp_path / "one" / "lease.json").read_text())["pid"]
    controller.kill()
    controller.wait()
    while psutil.pid_exists(pid):
        time.sleep(0.05)
    assert Outcome.read(tmp_path / "one") is None


@pytest.mark.slow
def test_the_fork_server_has_imported_everything_and_started_nothing(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import launched, json
from pathlib import Path
from test_launchers import task, until_ended
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.local.server import PRELOAD

launcher = LocalLauncher(1, entry=launched.main, preload=(*PRELOAD, "launched"))
launcher.start(task(Path({str(tmp_path)!r}), "counts"), launcher.slots[0])
print(json.dumps(until_ended(launcher)[1].scores))
launcher.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {"imported": True, "threads": 1, "python threads": 1, "cuda": False, "main": False}


def test_slots_are_read_as_cores_threads_or_gpus():
    assert parse_slots(2) == (Slot(0), Slot(1))
    assert parse_slots("cpu:2,cpu") == (Slot(0, threads=2), Slot(1))
    assert parse_slots("gpu:0, gpu:0,gpu:1") == (Slot(0, gpu="0"), Slot(1, gpu="0"), Slot(2, gpu="1"))
    assert parse_slots("gpu:0/2,gpu:1") == (Slot(0, gpu="0"), Slot(1, gpu="0"), Slot(2, gpu="1"))
    names = ["GPU-3f2a9c1e-0b", "MIG-7d-11", "MIG-GPU-3f2a-9c/1/0"]
    assert [slot.gpu for slot in parse_slots(",".join(f"gpu:{name}/1" for name in names))] == names
    assert parse_slots() == tuple(Slot(i) for i in range(default_count()))
    assert 1 <= default_count() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    "text",
    ["0", "", "-1", "gpu", "cpu:0", "tpu:1", "2,2", "gpu:0,,", "gpu:0/0", "gpu:1.5", "cpu:1/2", "gpu:MIG-"],
)
def test_slots_that_do_not_read_are_refused_with_what_would(text):
    with pytest.raises(UserError, match="slots=.*must be a number .4., CPU slots with threads"):
        parse_slots(text)


BLOCKED = """
import multiprocessing.forkserver, signal
from pathlib import Path
from rnnsweep.launchers.local.server import start_server

signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
start_server(())
here = signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
status = Path(f"/proc/{multiprocessing.forkserver._forkserver._forkserver_pid}/status").read_text()
(mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")]
print(here, bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1))
"""


def test_the_fork_server_inherits_that_sigterm_is_blocked():
    told = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["True", "True"]
