"""What a job of Slurm runs: an agent that is connected to its controller."""

import os
import pickle
import secrets
import signal
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import AuthenticationError
from types import FrameType
from typing import TYPE_CHECKING

from rnnsweep.launchers.slurm.channel import GOODBYE, ControllerAddress, Peer, RefusedError

if TYPE_CHECKING:
    from rnnsweep.launchers.agents.node.agent import Agent

AGAIN_S = 0.5  # between two tries to connect again
HEARD_S = 8  # without a word of the controller, which says one every 3 s, until the agent connects again
GOODBYE_S = 1.0  # that it may take to say goodbye
BEAT_S = 2.0  # how long an agent waits for something to say before it only says that it lives
LOOK_S = 0.1  # between two looks at whether Slurm wants the job to end
ENDS = (signal.SIGTERM, signal.SIGUSR2)  # scancel, preemption, the time limit; before the time limit


def work(packed: bytes, controller: ControllerAddress) -> None:
    """Be an agent until it is over, then end this process: Slurm's job ends with it.

    Args:
        packed: the agent's settings, pickled: what they import comes after the handlers of signals.
        controller: where it listens.
    """
    signals: list[int] = []  # that arrived

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    for number in ENDS:  # in place of submitit's, which would submit the job again
        signal.signal(number, note)
    # Slurm sends them to every process of the job. What starts from here inherits that they are blocked:
    # the fork server and the trials end when the agent asks for it, after their checkpoints
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    node = os.environ.get("SLURMD_NODENAME")
    from rnnsweep.launchers.agents.node.agent import Agent
    from rnnsweep.launchers.agents.node.scratch import enter_project
    from rnnsweep.launchers.slurm.memory import guard_of_job
    from rnnsweep.runtime.process import foreign_ranks

    settings = replace(pickle.loads(packed), scratch=os.environ.get("SLURM_TMPDIR"))
    enter_project(settings)
    guard = guard_of_job()
    for name in foreign_ranks():
        del os.environ[name]
    try:
        link = _Link(controller, settings.name)
    except (OSError, EOFError, AuthenticationError) as error:
        at = f"{controller.host}:{controller.port}"
        reason = getattr(error, "strerror", None) or str(error) or "the connection ended"
        print(f"node {node} cannot connect to {at}: {reason}", file=sys.stderr, flush=True)
        os._exit(1)
    agent = Agent(settings, node=node, memory_guard=guard)
    for target in (_hear, _tell):
        threading.Thread(target=target, args=(agent, link), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    while not agent.over:
        if signals:
            signals.clear()
            agent.leave("Slurm ends its job")
        time.sleep(LOOK_S)
    agent.close()
    goodbye = threading.Thread(target=link.send, args=(GOODBYE,), daemon=True)
    goodbye.start()
    goodbye.join(GOODBYE_S)
    os._exit(0)  # no result is written: nobody would read it


def _hear(agent: "Agent", link: "_Link") -> None:
    """Pass on what the controller says; after 20 s without a word the agent leaves by itself."""
    while not agent.over:
        try:
            agent.post(link.receive())
        except RefusedError:  # nobody wants what its trials make
            agent.close()
        except (OSError, EOFError, AuthenticationError):
            time.sleep(AGAIN_S)


def _tell(agent: "Agent", link: "_Link") -> None:
    while not agent.over:
        link.send(agent.collect(BEAT_S))


class _Link:
    """The job's end of the connection to its controller, which connects again where it breaks."""

    def __init__(self, controller: ControllerAddress, name: str) -> None:
        """Connect.

        Raises:
            OSError, EOFError, AuthenticationError: nobody answers there, it has another key, or refuses.
        """
        self._controller, self._name, self._process = controller, name, secrets.token_hex(8)
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._peer: Peer | None = None
        self._connect()

    def receive(self) -> bytes:
        """Wait for a letter; connect first where the connection broke.

        Raises:
            RefusedError: the controller expects nothing of this agent any more.
            OSError, EOFError, AuthenticationError: there is no connection now.
        """
        peer = self._peer or self._connect()
        try:
            return peer.receive()
        except (OSError, EOFError):
            self._break(peer)
            raise

    def send(self, letter: bytes) -> None:
        """Send a letter, once there is a connection; where that breaks the letter is lost."""
        with self._sending:
            with self._changed:
                self._changed.wait_for(lambda: self._peer is not None)
                peer = self._peer
            assert peer is not None
            try:
                peer.send(letter)
            except OSError:
                self._break(peer)

    def _connect(self) -> Peer:
        peer = self._controller.connect(self._name, self._process)
        peer.limit(HEARD_S)
        with self._changed:
            self._peer = peer
            self._changed.notify_all()
        return peer

    def _break(self, peer: Peer) -> None:
        peer.end()
        with self._changed:
            if self._peer is peer:
                self._peer = None
