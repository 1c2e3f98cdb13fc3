"""What jobs of Slurm ask for, who may connect, and what is refused; without a cluster."""

import os
import secrets
import socket
import threading
from multiprocessing import AuthenticationError
from pathlib import Path
from queue import SimpleQueue

import pytest
from simulation import write_sweep

from rnnsweep.errors import UserError
from rnnsweep.launchers import check_engine, check_launcher, reach_engine
from rnnsweep.launchers.slurm import cluster
from rnnsweep.launchers.slurm.channel import (
    GOODBYE,
    AgentConnection,
    ChannelListener,
    ControllerAddress,
    RefusedError,
)
from rnnsweep.launchers.slurm.cluster import check_slurm, for_submitit, job_parameters, reason_of, rooms_of
from rnnsweep.launchers.slurm.transport import _last_line
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import parse_slots


def machine(**slurm):
    return Machine("lab", Path("lab.yaml"), "slurm", slurm=slurm)


@pytest.mark.parametrize(
    ("request_", "slots"),
    [
        (Share(most=2), ["cpu:1", "cpu:1"]),
        (Share(most=3, threads=2, together=2), ["cpu:2,cpu:2", "cpu:2"]),
        (Share(most=3, share=2), ["gpu:0,gpu:0", "gpu:0"]),
        (Share(most=4, share=2, threads=2, together=4), ["gpu:0:2,gpu:0:2,gpu:1:2,gpu:1:2"]),
        (Share(most=1, together=8), ["cpu:1"]),
    ],
)
def test_there_is_one_room_for_each_job_and_no_more_slots_than_asked_for(request_, slots):
    rooms = rooms_of(machine(), request_)
    assert [room.slots for room in rooms] == slots
    assert sum(len(parse_slots(room.slots)) for room in rooms) == request_.most
    assert len({room.node for room in rooms}) == len(rooms)


def test_a_job_asks_for_what_its_slots_come_to_and_the_file_says_more():
    found = job_parameters(
        machine(partition="gpu", time=240, memory="16G"), Share(share=2, threads=3, most=4), 4
    )
    assert found == {
        "time": 240,
        "nodes": 1,
        "ntasks_per_node": 1,
        "cpus_per_task": 12,
        "gres": "gpu:2",
        "partition": "gpu",
        "mem": "16G",
    }
    assert job_parameters(machine(gres="gpu:a100:1"), Share(share=1), 1)["gres"] == "gpu:a100:1"


def test_submitit_knows_every_key_that_a_machine_may_have_and_requeues_no_job(tmp_path):
    submitit = pytest.importorskip("submitit")
    from submitit.slurm.slurm import _make_sbatch_string

    from rnnsweep.machine import explain_machine_keys

    examples = {
        key.rpartition(".")[2]: one.example
        for key, one in explain_machine_keys().items()
        if key.startswith("machine.slurm.")
    }
    given = for_submitit(job_parameters(machine(**{**examples, "time": 240}), Share(most=1), 1))
    text = _make_sbatch_string("true", tmp_path, **given)
    for line in ("--no-requeue", "--reservation=course", "--mem=16G", "--partition=gpu", "--time=240"):
        assert f"#SBATCH {line}\n" in text
    assert set(given) <= submitit.SlurmExecutor._valid_parameters()


