"""What Ray runs on a node: an agent, with the calls by which letters come and go."""

import os
import signal
from contextlib import suppress
from types import FrameType

from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.agents.node.agent import Agent
from rnnsweep.launchers.agents.node.memory import MemoryGuard
from rnnsweep.launchers.agents.node.scratch import enter_project

MARGIN = 0.02  # of the node's memory, below the threshold at which Ray ends the agent with all its trials


def _threshold() -> float:
    """Return the share of a node's memory in use at which Ray ends processes."""
    return float(os.environ.get("RAY_memory_usage_threshold", "0.95"))  # noqa: SIM112


class AgentActor:
    """One agent. Ray calls it from several threads."""

    def __init__(self, settings: AgentSettings) -> None:
        """Begin, on the node that was asked for or on another one that Ray chose."""
        enter_project(settings)
        # A node that shuts down sends SIGTERM to all of its processes. The fork server and the trials inherit
        # that it is blocked: they end when the agent asks for it, after their checkpoints
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
        guard = MemoryGuard(_threshold() - MARGIN)
        self._agent = Agent(settings, node=self._address(), memory_guard=guard)
        with suppress(ValueError):  # not the main thread: Ray's own handler stays
            signal.signal(signal.SIGTERM, self._terminated)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        self._agent.leave("its process was told to end")

    def _address(self) -> str:
        """Return the name of the node where the agent is."""
        import ray

        nodes = ray.nodes()  # type: ignore[no-untyped-call]
        return str(next(one["NodeManagerAddress"] for one in nodes if one["NodeID"] == self.node_id()))

    def node_id(self) -> str:
        """Return Ray's id of the node where the agent is."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def post(self, letter: bytes) -> None:
        """Take a letter of the controller."""
        self._agent.post(letter)

    def collect(self, timeout: float) -> bytes | None:
        """Wait for a letter to the controller; None once the agent is over."""
        return None if self._agent.over else self._agent.collect(timeout)

    def leave(self, reason: str) -> None:
        """Let all tasks checkpoint and end, and the agent too."""
        self._agent.leave(reason)

    def close(self) -> None:
        """End what runs, at once, and remove the agent's folder."""
        self._agent.close()
