"""The process that talks to Ray. Ray's library ends its process when the head of the cluster dies.

So it is a child of the controller, joined by a pipe. It says ("ready", nodes) or ("refused", reason). It
hears ("versions", rooms) and says what `versions_of` returns. Then it hears ("ask", room, settings),
("send", agent, letter), ("release", agent) and ("close",), and says what arrives.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.messages import AgentSettings
from rnnsweep.launchers.agents.transport import Arrived, Gone
from rnnsweep.launchers.ray.cluster import RayRoom

Found: TypeAlias = dict[str, Mapping[str, str] | str]  # node -> its versions, or why it has none

POLL_S = 2.0  # how long an agent waits for something to say before it only says that it lives
TOKENS, TOKEN_FILE = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"), Path.home() / ".ray" / "auth_token"
OTHER_RAY = "its head has"  # how a refusal begins that is for its version
_VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")
_OWN = f"{UserError.__module__}.{UserError.__name__}: "  # how a traceback names an error for people
REFUSED = "Unauthenticated: "  # in a line that Ray prints
LEAVE_S = 2.0  # that agents have to end what they run and remove their folders
DRAINING_S = 1.0  # between two looks at which nodes are drained
_REMEDY = "see what `rnnsweep doctor` prints on that node"  # where agents end before they say a word
UNAVAILABLE_S = 0.2  # until an agent that Ray could not reach is asked again
VERSIONS_S = 10.0  # that nodes may take to say what they have installed


def drive(connection: Connection, address: str) -> None:
    """Connect to a cluster and do what the controller asks for, until it closes the line or is gone."""
    os.setsid()  # Ctrl-C is for the controller

    def say(kind: str, value: object) -> None:
        try:
            connection.send((kind, value))
        except OSError:  # the controller is gone
            os._exit(0)

    def refuse(reason: str) -> None:
        say("refused", reason)
        os._exit(1)

    try:
        with _heard(refuse):
            nodes = _connect(address)
    except Exception as error:  # Ray raises many kinds
        refuse(first_line(error))
    say("ready", nodes)
    Driver(connection).run()
    os._exit(0)  # Ray ends the actors of a driver that is gone


@contextmanager
def _heard(refuse: Callable[[str], None]) -> Iterator[None]:
    """Read what Ray's library prints, which nobody sees, and call `refuse` where its token is refused.

    Ray prints that at once, tries again each second, and raises another error 20 s later.
    """
    reader, writer = os.pipe()
    kept = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)

    def listen() -> None:
        with open(reader, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                _, found, reason = line.rstrip().partition(REFUSED)
                if found:
                    refuse(reason)

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _connect(address: str) -> list[dict[str, Any]]:
    if any(name in os.environ for name in TOKENS) or TOKEN_FILE.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    # the log of a trial is its agent's to carry: Ray would print each line of each trial here
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    return _nodes()


class Driver:
    """The agents of one controller as actors: one at a time in a room, never started again by Ray."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._sending = connection, threading.Lock()
        self._actors: dict[str, Any] = {}
        self._nodes: dict[str, str] = {}  # agent -> Ray's id of its node
        threading.Thread(target=self._watch, daemon=True).start()

    def run(self) -> None:
        """Do what comes, until the controller closes the line or is gone."""
        while True:
            try:
                kind, *values = self._connection.recv()
            except (EOFError, OSError):
                return
            if kind == "close":
                self._close()
                return
            do: dict[str, Callable[..., None]] = {
                "ask": self._ask,
                "send": self._post,
                "versions": self._compare,
            }
            do.get(kind, self._release)(*values)

    def _compare(self, rooms: Sequence[RayRoom]) -> None:
        self._tell(versions_of(rooms))

    def _ask(self, room: RayRoom, settings: AgentSettings) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from rnnsweep.launchers.ray.actor import AgentActor

        place: Any = "DEFAULT"  # where there is room, or a node that is started for it
        if room.node_id is not None:
            place = NodeAffinitySchedulingStrategy(room.node_id, soft=True)
        # no restart by Ray: it would begin a second writer that nobody here knows
        make = ray.remote(AgentActor).options(
            num_cpus=room.cpus,
            num_gpus=room.gpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=4,
            scheduling_strategy=place,
        )
        actor = self._actors[settings.name] = make.remote(settings)
        threading.Thread(target=self._listen, args=(settings.name, actor), daemon=True).start()

    def _post(self, name: str, letter: bytes) -> None:
        actor = self._actors.get(name)
        if actor is not None:
            actor.post.remote(letter)  # one that is lost is sent again

    def _release(self, name: str) -> None:
        import ray

        actor = self._actors.pop(name, None)
        if actor is not None:
            ray.kill(actor, no_restart=True)

    def _close(self) -> None:
        """Let the agents end what they run and remove their folders, for a while, then end them."""
        import ray

        ends = [actor.close.remote() for actor in self._actors.values()]
        if ends:
            ray.wait(ends, num_returns=len(ends), timeout=LEAVE_S)
        for name in list(self._actors):
            self._release(name)

    def _listen(self, name: str, actor: Any) -> None:
        """Fetch the letters of an agent until it has ended, or nobody wants them any more."""
        from ray.exceptions import RayError

        node: str | None = None  # where it is, once it is there
        try:
            node = self._nodes[name] = _get(actor.node_id)
            while name in self._actors:
                letter = _get(actor.collect, POLL_S)
                if letter is None:
                    self._tell(Gone(name, "it has left", ended=True))
                    return
                self._tell(Arrived(name, letter))
        except RayError as error:
            preempted = bool(getattr(error, "preempted", False))
            gone = Gone(name, first_line(error), ended=_is_up(node), preempted=preempted, remedy=_REMEDY)
            self._tell(gone)

    def _watch(self) -> None:
        """Let the agents of nodes that Ray drains checkpoint and leave, before the node is gone."""
        from ray.exceptions import RayError

        while True:
            time.sleep(DRAINING_S)
            with suppress(RayError, RuntimeError):  # the head is gone, which shows elsewhere
                drained = _draining() if self._nodes else {}
                for name in [name for name, node in list(self._nodes.items()) if node in drained]:
                    del self._nodes[name]
                    if (actor := self._actors.get(name)) is not None:
                        actor.leave.remote("Ray drains its node")

    def _tell(self, message: Arrived | Gone | Found) -> None:
        with self._sending:
            try:
                self._connection.send(message)
            except OSError:  # the controller is gone
                os._exit(0)