def test_what_sbatch_says_most_plainly_is_the_reason():
    first = "sbatch: error: invalid partition specified: nope\nallocation failure: Invalid partition name\n"
    assert reason_of(first) == "invalid partition specified: nope"
    assert reason_of("allocation failure: Requested node configuration is not available\n").startswith("Req")
    assert reason_of("\n") == ""
    ping = "Slurmctld(primary) at n0 is DOWN\n*****\n** RESTORE SLURMCTLD DAEMON TO SERVICE **\n*****\n"
    assert reason_of(ping) == "Slurmctld(primary) at n0 is DOWN"


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Write commands of Slurm that print what they are told to; the only ones on the path."""

    def write(**answers):
        for name in cluster.COMMANDS:
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{answers.get(name, 'exit 0')}\n")
            path.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return write


def refusal(*values):
    with pytest.raises(UserError) as refused:
        check_slurm(*values)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_machine_without_slurm_is_refused(commands):
    assert refusal(machine()) == (
        "lab.yaml: engine slurm: sbatch is not on the path; run this where jobs are submitted, such as a"
        " login node"
    )


def test_an_installation_without_submitit_is_refused(commands, monkeypatch):
    commands()
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    assert refusal(machine()) == "lab.yaml: engine slurm needs submitit; pip install 'rnnsweep[slurm]'"


def test_a_cluster_that_does_not_answer_is_refused(commands, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: True)
    commands(scontrol="echo 'Slurmctld(primary) at head is DOWN'")
    assert refusal(machine()) == (
        "lab.yaml: engine slurm: Slurm's controller does not answer: Slurmctld(primary) at head is DOWN;"
        " `scontrol ping` shows when it does; SLURM_CONF names another cluster's settings"
    )
    commands(scontrol="exec /bin/sleep 5")
    monkeypatch.setattr(cluster, "PING_S", 0.1)
    assert "does not answer: no answer within 0.1 s; `scontrol ping`" in refusal(machine())
    commands(scontrol="echo 'Slurmctld(primary) at head is UP'")
    check_slurm(machine())


def test_a_time_limit_shorter_than_the_warning_before_it_is_refused(commands, monkeypatch):
    commands()
    monkeypatch.setattr(cluster, "find_spec", lambda name: True)
    assert "slurm.time: 4: must be at least 5 minutes" in refusal(machine(time=4))


@pytest.mark.parametrize(
    ("given", "slots", "words"),
    [
        (
            {},
            "two",
            "slots='two': with --on lab must be a number, 1 or more; each slot is described in lab.yaml",
        ),
        ({"slots": Share("cpu:1,cpu:1")}, None, "slots='cpu:1,cpu:1': names slots of one machine"),
        ({"locker": "/dev/null/locker"}, None, "lab.yaml: locker /dev/null/locker: Not a directory"),
        ({}, None, "needs their number; write slots: {each: cpu:1, most: 8} there, or give --slots 8"),
    ],
)
def test_what_a_file_asks_of_slurm_wrongly_is_refused(commands, monkeypatch, tmp_path, given, slots, words):
    commands(scontrol="echo 'Slurmctld(primary) at head is UP'")
    monkeypatch.setattr(cluster, "find_spec", lambda name: True)
    asked = Machine("lab", Path("lab.yaml"), "slurm", **given)

    def begin():
        reach_engine(asked)
        check_engine(asked)(asked, write_sweep(tmp_path), slots)

    with pytest.raises(UserError) as refused:
        begin()
    assert words in str(refused.value)


def test_a_sweep_that_names_the_launcher_slurm_is_referred_to_a_machine_file(tmp_path):
    with pytest.raises(UserError, match="write conf/machine/NAME.yaml, and give --on NAME"):
        check_launcher(write_sweep(tmp_path, launcher="slurm"))(2)


# who may connect


@pytest.fixture
def listener(tmp_path):
    """An open listener, where it is, and who connected."""
    key, peers = secrets.token_bytes(32), SimpleQueue()
    (tmp_path / "key").write_bytes(key)

    def connected(name, process, peer):
        peer.send(b"taken")
        peers.put((name, peer))

    listener = ChannelListener("127.0.0.1", 0, key, connected)
    yield ControllerAddress("127.0.0.1", listener.port, str(tmp_path / "key")), peers
    listener.close()


def test_who_knows_the_key_comes_in_and_bytes_arrive_as_they_were_sent(listener):
    controller, peers = listener
    ours = controller.connect("a@1", "p")
    name, theirs = peers.get(timeout=5)
    assert name == "a@1"
    large = os.urandom(3 << 20)
    threading.Thread(target=ours.send, args=(large,)).start()
    assert theirs.receive() == large
    theirs.send(b"")
    assert ours.receive() == b""
    theirs.end()
    with pytest.raises((EOFError, OSError)):
        ours.receive()


def test_who_does_not_know_the_key_or_says_nothing_keeps_nobody_out(listener, tmp_path):
    controller, peers = listener
    silent = socket.create_connection((controller.host, controller.port))
    babbling = socket.create_connection((controller.host, controller.port))
    babbling.sendall(b"GET / HTTP/1.1\r\n\r\n" * 9)
    (tmp_path / "other").write_bytes(secrets.token_bytes(32))
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        ControllerAddress(controller.host, controller.port, str(tmp_path / "other")).connect("a@1", "p")
    controller.connect("b@1", "p")
    name, _ = peers.get(timeout=5)
    assert name == "b@1"
    assert peers.empty()
    for each in (silent, babbling):
        each.close()


# what a connection that breaks costs


@pytest.fixture
def agent(tmp_path):
    """Make the controller's end of an agent named `a@1`, and return it and where the agent connects."""
    listeners = []

    def make(wait_s):
        connection = AgentConnection(wait_s)
        (tmp_path / "key").write_bytes(b"key")

        def connected(name, process, peer):
            if connection.take(process, peer):
                threading.Thread(target=connection.send_all, daemon=True).start()

        listeners.append(ChannelListener("127.0.0.1", 0, b"key", connected))
        return connection, ControllerAddress("127.0.0.1", listeners[-1].port, str(tmp_path / "key"))

    yield make
    for listener in listeners:
        listener.close()


