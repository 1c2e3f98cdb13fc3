"""What a Ray cluster offers as rooms for agents, and what is refused before Ray is asked; without one."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from simulation import write_sweep

from rnnsweep.errors import UserError
from rnnsweep.launchers import check_engine, check_launcher, reach_engine
from rnnsweep.launchers.ray import address, transport
from rnnsweep.launchers.ray.address import check_reachable
from rnnsweep.launchers.ray.cluster import rooms_of
from rnnsweep.launchers.ray.driver import first_line
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import parse_slots


def node(name, *, alive=True, **resources):
    return {"Alive": alive, "NodeManagerAddress": name, "NodeID": f"id-{name}", "Resources": resources}


def rooms(request, *nodes):
    return [
        (room.node, room.slots, room.cpus, room.gpus) for room in rooms_of(nodes, request, place="m.yaml")
    ]


def test_each_node_that_is_alive_is_a_room_as_large_as_it_allows():
    nodes = (
        node("b", CPU=4.0),
        node("a", CPU=3.0, GPU=1.0),
        node("head"),
        node("dead", alive=False, CPU=64.0),
    )
    assert rooms(Share(threads=2), *nodes) == [("a", "cpu:2", 2, 0), ("b", "cpu:2,cpu:2", 4, 0)]


def test_trials_that_share_a_gpu_get_its_name_among_those_of_their_agent():
    found = rooms(Share(share=2, threads=2), node("a", CPU=64.0, GPU=2.0))
    assert found == [("a", "gpu:0:2,gpu:0:2,gpu:1:2,gpu:1:2", 8, 2)]
    assert [slot.threads for slot in parse_slots(found[0][1])] == [2] * 4


def test_agents_of_some_slots_each_divide_a_node():
    request = Share(share=1, together=2)
    found = rooms(request, node("a", CPU=8.0, GPU=3.0))
    assert found == [("a", "gpu:0,gpu:1", 2, 2), ("a", "gpu:0", 1, 1)]


@pytest.mark.parametrize(("most", "slots"), [(1, [1]), (3, [2, 1]), (4, [2, 2]), (9, [2, 2])])
def test_no_more_slots_are_taken_than_asked_for(most, slots):
    found = rooms(Share(most=most), node("a", CPU=2.0), node("b", CPU=2.0))
    assert [len(parse_slots(text)) for _, text, _, _ in found] == slots


@pytest.mark.parametrize(
    ("nodes", "together", "sizes"),
    [
        ([], None, {"new node 1": 1, "new node 2": 1, "new node 3": 1, "new node 4": 1, "new node 5": 1}),
        ([], 2, {"new node 1": 2, "new node 2": 2, "new node 3": 1}),
        ([node("a", CPU=2.0)], None, {"a": 2, "new node 1": 2, "new node 2": 1}),
        ([node("a", CPU=8.0)], None, {"a": 5}),
    ],
)
def test_where_a_cluster_starts_nodes_the_slots_that_are_missing_are_on_new_ones(nodes, together, sizes):
    found = rooms(Share(most=5, together=together, autoscale=True), *nodes)
    assert {name: len(parse_slots(text)) for name, text, _, _ in found} == sizes


def test_a_slot_larger_than_any_node_is_refused_with_what_they_have():
    with pytest.raises(UserError) as refused:
        rooms(Share(threads=8, share=1), node("a", CPU=4.0), node("b", CPU=2.0, GPU=1.0))
    assert str(refused.value) == (
        "m.yaml: slots: a slot needs 8 CPUs and a GPU, and no node of the Ray cluster has as much:"
        " they have 4 CPUs and 0 GPUs or 2 CPUs and 1 GPUs; ask for less in slots:, or start a larger node"
        " with `ray start --address=HEAD`"
    )


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A machine without a cluster."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(address, "_CURRENT", tmp_path / "none")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("auto", "no Ray cluster runs on this machine; start one with `ray start --head`, or give HOST:PORT"),
        (
            "127.0.0.1:9",
            "no Ray cluster answers at 127.0.0.1:9 (Connection refused);"
            " `ray start --head` prints its address",
        ),
        ("ray://127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"),
        ("head", "must be auto, HOST:PORT or ray://HOST:PORT"),
        ("head:many", "must be auto, HOST:PORT or ray://HOST:PORT"),
        ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999"),
    ],
)
def test_where_no_cluster_is_it_is_said_in_one_line_within_seconds(alone, where, words):
    began = time.monotonic()
    with pytest.raises(UserError) as refused:
        check_reachable(where, place="m.yaml")
    assert str(refused.value).startswith(f"m.yaml: address={where!r}: {words}")
    assert "\n" not in str(refused.value)
    assert time.monotonic() - began < 5


@contextmanager
def listening(answer):
    """Yield the address of a program that gives each who speaks to it an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply():
            for link in iter(accepted, None):
                with link, suppress(OSError):  # the other end is closed before all is read
                    link.recv(100)
                    link.sendall(answer)
                    link.recv(100)  # until the other end is closed

        def accepted():
            with suppress(OSError):  # nobody listens any more
                return server.accept()[0]

        threading.Thread(target=reply, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


AS_RAY = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # the first frame of a server of gRPC


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"ok"])
def test_another_program_at_the_address_is_no_cluster(answer, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(address, "CONNECT_S", 0.5)
    with listening(answer) as here, pytest.raises(UserError) as refused:
        check_reachable(here, place="m.yaml")
    assert str(refused.value).startswith(
        f"m.yaml: address='{here}': what listens at {here} is no Ray cluster"
    )


def test_auto_is_the_cluster_that_the_environment_or_this_machine_names(alone, monkeypatch, tmp_path):
    with listening(AS_RAY) as target:
        monkeypatch.setenv("RAY_ADDRESS", target)
        check_reachable("auto", place="m.yaml")
        monkeypatch.delenv("RAY_ADDRESS")
        (tmp_path / "none").write_text(target + "\n")
        check_reachable("auto", place="m.yaml")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(address, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^m.yaml: engine ray needs Ray; pip install 'rnnsweep\[cluster\]'$"):
        check_reachable("auto", place="m.yaml")


def test_ray_is_an_engine_of_machines_and_no_launcher_by_itself(alone, tmp_path):
    sweep = write_sweep(tmp_path)
    make = check_engine(Machine("lab", Path("lab.yaml"), "ray"))
    for slots, words in (
        ("gpu:0", "with --on lab must be a number, 1 or more"),
        ("0", "with --on lab must be a number, 1 or more"),
    ):
        with pytest.raises(UserError, match=words):
            make(Machine("lab", Path("lab.yaml"), "ray"), sweep, slots)
    named = Machine("lab", Path("lab.yaml"), "ray", slots=Share("gpu:0,gpu:1"))
    with pytest.raises(UserError, match="names slots of one machine; engine ray needs"):
        make(named, sweep, None)
    with pytest.raises(UserError, match="no Ray cluster runs on this machine"):
        make(named, sweep, 2)
    (tmp_path / "file").touch()
    with listening(AS_RAY) as here:
        stored = Machine("lab", Path("lab.yaml"), "ray", here, locker=f"{tmp_path}/file/locker")
        with pytest.raises(UserError, match=r"^lab.yaml: locker \S+/file/locker: Not a directory"):
            reach_engine(stored)
    with pytest.raises(UserError, match="^launcher 'ray': runs on a machine's file"):
        check_launcher(write_sweep(tmp_path, launcher="ray"))(2)


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "its head has Ray 2.9.0 on Python 3.10.1, and this machine Ray 2.60.0 on 3.11.7",
            "install the same",
        ),
        ("Failed to connect to Ray cluster at 10.0.0.1:6379", "`ray start --head` prints its address"),
        ("RPC error: InvalidAuthToken: Authentication token is missing", "a cluster that asks for a token"),
    ],
)
def test_where_ray_does_not_connect_the_remedy_is_that_of_its_reason(reason, remedy):
    assert transport._remedy_of(reason).startswith(remedy)


