"""What a job of Slurm runs: an agent that is connected to its controller."""

import os
import pickle
import signal
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import AuthenticationError
from types import FrameType
from typing import TYPE_CHECKING

from rnnsweep.launchers.slurm.channel import ControllerAddress, Peer

if TYPE_CHECKING:
    from rnnsweep.launchers.agents.node.agent import Agent

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
    from rnnsweep.runtime.process import foreign_ranks

    settings = replace(pickle.loads(packed), scratch=os.environ.get("SLURM_TMPDIR"))
    enter_project(settings)
    for name in foreign_ranks():
        del os.environ[name]
    try:
        peer = controller.connect(settings.name)
    except (OSError, EOFError, AuthenticationError) as error:
        at = f"{controller.host}:{controller.port}"
        print(f"node {node}: no controller at {at}: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    agent = Agent(settings, node=node)
    for target in (_hear, _tell):
        threading.Thread(target=target, args=(agent, peer), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    while not agent.over:
        if signals:
            signals.clear()
            agent.leave("Slurm ends its job")
        time.sleep(LOOK_S)
    agent.close()
    os._exit(0)  # no result is written: nobody would read it


def _hear(agent: "Agent", peer: Peer) -> None:
    try:
        while True:
            agent.post(peer.receive())
    except (OSError, EOFError):
        agent.leave("its controller is gone", preempted=False)


def _tell(agent: "Agent", peer: Peer) -> None:
    try:
        while not agent.over:
            peer.send(agent.collect(BEAT_S))
    except OSError:
        agent.leave("its controller is gone", preempted=False)