def test_an_agent_whose_connection_broke_is_heard_over_the_next_one_it_makes(agent):
    connection, controller = agent(60.0)
    first = controller.connect("a@1", "p")
    first.send(b"1")
    assert connection.receive() == b"1"
    first.end()
    later = threading.Timer(0.2, lambda: made.append(controller.connect("a@1", "p")))
    made = []
    later.start()
    later.join()
    made[0].send(b"2")
    assert connection.receive() == b"2"
    connection.send(b"3")
    assert made[0].receive() == b"3"


def test_a_connection_of_which_the_controller_does_not_see_the_end_is_replaced_too(agent):
    connection, controller = agent(60.0)
    controller.connect("a@1", "p").send(b"1")
    assert connection.receive() == b"1"
    first = controller.connect("a@1", "p")
    heard = []
    reads = threading.Thread(target=lambda: heard.append(connection.receive()), daemon=True)
    reads.start()  # waits for the one that says nothing any more
    controller.connect("a@1", "p").send(b"2")
    reads.join(5)
    assert heard == [b"2"]
    first.limit(20)  # seconds; that they pass is another error
    with pytest.raises((EOFError, ConnectionError)):
        first.receive()


def test_the_later_of_two_connections_is_kept_where_the_first_is_taken_slowly():
    connection, told, go_on = AgentConnection(60.0), threading.Event(), threading.Event()

    class Told:
        """A peer; `send` returns late, while the agent has read what was sent and connects again."""

        ended = False

        def send(self, data):
            told.set()
            go_on.wait(0.2)

        def end(self):
            self.ended = True

    class Later(Told):
        def send(self, data):
            go_on.set()

    first, second = Told(), Later()
    slow = threading.Thread(target=connection.take, args=("p", first))
    slow.start()
    told.wait(5)
    connection.take("p", second)
    slow.join(5)
    assert (first.ended, second.ended) == (True, False)


def test_another_process_with_the_name_of_an_agent_is_refused(agent):
    connection, controller = agent(60.0)
    ours = controller.connect("a@1", "p")
    with pytest.raises(RefusedError, match="it expects nothing of this agent"):
        controller.connect("a@1", "q")
    ours.send(b"1")
    assert connection.receive() == b"1"


@pytest.mark.parametrize(
    ("wait_s", "end", "reason"),
    [
        (60.0, lambda connection, peer: peer.send(GOODBYE), "it has left"),
        (60.0, lambda connection, peer: connection.end(), "it was given up"),
        (0.1, lambda connection, peer: peer.end(), "its connection broke, and .* not .* again within 0.1 s"),
    ],
)
def test_an_agent_is_waited_for_unless_it_says_goodbye_or_is_given_up(agent, wait_s, end, reason):
    connection, controller = agent(wait_s)
    peer = controller.connect("a@1", "p")
    peer.send(b"1")
    assert connection.receive() == b"1"
    end(connection, peer)
    with pytest.raises(EOFError, match=reason):
        connection.receive()
    connection.end()
    with pytest.raises(RefusedError):
        controller.connect("a@1", "p")


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (
            "slurmstepd: error: execve(): /opt/python: No such file or directory\nsrun: error: n1\n",
            "slurmstepd: error: execve(): /opt/python: No such file or directory",
        ),
        (
            "Traceback:\nModuleNotFoundError: no rnnsweep\nsrun: error: n1\n",
            "ModuleNotFoundError: no rnnsweep",
        ),
        ("", "its job ended before it began"),
        (None, "its job ended before it began"),
    ],
)
def test_what_a_job_printed_last_or_else_slurm_first_is_why_no_agent_connected(tmp_path, printed, reason):
    if printed is not None:
        (tmp_path / "log").write_text(printed)
    assert _last_line(tmp_path / "log") == reason