def test_of_an_error_of_ray_the_line_that_says_most_is_shown():
    mismatch = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.1\n"
        "This process on node 127.0.0.2:1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    assert first_line(RuntimeError(mismatch)) == (
        "its head has Ray 2.9.0 on Python 3.10.1, and this machine Ray 2.60.0 on 3.11.7"
    )
    trace = 'Traceback:\n  File "x.py", line 3, in f\nrnnsweep.errors.UserError: no such launcher'
    assert first_line(RuntimeError(trace)) == "no such launcher"
    assert first_line(RuntimeError(trace.replace("rnnsweep.errors.UserError", "KeyError"))) == (
        "KeyError: no such launcher"
    )
    assert first_line(RuntimeError()) == "RuntimeError"


CONNECTS = """
import multiprocessing, sys
from rnnsweep.launchers.ray import driver

ours, theirs = multiprocessing.Pipe()
ours.close()  # the controller was killed while Ray connected
driver._connect = lambda address: {}
driver.drive(theirs, "head:1")
"""


@pytest.mark.parametrize("connects", ["[]", "1 / 0"])
def test_what_talks_to_ray_ends_without_a_word_where_its_controller_was_killed(connects):
    program = CONNECTS.format(connects)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert (run.stdout, run.stderr, run.returncode) == (b"", b"", 0)
