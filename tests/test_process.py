"""Which process wrote a record, and whether it still runs."""

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from rnnsweep.runtime import process
from rnnsweep.runtime.process import ProcessIdentity, boot_id, start_ticks


@pytest.fixture
def sleeper():
    """A process that runs until the test ends it."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], stdout=-1
    )
    child.stdout.readline()
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def identity_of(pid: int) -> ProcessIdentity:
    started = psutil.Process(pid).create_time()
    return ProcessIdentity(socket.gethostname(), pid, boot_id(), start_ticks(pid), started)


def test_a_process_names_itself_and_finds_itself_running():
    me = ProcessIdentity.read(ProcessIdentity.current().record())
    assert me == ProcessIdentity.current()
    assert (me.pid, me.host) == (os.getpid(), socket.gethostname())
    assert me.may_live()
    assert me.process().pid == os.getpid()


def test_a_forked_process_has_an_identity_of_its_own():
    mine = ProcessIdentity.current()
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sender, str(ProcessIdentity.current().pid).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(receiver, 20)) == child != mine.pid
    os.close(receiver)
    os.close(sender)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel itself notes the start")
@pytest.mark.parametrize("step", [-7200.0, -2.0, 2.0, 7200.0])
def test_a_step_of_the_wall_clock_ends_no_process(sleeper, monkeypatch, step):
    identity = identity_of(sleeper.pid)
    stepped = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: stepped(self) + step)
    assert identity.may_live()


def test_a_process_that_ended_does_not_live_and_neither_does_one_with_its_number(sleeper):
    identity = identity_of(sleeper.pid)
    later = ProcessIdentity(identity.host, identity.pid, identity.boot, identity.ticks + 100)
    assert identity.may_live()
    assert not later.may_live()
    sleeper.kill()
    deadline = time.monotonic() + 10
    while identity.may_live() and time.monotonic() < deadline:  # a zombie until it is waited for
        time.sleep(0.01)
    assert not identity.may_live()
    sleeper.wait()
    assert not identity.may_live()


def test_a_process_of_an_earlier_boot_does_not_live(monkeypatch):
    before = ProcessIdentity.current()
    monkeypatch.setattr(process, "boot_id", lambda: "another boot")
    assert before.process() is None or not before.boot


def test_one_on_another_host_may_live_and_is_nobodys_to_end():
    other = ProcessIdentity("elsewhere.example", os.getpid(), boot_id(), start_ticks(os.getpid()))
    assert other.may_live()
    assert other.process() is None


def test_records_of_earlier_versions_are_read_within_two_seconds(sleeper):
    started = psutil.Process(sleeper.pid).create_time()
    old = {"host": socket.gethostname(), "pid": sleeper.pid, "started": started + 1.5, "at": 1.0}
    assert ProcessIdentity.read(old).may_live()
    assert not ProcessIdentity.read({**old, "started": started + 10}).may_live()


@pytest.mark.parametrize(
    "record", [None, {}, {"pid": 1}, {"host": "a", "pid": "no"}, {"host": "a", "pid": 1, "ticks": []}]
)
def test_a_record_that_names_no_process_is_none(record):
    assert ProcessIdentity.read(record) is None


@pytest.mark.parametrize("pid", [-1, 0, 2**40])
def test_a_number_that_no_process_has_does_not_live(pid):
    assert not ProcessIdentity(socket.gethostname(), pid, boot_id(), 1).may_live()