def versions_of(rooms: Sequence[RayRoom]) -> Found:
    """Return what each node has installed, or why that cannot be asked there, by the node's name.

    A small task on each node answers, before an agent imports PyTorch there. A node that is gone, or does not
    answer in time, is left out: its agent says what it has.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def versions() -> Mapping[
        str, str
    ]:  # within a function: nodes get its code, whatever they have installed
        from rnnsweep.launchers.agents.versions import versions_here

        return versions_here()

    ask = ray.remote(num_cpus=0, max_retries=0)(versions)
    answers = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False)).remote(): name
        for node_id, name in {room.node_id: room.node for room in rooms if room.node_id}.items()
    }
    answered, _ = ray.wait([*answers], num_returns=len(answers), timeout=VERSIONS_S) if answers else ([], [])
    found: Found = {}
    for answer in answered:
        try:
            found[answers[answer]] = ray.get(answer)
        except RayTaskError as error:  # no such package there
            found[answers[answer]] = first_line(error)
        except RayError:
            continue
    return found


def _get(method: Any, *values: Any) -> Any:
    """Call a method of an actor; an answer that was lost is asked for again."""
    import ray
    from ray.exceptions import ActorUnavailableError

    while True:
        try:
            return ray.get(method.remote(*values))
        except ActorUnavailableError:
            time.sleep(UNAVAILABLE_S)


def _is_up(node: str | None) -> bool:
    """Return whether a node is there, and saw an agent end: on a node that is gone it may work on."""
    return node is None or node in {str(each["NodeID"]) for each in _nodes() if each["Alive"]}


def _nodes() -> list[dict[str, Any]]:
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _draining() -> dict[str, int]:
    """Return the ids of the nodes that are being drained; Ray has no public way to ask."""
    from ray._private.state import state

    nodes: dict[str, int] = state.get_draining_nodes()
    return nodes


def first_line(error: BaseException) -> str:
    """Return the line of an error of Ray that says most: the last of a traceback, else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if lines[0].startswith("Version mismatch"):  # the cluster's versions are in the lines below, then ours
        there, here = _VERSIONS.findall(str(error))[:2]
        return f"{OTHER_RAY} Ray {there[0]} on Python {there[1]}, and this machine Ray {here[0]} on {here[1]}"
    is_trace = any(line.startswith("File ") for line in lines)
    return (lines[-1].removeprefix(_OWN) if is_trace else lines[0])[:300]
