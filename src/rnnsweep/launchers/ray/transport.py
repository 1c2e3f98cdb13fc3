"""Letters to agents that Ray places: the controller's end, beside the process that talks to Ray."""

import multiprocessing
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.agents.transport import Arrived, Gone, Room
from rnnsweep.launchers.agents.versions import SAME, check_versions_of
from rnnsweep.launchers.local.server import without_main
from rnnsweep.launchers.ray.address import check_reachable
from rnnsweep.launchers.ray.cluster import RayRoom, rooms_of
from rnnsweep.launchers.ray.driver import OTHER_RAY, drive
from rnnsweep.machine import Share

READY_S = 30.0  # that Ray may take to connect, once somebody listens at the address
CLOSE_S = 3.0  # that it may take to end its actors


class RayTransport:
    """Carries letters over Ray; see `Transport`."""

    def __init__(self, address: str, request: Share, *, place: str) -> None:
        """Connect to a cluster, from a process of its own.

        Args:
            address: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.
            request: what a slot needs.
            place: the file that says so, for messages.

        Raises:
            UserError: Ray is not installed, no cluster answers, it has other versions, or no room for a slot.
        """
        check_reachable(address, place=place)
        self._place, self._address = place, address
        self._connection, theirs = multiprocessing.Pipe()
        self._sending = threading.Lock()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=drive, args=(theirs, address), name="ray", daemon=True)
        with without_main():
            self._process.start()
        theirs.close()
        try:
            rooms = rooms_of(self._nodes(), request, place=place)
            self._check_versions(rooms)
        except BaseException:
            self._end()
            raise
        self.rooms: Sequence[Room] = rooms

    def _check_versions(self, rooms: Sequence[RayRoom]) -> None:
        """Refuse a node where other versions are installed, or no rnnsweep."""
        self._tell("versions", rooms)
        for node, there in self._heard().items():
            if isinstance(there, str):
                raise UserError(f"{self._place}: node {node}: {there}", remedy=SAME)
            check_versions_of(self._place, node, there)

    def _nodes(self) -> list[dict[str, Any]]:
        kind, value = self._heard()
        if kind == "refused":
            where = f"{self._place}: address={self._address!r}"
            raise UserError(f"{where}: Ray does not connect: {value}", remedy=_remedy_of(value))
        nodes: list[dict[str, Any]] = value
        return nodes

    def _heard(self) -> Any:
        """Return what the process says that talks to Ray, before the first agent."""
        where = f"{self._place}: address={self._address!r}"
        shows = f"see whether `ray status --address={self._address}` answers"
        try:
            if not self._connection.poll(READY_S):
                raise UserError(f"{where}: Ray did not connect within {READY_S:g} s", remedy=shows)
            return self._connection.recv()
        except (EOFError, OSError):
            raise UserError(f"{where}: Ray ended its process while it connected", remedy=shows) from None

    def ask(self, room: Room, settings: AgentSettings) -> None:
        """Ask for an agent: an actor with the room's share of a node."""
        assert isinstance(room, RayRoom)
        self._tell("ask", room, settings)

    def send(self, agent: str, letter: bytes) -> None:
        """Send a letter."""
        self._tell("send", agent, letter)

    def release(self, agent: str) -> None:
        """End an agent's process where it can be reached."""
        self._tell("release", agent)

    def receive(self, timeout: float) -> Sequence[Arrived | Gone]:
        """Wait for letters.

        Raises:
            UserError: the head of the cluster is gone, and with it the process that talked to it.
        """
        arrived: list[Arrived | Gone] = []
        until = time.monotonic() + timeout
        try:
            while self._connection.poll(0.0 if arrived else max(0.0, until - time.monotonic())):
                arrived.append(self._connection.recv())
        except (EOFError, OSError):
            if not arrived:
                raise UserError(
                    f"{self._place}: address={self._address!r}: the head of the Ray cluster is gone",
                    remedy="the same command resumes the sweep once there is a cluster",
                ) from None
        return arrived

    def close(self) -> None:
        """End all agents and the process that talks to Ray."""
        self._tell("close")
        self._process.join(CLOSE_S)
        self._end()

    def _tell(self, *message: Any) -> None:
        with self._sending, suppress(OSError):  # a process that is gone shows when something is received
            self._connection.send(message)

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _remedy_of(reason: str) -> str:
    """Return what to do where Ray does not connect."""
    if reason.startswith(OTHER_RAY):
        return SAME
    if reason.startswith("Failed to connect"):  # another program that speaks gRPC, or a head that hangs
        return "`ray start --head` prints its address"
    return (
        "a cluster that asks for a token finds it in RAY_AUTH_TOKEN or ~/.ray/auth_token, the same on all"
        " machines"
    )
